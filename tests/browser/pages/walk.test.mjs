// Every page in every state: nothing sticks out, axe-core finds nothing, and a picture is taken for people to look at.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEVICES, fits, isAccessible, person } from '../browser.mjs'
import { site } from '../party.mjs'
import { target } from '../server.mjs'
import { walk, walkIntoLimits } from './walk.mjs'

const LONG = {
  clientName: 'The Notebook of the Königlich-Bayerische Oberlandesgerichtsarchivverwaltung (incorporated)',
  username: `${'a-name-that-goes-on-'.repeat(5)}${process.pid}`,
}

for (const [device, colorScheme, hasScripts, names] of [
  ['desktop', 'light', true],
  ['desktop', 'dark', true],
  ['phone', 'light', true],
  ['phone', 'dark', true],
  ['narrow', 'light', false, LONG],
]) {
  test(`every page, on a ${device} screen, ${colorScheme}`, async (t) => {
    const options = { ...DEVICES[device], colorScheme, hasScripts }
    const page = await person(t, options)
    const complaints = []
    page.on('console', (message) => /policy/i.test(message.text()) && complaints.push(message.text()))
    let seen = 0
    const see = async (name) => {
      const picture = `${String(++seen).padStart(2, '0')}-${name}.png`
      await page.screenshot({ path: target('screenshots', `${device}-${colorScheme}`, picture), fullPage: true })
      await fits(page, name)
      if (hasScripts) await isAccessible(page, name)
    }
    await walk(t, page, options, await site(t), see, names)
    await walkIntoLimits(page, see)
    assert.deepEqual(complaints, [], 'pages keep to their own policy')
  })
}
