// openid-client: a confidential client, from discovery to the end of the session.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as client from 'openid-client'
import { allow, person, signIn } from '../browser.mjs'
import { site } from '../party.mjs'
import { server } from '../server.mjs'

test('openid-client signs a user in and out', async (t) => {
  const { callback, signedOut } = await site(t)
  const { client_id, client_secret } = server.addClient({ redirectUri: callback, signedOutUri: signedOut })
  const user = server.addUser()
  const basic = client.ClientSecretBasic(client_secret)
  const config = await client.discovery(new URL(server.issuer), client_id, undefined, basic, {
    execute: [client.allowInsecureRequests], // plain HTTP, on loopback
  })

  const [verifier, state, nonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()]
  const ask = async (more) => {
    const code_challenge = await client.calculatePKCECodeChallenge(verifier)
    const parameters = { redirect_uri: callback, scope: 'openid profile email offline_access', state, nonce }
    return client.buildAuthorizationUrl(config, { ...parameters, code_challenge, code_challenge_method: 'S256', ...more }).href
  }
  const page = await person(t)
  await page.goto(await ask({ prompt: 'consent' }))
  await signIn(page, user)
  await allow(page)
  await page.waitForURL(`${callback}?*`)

  const tokens = await client.authorizationCodeGrant(config, new URL(page.url()), {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    maxAge: 300,
    idTokenExpected: true,
  })
  const { sub } = tokens.claims()
  const told = await client.fetchUserInfo(config, tokens.access_token, sub)
  assert.equal(told.preferred_username, user.username)
  assert.equal(told.email, `${user.username}@people.example`)
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
  assert.equal(refreshed.claims().sub, sub)

  const goodbye = { id_token_hint: tokens.id_token, post_logout_redirect_uri: signedOut, state: 'goodbye' }
  await page.goto(client.buildEndSessionUrl(config, goodbye).href)
  await page.waitForURL(`${signedOut}?state=goodbye`)
  await page.goto(await ask({ prompt: 'none' }))
  await assert.rejects(
    client.authorizationCodeGrant(config, new URL(page.url()), { pkceCodeVerifier: verifier, expectedState: state }),
    { error: 'login_required' },
  )
  await client.refreshTokenGrant(config, refreshed.refresh_token) // which `offline_access` is for
})
