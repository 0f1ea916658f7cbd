// What people change on their account page holds everywhere else.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allow, person, press, signIn } from '../browser.mjs'
import { authorization, site } from '../party.mjs'
import { server } from '../server.mjs'

const account = (path = '') => `${server.issuer}/account${path}`
const isSignedOut = (page) => page.getByLabel('User name').waitFor()

/** Somebody who is signed in. */
async function signedIn(t, user) {
  const page = await person(t)
  await page.goto(account())
  await signIn(page, user)
  await page.getByRole('heading', { name: 'Your account' }).waitFor()
  return page
}

/** What the token endpoint says to `form`, as a public client. */
async function tokens({ client_id }, form) {
  const answer = await fetch(`${server.issuer}/token`, { method: 'POST', body: new URLSearchParams({ client_id, ...form }) })
  return answer.json()
}

test('a changed profile is what clients are told', async (t) => {
  const { callback } = await site(t)
  const [client, user] = [server.addClient({ redirectUri: callback, flags: ['--public'] }), server.addUser()]
  const page = await signedIn(t, user)
  await page.goto(account('/profile'))
  await page.getByLabel('Given name').fill('Zoë')
  await press(page, 'Save')
  await page.getByText('Your profile is saved.').waitFor()

  const { url, verifier } = authorization(client, callback)
  await page.goto(url)
  await allow(page)
  await page.waitForURL(`${callback}?*`)
  const code = new URL(page.url()).searchParams.get('code')
  const form = { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier }
  const { access_token } = await tokens(client, form)
  const headers = { authorization: `Bearer ${access_token}` }
  const told = await (await fetch(`${server.issuer}/userinfo`, { headers })).json()
  assert.equal(told.given_name, 'Zoë')
})

test('a new password signs out everybody but who chose it', async (t) => {
  const user = server.addUser()
  const [here, elsewhere] = [await signedIn(t, user), await signedIn(t, user)]
  const password = 'orchard-copper-violin'
  await here.goto(account('/password'))
  await here.getByLabel('Current password').fill(user.password)
  await here.getByLabel('New password', { exact: true }).fill(password)
  await here.getByLabel('New password, again').fill(password)
  await press(here, 'Change password')
  await here.getByText('Your password is changed').waitFor()

  await elsewhere.goto(account())
  await isSignedOut(elsewhere)
  await signIn(elsewhere, { ...user, password })
  await elsewhere.getByRole('heading', { name: 'Your account' }).waitFor()
})

test('another browser can be signed out from here', async (t) => {
  const user = server.addUser()
  const [here, elsewhere] = [await signedIn(t, user), await signedIn(t, user)]
  await here.goto(account('/sessions'))
  await press(here, /^Sign out .* on /)
  await here.getByText('That browser is signed out.').waitFor()
  await elsewhere.reload()
  await isSignedOut(elsewhere)
  await here.goto(account())
  await here.getByRole('heading', { name: 'Your account' }).waitFor()
})

test('what was withdrawn from an application ends, and is asked again', async (t) => {
  const { callback } = await site(t)
  const flags = ['--public', '--name', 'Notes']
  const [client, user] = [server.addClient({ redirectUri: callback, flags }), server.addUser()]
  const { url, verifier } = authorization(client, callback)
  const page = await signedIn(t, user)
  await page.goto(url)
  await allow(page)
  await page.waitForURL(`${callback}?*`)
  const code = new URL(page.url()).searchParams.get('code')
  const form = { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier }
  const { refresh_token } = await tokens(client, form)

  await page.goto(account('/applications'))
  await press(page, 'Withdraw what Notes may do')
  await page.getByText('The application no longer has access.').waitFor()
  assert.equal((await tokens(client, { grant_type: 'refresh_token', refresh_token })).error, 'invalid_grant')
  await page.goto(url)
  await page.getByRole('button', { name: 'Do not allow' }).waitFor()
})

test('whoever signs out is signed out, also for the back button', async (t) => {
  const page = await signedIn(t, server.addUser())
  await press(page, 'Sign out')
  await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
  await page.goBack()
  await isSignedOut(page)
})
