// For the tests of an API: an issuer of its own, which makes any token in one call.
//
// Copy this file beside your tests. It needs `claviger` in the `PATH`.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export async function startIssuer() {
  const child = spawn("claviger", ["issuer-for-tests"], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  const line = new Promise((resolve) => createInterface(child.stdout).once("line", resolve));
  const first = await Promise.race([line, ended]);
  if (typeof first !== "string") throw new Error(`claviger ended with ${first}`);
  const { issuer, control, config } = JSON.parse(first);

  async function call(name, body) {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${control}/${name}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }

  return {
    url: issuer,
    jwksUrl: new URL(`${issuer}/.well-known/jwks.json`),
    config, // for `claviger --config …`, to add clients and users
    // A signed token: sub, client_id, aud, scope, lifetime, typ, and any other in `claims`.
    token: async (wish = {}) => (await call("token", wish)).token,
    // Puts the issuer's clock to a Unix time; it runs on from there.
    setClock: (now) => call("clock", { now }),
    // Lets time pass for the issuer.
    advance: (seconds) => call("clock", { advance: seconds }),
    // Signs with another key from now on; the one before is dropped if `revoke`.
    rotate: (revoke = false) => call("rotate", { revoke }),
    stop: () => {
      child.stdin.end(); // which ends it
      return ended;
    },
  };
}
