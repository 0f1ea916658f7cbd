// oauth4webapi: its validator of RFC 9068 access tokens, the strictest there is.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as oauth from 'oauth4webapi'
import { server, signIn, tamper } from './server.mjs'

const insecure = { [oauth.allowInsecureRequests]: true } // plain HTTP, on loopback
const issuer = new URL(server.issuer)
const discovered = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
const metadata = await oauth.processDiscoveryResponse(issuer, discovered)
const { access_token: token } = await signIn({ scope: 'notes:read' })

const check = (token, audience = server.api) => {
  const request = new Request(audience, { headers: { authorization: `Bearer ${token}` } })
  return oauth.validateJwtAccessToken(metadata, request, audience, insecure)
}

test('a token is one of RFC 9068', async () => {
  const claims = await check(token)
  assert.equal(claims.iss, server.issuer)
  assert.equal(claims.client_id, server.public.client_id)
})

test('a token for another audience is refused', async () => {
  const { access_token: other } = await signIn(server.account)
  await check(other, server.issuer)
  await assert.rejects(check(other), { code: 'OAUTH_JWT_CLAIM_COMPARISON_FAILED' })
})

test('a tampered token is refused', () => assert.rejects(check(tamper(token)), /signature/))
