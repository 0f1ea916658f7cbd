// openid-client: discovery by RFC 8414, then every grant and endpoint that it finds there.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as client from 'openid-client'
import { server } from './server.mjs'

const discover = ({ client_id }, authentication, algorithm = 'oauth2') =>
  client.discovery(new URL(server.issuer), client_id, undefined, authentication, {
    algorithm,
    execute: [client.allowInsecureRequests], // plain HTTP, on loopback
  })

const clients = {
  client_secret_basic: await discover(server.basic, client.ClientSecretBasic(server.basic.client_secret)),
  client_secret_post: await discover(server.post, client.ClientSecretPost(server.post.client_secret)),
  none: await discover(server.public, client.None()),
}
const basic = clients.client_secret_basic

const signIn = (config, parameters = {}) =>
  client.genericGrantRequest(config, 'password', {
    username: server.username,
    password: server.password,
    ...parameters,
  })

test('discovery tells where everything is', () => {
  const metadata = basic.serverMetadata()
  assert.equal(metadata.issuer, server.issuer)
  assert.equal(metadata.token_endpoint, `${server.issuer}/token`)
  assert.equal(metadata.jwks_uri, `${server.issuer}/.well-known/jwks.json`)
  assert.equal(metadata.introspection_endpoint, `${server.issuer}/introspect`)
  assert.equal(metadata.revocation_endpoint, `${server.issuer}/revoke`)
  for (const grant of ['password', 'refresh_token', 'client_credentials']) {
    assert.ok(metadata.grant_types_supported.includes(grant), grant)
  }
  for (const method of Object.keys(clients)) {
    assert.ok(metadata.token_endpoint_auth_methods_supported.includes(method), method)
  }
})

test('the OpenID path tells the same', async () => {
  const other = await discover(server.basic, client.ClientSecretBasic(server.basic.client_secret), 'oidc')
  assert.equal(other.serverMetadata().token_endpoint, basic.serverMetadata().token_endpoint)
})

for (const [method, config] of Object.entries(clients)) {
  test(`password, then refresh, by ${method}`, async () => {
    const first = await signIn(config, { scope: 'notes:read notes:write' })
    const second = await client.refreshTokenGrant(config, first.refresh_token, { scope: 'notes:read' })
    assert.equal(first.token_type, 'bearer') // which openid-client writes so
    assert.equal(first.expires_in, 600)
    assert.equal(second.scope, 'notes:read')
    assert.notEqual(second.refresh_token, first.refresh_token)
  })
}

test('client credentials', async () => {
  const tokens = await client.clientCredentialsGrant(basic, { scope: 'notes:write', resource: server.api })
  assert.equal(tokens.scope, 'notes:write')
  assert.equal(tokens.refresh_token, undefined)
})

test('introspection, then revocation', async () => {
  const { access_token: token } = await signIn(basic, { scope: 'notes:read' })
  const told = await client.tokenIntrospection(basic, token)
  assert.equal(told.active, true)
  assert.equal(told.scope, 'notes:read')
  assert.equal(told.iss, server.issuer)

  await client.tokenRevocation(basic, token)
  assert.deepEqual(await client.tokenIntrospection(basic, token), { active: false })
})

test('a revoked refresh token is refused', async () => {
  const { refresh_token: token } = await signIn(basic)
  await client.tokenRevocation(basic, token, { token_type_hint: 'refresh_token' })
  await assert.rejects(client.refreshTokenGrant(basic, token), { error: 'invalid_grant', status: 400 })
})

test('a token opens /users/me, and one without the scope does not', async () => {
  const me = new URL(`${server.issuer}/users/me`)
  const { access_token: mine } = await signIn(basic, { scope: 'profile' })
  const answer = await client.fetchProtectedResource(basic, mine, me, 'GET')
  assert.equal((await answer.json()).username, server.username)

  const { access_token: other } = await signIn(basic, { scope: 'notes:read' })
  await assert.rejects(client.fetchProtectedResource(basic, other, me, 'GET'), (error) => {
    assert.equal(error.status, 403)
    assert.equal(error.cause[0].parameters.error, 'insufficient_scope')
    assert.equal(error.cause[0].parameters.scope, 'profile')
    return true
  })
})

test('refusals have the codes of the standard', async () => {
  await assert.rejects(signIn(basic, { password: 'not-the-password-at-all' }), { error: 'invalid_grant', status: 400 })
  await assert.rejects(signIn(basic, { scope: 'notes:burn' }), { error: 'invalid_scope', status: 400 })
  await assert.rejects(signIn(basic, { resource: 'https://elsewhere.example' }), { error: 'invalid_target', status: 400 })
  await assert.rejects(client.genericGrantRequest(basic, 'telepathy', {}), { error: 'unsupported_grant_type', status: 400 })
  await assert.rejects(client.clientCredentialsGrant(clients.none), { error: 'unauthorized_client', status: 400 })

  const wrong = await discover(server.basic, client.ClientSecretBasic('wrong'))
  await assert.rejects(signIn(wrong), (error) => {
    assert.equal(error.status, 401)
    assert.equal(error.cause[0].scheme, 'basic')
    return true
  })
})
