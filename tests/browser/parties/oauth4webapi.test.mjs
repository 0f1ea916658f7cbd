// oauth4webapi: a public client, whose answer comes as a form (OAuth 2.0 Form Post Response Mode).

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as oauth from 'oauth4webapi'
import { allow, person, signIn } from '../browser.mjs'
import { site } from '../party.mjs'
import { server } from '../server.mjs'

const insecure = { [oauth.allowInsecureRequests]: true } // plain HTTP, on loopback

test('oauth4webapi signs a user in and out', async (t) => {
  const { callback, signedOut, visits } = await site(t)
  const client = server.addClient({ redirectUri: callback, signedOutUri: signedOut, flags: ['--public'] })
  const user = server.addUser()
  const issuer = new URL(server.issuer)
  const metadata = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))

  const [verifier, state, nonce] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState(), oauth.generateRandomNonce()]
  const url = new URL(metadata.authorization_endpoint)
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: callback,
    response_type: 'code',
    response_mode: 'form_post',
    scope: 'openid email',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  })
  const page = await person(t, { hasScripts: true })
  await page.goto(url.href)
  await signIn(page, user)
  await allow(page)
  await page.waitForURL(callback)

  const { form } = visits.find(({ url }) => url.pathname === '/callback')
  const answer = oauth.validateAuthResponse(metadata, client, form, state)
  const response = await oauth.authorizationCodeGrantRequest(
    metadata, client, oauth.None(), answer, callback, verifier, insecure,
  )
  const tokens = await oauth.processAuthorizationCodeResponse(metadata, client, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  })
  await oauth.validateApplicationLevelSignature(metadata, response, insecure)
  const { sub } = oauth.getValidatedIdTokenClaims(tokens)
  const told = await oauth.userInfoRequest(metadata, client, tokens.access_token, insecure)
  const { email, preferred_username } = await oauth.processUserInfoResponse(metadata, client, sub, told)
  assert.equal(email, `${user.username}@people.example`)
  assert.equal(preferred_username, undefined) // which is for the scope `profile`

  const again = await oauth.refreshTokenGrantRequest(
    metadata, client, oauth.None(), tokens.refresh_token, insecure,
  )
  const refreshed = await oauth.processRefreshTokenResponse(metadata, client, again)
  assert.equal(oauth.getValidatedIdTokenClaims(refreshed).sub, sub)

  const out = new URL(metadata.end_session_endpoint)
  out.search = new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: signedOut })
  await page.goto(out.href)
  await page.waitForURL(signedOut)
  const late = await oauth.refreshTokenGrantRequest(
    metadata, client, oauth.None(), refreshed.refresh_token, insecure,
  )
  await assert.rejects(oauth.processRefreshTokenResponse(metadata, client, late), { error: 'invalid_grant' })
})
