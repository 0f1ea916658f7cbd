// Authlib's integration for Starlette, as web applications in Python sign people in.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { allow, person, signIn } from '../browser.mjs'
import { freePort, serve } from '../party.mjs'
import { server, target } from '../server.mjs'

test('Authlib signs a user in and out', async (t) => {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const client = server.addClient({ redirectUri: `${origin}/callback`, signedOutUri: `${origin}/signed-out` })
  const user = server.addUser()
  const program = fileURLToPath(new URL('authlib_app.py', import.meta.url))
  await serve(t, origin, target('venv/bin/python'), ['-B', program], {
    env: {
      ...process.env,
      PORT: port,
      ISSUER: server.issuer,
      CLIENT_ID: client.client_id,
      CLIENT_SECRET: client.client_secret,
    },
  })

  const page = await person(t)
  await page.goto(`${origin}/sign-in`)
  await signIn(page, user)
  await allow(page)
  await page.waitForURL(`${origin}/`)
  assert.equal(await page.locator('body').textContent(), `Hello, ${user.username}!`)

  await page.goto(`${origin}/sign-out`)
  await page.waitForURL(`${origin}/`)
  assert.equal(await page.locator('body').textContent(), 'Who are you?')
  await page.goto(`${origin}/sign-in`)
  await page.getByLabel('User name').waitFor()
})
