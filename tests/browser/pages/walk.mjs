// All our pages, in every state that a person can bring about.

import { DEVICES, allow, person, press, signIn } from '../browser.mjs'
import { authorization } from '../party.mjs'
import { server, strict } from '../server.mjs'

/** Walks on `page`, as somebody at the browser that `options` describe, and calls `see` with the name of each state. */
export async function walk(t, page, options, { callback }, see, { clientName = 'Notes', username } = {}) {
  const user = server.addUser({ username, claims: { given_name: 'Alice', family_name: 'Example' } })
  const flags = ['--name', clientName]
  const client = server.addClient({ redirectUri: callback, flags })
  const ask = (more) => authorization(client, callback, more).url
  const open = (path) => page.goto(`${server.issuer}${path}`)

  await page.goto(ask())
  await see('sign-in')
  await signIn(page, { ...user, password: 'not-the-password-at-all' })
  await see('sign-in-wrong')
  await page.context().clearCookies()
  await signIn(page, user)
  await see('sign-in-out-of-date')
  await signIn(page, user)
  await see('consent')
  await press(page, 'Do not allow')
  await page.goto(ask())
  await allow(page)
  await page.goto(ask({ scope: 'openid profile email offline_access', prompt: 'consent' }))
  await see('consent-again')
  await page.goto(ask({ prompt: 'login' }))
  await see('sign-in-again')
  await page.goto(ask({ prompt: 'select_account' }))
  await see('select-account')
  await page.goto(ask({ prompt: 'login', ui_locales: 'de' }))
  await see('sign-in-german')
  await page.goto(ask({ prompt: 'consent', ui_locales: 'de' }))
  await see('consent-german')
  await page.route('**/assets/form_post-*', (route) => route.abort())
  await page.goto(ask({ response_mode: 'form_post' }))
  await see('form-post')

  await open('/account')
  await see('account')
  await open('/account/profile')
  await see('profile')
  await page.getByLabel('Date of birth').fill('the other day')
  await press(page, 'Save')
  await see('profile-wrong')
  await page.getByLabel('Date of birth').fill('1984-02-29')
  await press(page, 'Save')
  await see('profile-saved')

  await open('/account/password')
  await see('password')
  const change = async (current, wanted, again = wanted) => {
    await page.getByLabel('Current password').fill(current)
    await page.getByLabel('New password', { exact: true }).fill(wanted)
    await page.getByLabel('New password, again').fill(again)
    await press(page, 'Change password')
  }
  const next = 'orchard-copper-violin'
  await change('not-the-password-at-all', next)
  await see('password-wrong')
  await change(user.password, 'short')
  await see('password-short')
  await change(user.password, next, 'something-else-again')
  await see('password-differs')
  await change(user.password, next)
  await see('password-changed')

  for (const device of [DEVICES.desktop, DEVICES.phone]) {
    const elsewhere = await person(t, { ...options, ...device })
    await elsewhere.goto(`${server.issuer}/account`)
    await signIn(elsewhere, { ...user, password: next })
    await elsewhere.context().close()
  }
  await open('/account/sessions')
  await see('sessions')
  await press(page, /^Sign out .* on /)
  await see('session-ended')
  await open('/account/applications')
  await see('applications')
  await press(page, `Withdraw what ${clientName} may do`)
  await see('application-withdrawn')

  await open('/logout')
  await see('sign-out')
  await press(page, 'Sign out')
  await see('signed-out')

  await page.goto(authorization({ client_id: 'nobody' }, callback).url)
  await see('error')
  await open('/nowhere')
  await see('not-found')
}

/** As often with a wrong password as nobody may. */
export async function walkIntoLimits(page, see) {
  const { username } = strict.addUser()
  await page.goto(`${strict.issuer}/account`)
  for (let attempt = 0; attempt < 6; attempt++) {
    await signIn(page, { username, password: 'not-the-password-at-all' })
  }
  await see('too-many-attempts')
}
