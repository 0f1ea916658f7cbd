// What other sites can make a browser do, and what they cannot. They are at `localhost`, we at `127.0.0.1`.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allow, person, press, signIn } from '../browser.mjs'
import { authorization, site } from '../party.mjs'
import { server } from '../server.mjs'

const escaped = (text) => text.replace(/&/g, '&amp;').replace(/"/g, '&quot;')

/** A page with a form that a click on its button posts. */
const form = (action, fields) => ({
  type: 'text/html',
  body: `<!doctype html><form method="post" action="${escaped(action)}">${Object.entries(fields)
    .map(([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`)
    .join('')}<button>Go</button></form>`,
})

async function scene(t, options) {
  const pages = {}
  const { origin, callback, visits } = await site(t, pages)
  const [client, user] = [server.addClient({ redirectUri: callback }), server.addUser()]
  const page = await person(t, options)
  const go = async () => {
    await page.goto(`${origin}/form`)
    await press(page, 'Go')
  }
  return { pages, origin, callback, visits, client, user, page, go }
}

test('a request that another site posts finds whoever is signed in', async (t) => {
  const { pages, callback, client, user, page, go } = await scene(t)
  const { url } = authorization(client, callback)
  const { origin, pathname, searchParams } = new URL(url)
  pages['/form'] = form(`${origin}${pathname}`, Object.fromEntries(searchParams))
  await go()
  await signIn(page, user)
  await allow(page)
  await page.waitForURL(`${callback}?*`)
  await go() // the cookie is SameSite=Lax, and does not come along with a post
  await page.waitForURL(`${callback}?*`)
  assert.ok(new URL(page.url()).searchParams.get('code'))
})

for (const hasScripts of [true, false]) {
  test(`an answer as a form reaches the client, ${hasScripts ? 'by itself' : 'by a button without scripts'}`, async (t) => {
    const { callback, visits, client, user, page } = await scene(t, { hasScripts })
    const { url, state } = authorization(client, callback, { response_mode: 'form_post' })
    await page.goto(url)
    await signIn(page, user)
    await allow(page)
    if (!hasScripts) await press(page, 'Continue')
    await page.waitForURL(callback)
    const answer = visits.at(-1).form
    assert.equal(answer.get('state'), state)
    assert.equal(answer.get('iss'), server.issuer)
    assert.ok(answer.get('code'))
    assert.equal(visits.at(-1).url.search, '')
  })
}

test('nobody is signed in by a form of another site', async (t) => {
  const { pages, callback, client, user, page, go } = await scene(t)
  const { search } = new URL(authorization(client, callback).url)
  await page.goto(`${server.issuer}/account`)
  const csrf = await page.locator('input[name=csrf]').first().inputValue() // which even its own token does not help
  pages['/form'] = form(`${server.issuer}/sign-in${search}`, { csrf, ...user })
  await go()
  assert.match(await page.getByRole('alert').textContent(), /out of date/)
  await page.goto(`${server.issuer}/account`)
  await page.getByLabel('Password').waitFor()
})

test('nobody is signed out by a form of another site', async (t) => {
  const { pages, user, page, go } = await scene(t)
  await page.goto(`${server.issuer}/account`)
  await signIn(page, user)
  pages['/form'] = form(`${server.issuer}/logout`, {})
  await go()
  await page.getByRole('heading', { name: 'Sign out?' }).waitFor()
  await page.goto(`${server.issuer}/account`)
  await page.getByRole('heading', { name: 'Your account' }).waitFor()
})

test('our pages show in nobody else\'s page', async (t) => {
  const { pages, origin, page } = await scene(t)
  const framing = `<!doctype html><iframe src="${server.issuer}/account"></iframe>`
  pages['/frame'] = { type: 'text/html', body: framing }
  await page.goto(`${origin}/frame`)
  await page.waitForLoadState('load')
  const [, frame] = page.frames()
  assert.equal(await frame.getByLabel('Password').count(), 0)
  assert.ok(!frame.url().startsWith(server.issuer), frame.url())
})
