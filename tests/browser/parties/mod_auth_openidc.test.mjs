// Apache's mod_auth_openidc, which posts its authorization requests: cross-site, as cookies that are Lax dislike.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, chown, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { allow, confirmSignOut, person, signIn } from '../browser.mjs'
import { freePort, serve } from '../party.mjs'
import { server } from '../server.mjs'

/** Debian's `nobody`, if we are root: Apache refuses to serve as root. */
const unprivileged = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {}

/** An Apache with a place for members, and who may come there. */
async function scene(t) {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const [members, out] = [`${origin}/members/`, `${origin}/out/`]
  const flags = ['--backchannel-logout-uri', `${members}callback?logout=backchannel`]
  const client = server.addClient({ redirectUri: `${members}callback`, signedOutUri: out, flags })
  const user = server.addUser()

  const here = await mkdtemp(join(tmpdir(), 'claviger-apache-'))
  t.after(async () => {
    if (!t.passed) t.diagnostic(await readFile(join(here, 'log'), 'utf8'))
    await rm(here, { recursive: true })
  })
  for (const [name, text] of [['members', 'Hello, <!--#echo var="REMOTE_USER" -->!'], ['out', 'Goodbye.']]) {
    await mkdir(join(here, 'pages', name), { recursive: true })
    await writeFile(join(here, 'pages', name, 'index.html'), text)
  }
  await chmod(here, 0o755)
  if (unprivileged.uid) await chown(here, unprivileged.uid, unprivileged.gid)
  await copyFile(new URL('httpd.conf', import.meta.url), join(here, 'httpd.conf'))
  await serve(t, out, '/usr/sbin/apache2', ['-D', 'FOREGROUND', '-f', join(here, 'httpd.conf')], {
    ...unprivileged,
    env: {
      HERE: here,
      MODULES: '/usr/lib/apache2/modules',
      PORT: port,
      ISSUER: server.issuer,
      CLIENT_ID: client.client_id,
      CLIENT_SECRET: client.client_secret,
      PASSPHRASE: randomBytes(32).toString('hex'),
    },
  })

  const page = await person(t, { hasScripts: true })
  await page.goto(members)
  await signIn(page, user)
  await allow(page)
  await page.waitForURL(members)
  const greeting = `Hello, ${user.username}!`
  assert.equal((await page.locator('body').textContent()).trim(), greeting)
  return { members, out, page, greeting }
}

test('mod_auth_openidc signs a user in and out', async (t) => {
  const { members, out, page } = await scene(t)
  await page.goto(`${members}callback?${new URLSearchParams({ logout: out })}`)
  await page.waitForURL(`${out}*`)
  await page.goto(members)
  await page.getByLabel('User name').waitFor()
})

test('mod_auth_openidc is told by back-channel that a user signed out', async (t) => {
  const { members, page, greeting } = await scene(t)
  const elsewhere = await page.context().newPage()
  await elsewhere.goto(`${server.issuer}/logout`)
  await confirmSignOut(elsewhere)
  await elsewhere.getByRole('heading', { name: 'You are signed out' }).waitFor()

  const deadline = Date.now() + 30_000
  while ((await (await page.request.get(members)).text()).includes(greeting)) {
    assert.ok(Date.now() < deadline, 'Apache still greets the user')
    await page.waitForTimeout(200)
  }
  await page.goto(members)
  await page.getByLabel('User name').waitFor()
})
