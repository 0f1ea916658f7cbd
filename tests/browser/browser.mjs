// People at a real browser: Debian's Chromium, driven by playwright-core.

import assert from 'node:assert/strict'
import { after } from 'node:test'
import axe from 'axe-core'
import { chromium } from 'playwright-core'

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium' })
after(() => browser.close())

export const DEVICES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  // A desktop at a zoom of 400 %, which WCAG 2.2 §1.4.10 asks for.
  narrow: { viewport: { width: 320, height: 640 } },
}

/** Somebody at a browser of their own, with no cookies yet; without JavaScript, which our pages must not need. */
export async function person(t, { hasScripts = false, ...options } = {}) {
  const defaults = { locale: 'en-GB', ignoreHTTPSErrors: true, javaScriptEnabled: hasScripts }
  const context = await browser.newContext({ ...defaults, ...options })
  context.setDefaultTimeout(30_000)
  t.after(() => context.close())
  return context.newPage()
}

/** Presses a button of ours, and waits for the page that it leads to. */
export async function press(page, name) {
  const loaded = page.waitForEvent('load')
  await page.getByRole('button', { name, exact: typeof name === 'string' }).first().click()
  await loaded
}

/** Answers the sign-in page, which is open. */
export async function signIn(page, { username, password }) {
  await page.getByLabel('User name').fill(username)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await press(page, 'Sign in')
}

/** Answers the consent page, which is open. */
export const allow = (page) => press(page, 'Allow')

/** Answers the question whether to sign out, which is open. */
export const confirmSignOut = (page) => press(page, 'Sign out')

/** axe-core finds nothing that keeps anybody out, best practices included. It is a script, though the page has none. */
export async function isAccessible(page, name) {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(() => globalThis.axe.run())
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(' ')}`)
  assert.deepEqual(found, [], name)
}

/** Nothing sticks out to the side. */
export async function fits(page, name) {
  const [wide, room] = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement
    return [scrollWidth, clientWidth]
  })
  assert.ok(wide <= room, `${name} is ${wide} px wide where there are ${room}`)
}
