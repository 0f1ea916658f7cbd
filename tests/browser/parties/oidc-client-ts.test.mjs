// oidc-client-ts: all of it in the browser, so that metadata, keys, tokens, userinfo and revocation need CORS.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { allow, person, signIn } from '../browser.mjs'
import { site } from '../party.mjs'
import { server, target } from '../server.mjs'

const library = target('npm/node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js')

test('oidc-client-ts signs a user in and out', async (t) => {
  const pages = {
    '/': { type: 'text/html', body: await readFile(new URL('oidc-client-ts.html', import.meta.url)) },
    '/oidc-client-ts.js': { type: 'text/javascript', body: await readFile(library) },
  }
  const { origin } = await site(t, pages)
  const [redirectUri, user] = [`${origin}/`, server.addUser()]
  const { client_id } = server.addClient({
    redirectUri, signedOutUri: redirectUri, flags: ['--public', '--origin', origin],
  })
  pages['/settings.json'] = { type: 'application/json', body: JSON.stringify({ authority: server.issuer, client_id }) }

  const page = await person(t, { hasScripts: true })
  const output = page.locator('output')
  const press = (name) => page.getByRole('button', { name, exact: true }).click()
  const shown = async (isIt) => {
    const deadline = Date.now() + 30_000
    for (;;) {
      const text = await output.textContent()
      const value = text && JSON.parse(text)
      if (isIt(value)) return value
      assert.ok(Date.now() < deadline, `the page shows ${text}`)
      await page.waitForTimeout(50)
    }
  }

  await page.goto(redirectUri)
  await press('Sign in')
  await signIn(page, user)
  await allow(page)
  const first = await shown((value) => value?.profile)
  assert.equal(first.profile.preferred_username, user.username)
  assert.equal(first.profile.email, `${user.username}@people.example`)

  await press('Renew')
  const renewed = await shown((value) => value?.token && value.token !== first.token)
  await press('Revoke')
  await shown((value) => value === 'revoked')
  const form = { grant_type: 'refresh_token', client_id, refresh_token: renewed.refresh }
  const late = await fetch(`${server.issuer}/token`, { method: 'POST', body: new URLSearchParams(form) })
  assert.equal((await late.json()).error, 'invalid_grant')

  await press('Sign out')
  await page.waitForURL(redirectUri)
  await shown((value) => value === null)
  await press('Sign in')
  await page.getByLabel('User name').waitFor()
})
