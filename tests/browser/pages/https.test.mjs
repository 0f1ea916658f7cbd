// Over HTTPS, and with login limits, as it is for people.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { person, press, signIn } from '../browser.mjs'
import { strict } from '../server.mjs'

test('cookies are for this host alone, and out of the reach of scripts', async (t) => {
  const page = await person(t)
  await page.goto(`${strict.issuer}/account`)
  await signIn(page, strict.addUser())
  await page.getByRole('heading', { name: 'Your account' }).waitFor()
  const cookies = await page.context().cookies()
  assert.ok(cookies.length >= 2)
  for (const { name, httpOnly, secure, sameSite, path, domain } of cookies) {
    assert.match(name, /^__Host-claviger-/)
    assert.deepEqual({ httpOnly, secure, sameSite, path, domain }, {
      httpOnly: true, secure: true, sameSite: 'Lax', path: '/', domain: '127.0.0.1',
    })
  }
})

test('whoever was here before gets in, however often strangers guess', async (t) => {
  const user = strict.addUser()
  const [owner, stranger] = [await person(t), await person(t)]
  await owner.goto(`${strict.issuer}/account`)
  await signIn(owner, user)
  await press(owner, 'Sign out')

  await stranger.goto(`${strict.issuer}/account`)
  for (let attempt = 0; attempt < 6; attempt++) {
    await signIn(stranger, { ...user, password: 'not-the-password-at-all' })
  }
  assert.match(await stranger.getByRole('alert').textContent(), /Too many attempts/)
  await owner.goto(`${strict.issuer}/account`)
  await signIn(owner, user)
  await owner.getByRole('heading', { name: 'Your account' }).waitFor()
})
