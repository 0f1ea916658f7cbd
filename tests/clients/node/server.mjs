// What the tests know of the server that tests/clients/run has started.

import { readFileSync } from 'node:fs'

export const server = JSON.parse(readFileSync(process.env.CLAVIGER, 'utf8'))

/** Tokens for the user by a bare request, for tests that are about something else. */
export async function signIn(form = {}) {
  const { username, password } = server
  const body = new URLSearchParams({ grant_type: 'password', username, password, ...form })
  const answer = await fetch(`${server.issuer}/token`, { method: 'POST', body })
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  return answer.json()
}

/** The same token with another payload, which claims more scope, under the old signature. */
export function tamper(token) {
  const [header, payload, signature] = token.split('.')
  const claims = { ...JSON.parse(Buffer.from(payload, 'base64url')), scope: 'notes:read notes:write' }
  return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.')
}
