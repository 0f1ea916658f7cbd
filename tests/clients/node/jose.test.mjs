// jose, as an API uses it: createRemoteJWKSet finds the key, jwtVerify checks the token.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SignJWT, createRemoteJWKSet, generateKeyPair, jwtVerify } from 'jose'
import { server, signIn, tamper } from './server.mjs'

const keys = createRemoteJWKSet(new URL(`${server.issuer}/.well-known/jwks.json`))
const { access_token: token } = await signIn({ scope: 'notes:read' })

const check = (token, changes = {}) =>
  jwtVerify(token, keys, {
    issuer: server.issuer,
    audience: server.api,
    typ: 'at+jwt',
    algorithms: ['RS256'],
    requiredClaims: ['sub', 'exp', 'iat', 'jti', 'client_id'],
    ...changes,
  })

test('a token verifies by the published keys', async () => {
  const { payload, protectedHeader } = await check(token)
  assert.equal(payload.scope, 'notes:read')
  assert.equal(payload.client_id, server.public.client_id)
  assert.deepEqual(Object.keys(protectedHeader).sort(), ['alg', 'kid', 'typ'])
})

test('a token for another audience is refused', async () => {
  const { access_token: other } = await signIn(server.account)
  await check(other, { audience: server.issuer })
  await assert.rejects(check(other), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED', claim: 'aud' })
})

test('a token of another issuer is refused', () =>
  assert.rejects(check(token, { issuer: 'https://elsewhere.example' }), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' }))

test('an access token is not an ID token', () =>
  assert.rejects(check(token, { typ: 'JWT' }), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' }))

test('a tampered token is refused', () =>
  assert.rejects(check(tamper(token)), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' }))

test('a token ends after its lifetime', async () => {
  const after = (seconds) => ({ currentDate: new Date(Date.now() + seconds * 1000) })
  await check(token, after(540))
  await assert.rejects(check(token, after(601)), { code: 'ERR_JWT_EXPIRED' })
})

test('a token signed by somebody else has no key', async () => {
  const { privateKey } = await generateKeyPair('RS256')
  const header = { alg: 'RS256', typ: 'at+jwt', kid: 'a-key-of-mine' }
  const forged = await new SignJWT({ sub: 'mallory' }).setProtectedHeader(header).sign(privateKey)
  await assert.rejects(check(forged), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
})
