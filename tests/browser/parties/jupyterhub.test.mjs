// JupyterHub with its GenericOAuthenticator: an application as it is.

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { allow, confirmSignOut, person, signIn } from '../browser.mjs'
import { freePort, serve } from '../party.mjs'
import { server, target } from '../server.mjs'

test('JupyterHub signs a user in and out', async (t) => {
  const [port, hub, proxy] = [await freePort(), await freePort(), await freePort()]
  const origin = `http://localhost:${port}`
  const client = server.addClient({
    redirectUri: `${origin}/hub/oauth_callback`,
    flags: ['--auth-method', 'client_secret_post'],
  })
  const user = server.addUser()
  const here = await mkdtemp(join(tmpdir(), 'claviger-jupyterhub-'))
  t.after(() => rm(here, { recursive: true }))
  const config = fileURLToPath(new URL('jupyterhub/jupyterhub_config.py', import.meta.url))
  await serve(t, `${origin}/hub/login`, target('jupyterhub/bin/jupyterhub'), ['--config', config], {
    cwd: here,
    env: {
      PATH: process.env.PATH,
      HERE: origin,
      HUB_PORT: hub,
      PROXY_PORT: proxy,
      PROXY: `${process.execPath} ${target('npm/node_modules/.bin/configurable-http-proxy')}`,
      ISSUER: server.issuer,
      CLIENT_ID: client.client_id,
      CLIENT_SECRET: client.client_secret,
    },
  })

  const page = await person(t, { hasScripts: true })
  await page.goto(origin)
  await page.getByRole('button', { name: 'Sign in with claviger' }).click()
  await signIn(page, user)
  await allow(page)
  await page.waitForURL(`${origin}/hub/home`)
  assert.match(await page.locator('#header-username, .navbar').first().textContent(), new RegExp(user.username))

  await page.goto(`${origin}/hub/logout`)
  await confirmSignOut(page) // since JupyterHub keeps no ID token, by which it could say whom it means
  await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
  await page.goto(`${origin}/hub/home`)
  await page.getByRole('button', { name: 'Sign in with claviger' }).click()
  await page.getByLabel('User name').waitFor()
})
