// The page in which the endpoints are read and tried, as somebody uses it who has signed in there.

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { test } from 'node:test'
import { person, signIn } from '../browser.mjs'
import { server, target } from '../server.mjs'

const screenshots = target('screenshots')
mkdirSync(screenshots, { recursive: true })

const redirectUri = `${server.issuer}/docs/oauth2-redirect.html`
server.addClient({ id: 'docs', redirectUri, flags: ['--public', '--first-party', '--grant', 'password'] })

/** The open page, once the server has obeyed; what its browser complains of, about scripts among others, is an error. */
async function docs(t) {
  const page = await person(t, { hasScripts: true, viewport: { width: 1280, height: 1000 } })
  const complaints = []
  page.context().on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.context().on('weberror', (error) => complaints.push(error.error().message))
  const deadline = Date.now() + 30_000
  do {
    assert.ok(Date.now() < deadline, 'the page does not know its client')
    await page.goto(`${server.issuer}/docs`)
  } while ((await page.locator('[data-client=docs]').count()) === 0)
  await page.getByRole('button', { name: 'Authorize', exact: true }).click()
  return { page, complaints }
}

/** The part of the dialog that is about one flow. */
const flow = (page, name) => page.locator('.auth-container').filter({ hasText: `(OAuth2, ${name}` })

/** Tries an endpoint without parameters; returns what the page shows of the answer. */
async function execute(page, path) {
  const operation = page.locator('.opblock-get').filter({ has: page.locator(`[data-path="${path}"]`) })
  await operation.locator('.opblock-summary-control').click()
  await operation.getByRole('button', { name: 'Try it out' }).click()
  await operation.getByRole('button', { name: 'Execute' }).click()
  const answer = operation.locator('.live-responses-table .response')
  const status = await answer.locator('.response-col_status').innerText()
  return { status: status.trim(), body: await answer.locator('.response-col_description').innerText() }
}

test('whoever gives the page their password calls what asks for a token', async (t) => {
  const { page, complaints } = await docs(t)
  const user = server.addUser()
  const dialog = flow(page, 'password')
  assert.equal(await dialog.getByLabel('client_id:').inputValue(), 'docs')
  await dialog.getByLabel('username:').fill(user.username)
  await dialog.getByLabel('password:').fill(user.password)
  await dialog.getByRole('button', { name: 'Apply given OAuth2 credentials' }).click()
  await dialog.getByRole('button', { name: 'Remove authorization' }).waitFor()
  await page.screenshot({ path: `${screenshots}/docs-authorized.png` })
  await page.locator('.close-modal').click()

  const { status, body } = await execute(page, '/users/me')
  assert.equal(status, '200')
  assert.match(body, new RegExp(`"username": "${user.username}"`))
  await page.screenshot({ path: `${screenshots}/docs.png`, fullPage: true })
  assert.deepEqual(complaints, [])
})

test('whoever signs in on our own page, and gives the page of the endpoints a code, calls the same', async (t) => {
  const { page, complaints } = await docs(t)
  const user = server.addUser()
  const opened = page.waitForEvent('popup')
  const dialog = flow(page, 'authorizationCode')
  await dialog.getByRole('button', { name: 'Apply given OAuth2 credentials' }).click()
  const popup = await opened
  await signIn(popup, user)
  const closed = popup.waitForEvent('close')
  await popup.getByRole('button', { name: 'Allow', exact: true }).click()
  await closed
  await dialog.getByRole('button', { name: 'Remove authorization' }).waitFor()
  await page.locator('.close-modal').click()

  for (const [path, claim] of [['/users/me', 'username'], ['/userinfo', 'preferred_username']]) {
    const { status, body } = await execute(page, path)
    assert.equal(status, '200', path)
    assert.match(body, new RegExp(`"${claim}": "${user.username}"`))
  }
  assert.deepEqual(complaints, [])
})
