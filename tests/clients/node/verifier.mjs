// jose as an API that keeps the JWKS, by a clock that the test moves (`tests/it/rotations.rs`).
//
// Each line on standard input is a JSON object with the time `now`, the `jwks` URL of the node that is asked if one
// must be, `issuer`, `audience` and a `token`; each line on standard output says `good`, or why not.

import { createInterface } from 'node:readline'
import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose'

const MAX_AGE = 300_000

let question
Date.now = () => question.now * 1000

// With a cooldown as long as the cache it never looks early: a copy that does not know a key is a failure.
const keys = createRemoteJWKSet(new URL('http://127.0.0.1'), {
  cacheMaxAge: MAX_AGE,
  cooldownDuration: MAX_AGE,
  [customFetch]: (_, options) => fetch(question.jwks, options),
})

for await (const line of createInterface({ input: process.stdin })) {
  question = JSON.parse(line)
  const { issuer, audience } = question
  try {
    await jwtVerify(question.token, keys, { issuer, audience, algorithms: ['RS256'], currentDate: new Date(Date.now()) })
    console.log('good')
  } catch (error) {
    console.log(`${error.code}: ${error.message}`)
  }
}
