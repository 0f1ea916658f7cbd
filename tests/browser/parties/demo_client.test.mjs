// The page that `scripts/demo` serves.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { allow, fits, person, signIn } from '../browser.mjs'
import { site } from '../party.mjs'
import { root, server, target } from '../server.mjs'

test('the page of the demonstration signs a user in and out', async (t) => {
  const pages = {}
  const { origin } = await site(t, pages)
  const [here, user] = [`${origin}/`, server.addUser()]
  const flags = ['--public', '--origin', origin]
  const { client_id } = server.addClient({ redirectUri: here, signedOutUri: here, flags })
  const text = await readFile(join(root, 'scripts/demo_client.html'), 'utf8')
  const body = text.replace('ISSUER', server.issuer).replace('CLIENT', client_id).replace(' notes:read', '')
  pages['/'] = { type: 'text/html; charset=utf-8', body }

  const page = await person(t, { hasScripts: true })
  const press = (name) => page.getByRole('button', { name, exact: true }).click()
  await page.goto(here)
  await press('Sign in')
  await signIn(page, user)
  await allow(page)
  await page.getByText(`You are signed in as ${user.username}.`).waitFor()
  await page.getByText('"acr"').waitFor() // which only the ID token has
  await fits(page, 'the client')
  await page.screenshot({ path: target('screenshots', 'demo-client.png'), fullPage: true })
  await press('Refresh')
  await page.getByText(/^Refreshed/).waitFor()
  await press('Sign out')
  await page.getByText('You are not signed in.').waitFor()
  await press('Sign in')
  await page.getByLabel('User name').waitFor()
})
