// The servers that tests/browser/run has started, and who is registered there.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const facts = JSON.parse(readFileSync(process.env.CLAVIGER, 'utf8'))

/** The folder of the repository. */
export const { root } = facts

/** A password that the policy takes. */
export const PASSWORD = 'lantern-tidal-mosaic'

let made = 0

/** A server: the people and clients that a test needs are its own, so that no test sees those of another. */
class Server {
  constructor({ issuer, command }) {
    this.issuer = issuer
    this.command = command
  }

  /** Runs `claviger ARGUMENTS…`, on the server while it serves, and returns what it printed. */
  run(args, input = '') {
    const [program, ...first] = this.command
    return execFileSync(program, [...first, ...args], { input, encoding: 'utf8', timeout: 60_000 })
  }

  /** Adds a user, with a name of their own unless one is given. */
  addUser({ username = `person-${process.pid}-${++made}`, claims = {} } = {}) {
    this.run(['user', 'add', username, '--password-stdin', '--email', `${username}@people.example`], PASSWORD)
    const pairs = Object.entries(claims).map(([name, value]) => `${name}=${value}`)
    if (pairs.length > 0) this.run(['user', 'set', username, ...pairs])
    return { username, password: PASSWORD }
  }

  /** Adds a client for the code grant, which is asked for `openid profile email` unless `flags` say otherwise. */
  addClient({ id = `client-${process.pid}-${++made}`, redirectUri, signedOutUri, scope, flags = [] }) {
    const scopes = (scope ?? 'openid profile email offline_access').split(' ')
    const answer = this.run([
      ...['client', 'add', id, '--json', '--grant', 'authorization_code', '--grant', 'refresh_token'],
      ...scopes.flatMap((scope) => ['--scope', scope]),
      ...(redirectUri ? ['--redirect-uri', redirectUri] : []),
      ...(signedOutUri ? ['--post-logout-redirect-uri', signedOutUri] : []),
      ...flags,
    ])
    return JSON.parse(answer)
  }
}

/** Plain HTTP on loopback, without login limits. */
export const server = new Server(facts.plain)

/** HTTPS, with login limits. */
export const strict = new Server(facts.strict)

/** A path below `target/`. */
export const target = (...path) => join(root, 'target', ...path)
