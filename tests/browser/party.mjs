// What relying parties have in common: an address of their own, and an end with their test.
//
// They live at `localhost`, which is another site than the server's `127.0.0.1`: their requests are cross-site.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { spawn } from 'node:child_process'
import { server } from './server.mjs'

/** A site that shows whoever comes what was brought along: the answer of an authorization, in query or form. */
export async function site(t, pages = {}) {
  const visits = []
  const listener = createServer(async (request, response) => {
    const url = new URL(request.url, `http://${request.headers.host}`)
    let body = ''
    for await (const part of request) body += part
    if (url.pathname !== '/favicon.ico') visits.push({ url, form: new URLSearchParams(body) })
    const page = pages[url.pathname] ?? { type: 'text/html', body: '<!doctype html><title>The client</title>' }
    response.setHeader('content-type', page.type)
    response.end(page.body)
  })
  await new Promise((done) => listener.listen(0, '127.0.0.1', done))
  t.after(() => listener.close().closeAllConnections())
  const origin = `http://localhost:${listener.address().port}`
  return { origin, visits, callback: `${origin}/callback`, signedOut: `${origin}/signed-out` }
}

/** An authorization request of `client`, with what it needs at the token endpoint. */
export function authorization(client, redirectUri, parameters = {}, at = server) {
  const verifier = randomBytes(32).toString('base64url')
  const url = new URL(`${at.issuer}/authorize`)
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri: redirectUri,
    scope: 'openid profile email',
    state: randomBytes(16).toString('base64url'),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...parameters,
  })
  return { url: url.href, verifier, state: url.searchParams.get('state') }
}

/** A free port of this machine. */
export async function freePort() {
  const listener = createServer()
  await new Promise((done) => listener.listen(0, '127.0.0.1', done))
  const { port } = listener.address()
  await new Promise((done) => listener.close(done))
  return port
}

/** Starts a program that serves `url`, and ends it, with all that it started, when the test does. */
export async function serve(t, url, program, args, options = {}) {
  let said = ''
  const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], ...options })
  const ended = new Promise((done) => child.on('close', done))
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text))
  child.on('error', (error) => (said += error.message))
  t.after(async () => {
    if (child.exitCode === null) process.kill(-child.pid, 'SIGTERM')
    const late = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), 10_000)
    await ended
    clearTimeout(late)
    if (!t.passed) t.diagnostic(`${program} said:\n${said}`)
  })
  const deadline = Date.now() + 60_000
  while (!(await fetch(url).catch(() => null))?.ok) {
    assert.equal(child.exitCode, null, `${program} ended at its start:\n${said}`)
    assert.ok(Date.now() < deadline, `${program} does not serve ${url}:\n${said}`)
    await new Promise((done) => setTimeout(done, 100))
  }
}
