// Signing in, whatever people do to the page on the way.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allow, person, press, signIn } from '../browser.mjs'
import { authorization, site } from '../party.mjs'
import { server } from '../server.mjs'

/** A client of a site, a user of ours, and their browser. */
async function scene(t, options) {
  const { callback } = await site(t)
  const [client, user] = [server.addClient({ redirectUri: callback }), server.addUser()]
  const page = await person(t, options)
  const arrives = async ({ state }) => {
    await page.waitForURL(`${callback}?*`)
    const answer = new URL(page.url()).searchParams
    assert.equal(answer.get('state'), state)
    assert.equal(answer.get('iss'), server.issuer)
    return answer
  }
  return { callback, client, user, page, arrives, request: (more) => authorization(client, callback, more) }
}

test('a request outlives wrong passwords, reloads and the back button', async (t) => {
  const { user, page, arrives, request } = await scene(t)
  const asked = request()
  await page.goto(asked.url)
  await page.reload()
  await signIn(page, { ...user, password: 'not-the-password-at-all' })
  assert.equal(await page.getByLabel('User name').inputValue(), user.username)
  assert.equal(await page.getByLabel('Password').inputValue(), '')
  assert.match(await page.locator('form').textContent(), /The user name or the password is wrong/)
  await page.goBack()
  await signIn(page, user)
  await page.reload()
  await page.goBack()
  await page.goForward()
  await allow(page)
  assert.ok((await arrives(asked)).get('code'))

  // Back from the client: what was allowed once is not asked again.
  await page.goBack()
  await page.goto(asked.url)
  assert.ok((await arrives(asked)).get('code'))
})

test('a person may refuse, and is asked again the next time', async (t) => {
  const { user, page, arrives, request } = await scene(t)
  for (const attempt of ['first', 'second']) {
    const asked = request()
    await page.goto(asked.url)
    if (attempt === 'first') await signIn(page, user)
    await press(page, 'Do not allow')
    assert.equal((await arrives(asked)).get('error'), 'access_denied')
  }
})

test('the keyboard is enough', async (t) => {
  const { user, page, arrives, request } = await scene(t)
  const asked = request()
  const focused = () => page.locator(':focus')
  await page.goto(asked.url)
  assert.equal(await focused().getAttribute('name'), 'username')
  await page.keyboard.type(user.username)
  await page.keyboard.press('Tab')
  assert.equal(await focused().getAttribute('type'), 'password')
  await page.keyboard.type(user.password)
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Do not allow' }).waitFor()
  const words = () => page.evaluate(() => document.activeElement.textContent)
  for (let presses = 0; (await words()) !== 'Allow'; presses++) {
    assert.ok(presses < 5, 'Tab leads to the button')
    await page.keyboard.press('Tab')
  }
  await page.keyboard.press('Enter')
  assert.ok((await arrives(asked)).get('code'))
})

test('whoever is signed in is not asked for a password by the next client', async (t) => {
  const { callback, user, page, arrives, request } = await scene(t)
  await page.goto(request().url)
  await signIn(page, user)
  const other = authorization(server.addClient({ redirectUri: callback }), callback)
  await page.goto(other.url)
  await allow(page)
  assert.ok((await arrives(other)).get('code'))
})

test('a form that is out of date says so, and keeps what was typed', async (t) => {
  const { user, page, arrives, request } = await scene(t)
  const asked = request()
  await page.goto(asked.url)
  await page.context().clearCookies()
  await signIn(page, user)
  assert.match(await page.getByRole('alert').textContent(), /out of date/)
  assert.equal(await page.getByLabel('User name').inputValue(), user.username)
  await page.getByLabel('Password').fill(user.password)
  await press(page, 'Sign in')
  await allow(page)
  assert.ok((await arrives(asked)).get('code'))
})

test('a request that cannot be trusted stays here', async (t) => {
  const { callback, client, page } = await scene(t)
  for (const [what, url] of [
    ['an unknown client', authorization({ client_id: 'nobody' }, callback).url],
    ['an unknown address', authorization(client, 'https://elsewhere.example/').url],
    ['a garbled request', `${server.issuer}/authorize?client_id=%FF&&response_type`],
  ]) {
    const answer = await page.goto(url)
    assert.equal(answer.status(), 400, what)
    assert.ok(page.url().startsWith(server.issuer), what)
    assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'This request cannot be completed', what)
  }
})

test('pages speak the language that the client or the browser asks for', async (t) => {
  const { page, request } = await scene(t, { locale: 'de-AT' })
  const language = () => page.locator('html').getAttribute('lang')
  await page.goto(request().url)
  assert.equal(await language(), 'de')
  await page.goto(request({ ui_locales: 'fr en-US de' }).url)
  assert.equal(await language(), 'en')
})
