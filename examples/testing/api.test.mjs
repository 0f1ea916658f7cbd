// What a test of an API looks like. `check` stands for the API's own.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { createRemoteJWKSet, jwtVerify } from "jose";

import { startIssuer } from "./issuer.mjs";

const audience = "https://items.example";

let issuer;
before(async () => {
  issuer = await startIssuer();
});
after(() => issuer.stop());

// What the API does with a bearer token: every check of RFC 9068 §4.
async function check(token, scope) {
  const options = { issuer: issuer.url, audience, typ: "at+jwt", algorithms: ["RS256"], clockTolerance: 30 };
  const { payload } = await jwtVerify(token, createRemoteJWKSet(issuer.jwksUrl), options);
  if (!payload.scope.split(" ").includes(scope)) throw new Error("the scope is missing");
  return payload;
}

test("a good token is taken", async () => {
  const token = await issuer.token({ sub: "alice", aud: audience, scope: "items:read items:write" });
  assert.equal((await check(token, "items:read")).sub, "alice");
});

for (const wish of [
  { lifetime: -60 },
  { aud: "https://other.example" },
  { scope: "items:write" },
  { typ: "JWT" },
  { claims: { iss: "https://other.example" } },
  { claims: { nbf: 4_000_000_000 } },
]) {
  test(`a bad token is refused: ${JSON.stringify(wish)}`, async () => {
    const token = await issuer.token({ aud: audience, scope: "items:read", ...wish });
    await assert.rejects(check(token, "items:read"));
  });
}

test("keys rotate, and revoked ones are refused", async () => {
  const old = await issuer.token({ aud: audience, scope: "items:read" });
  await issuer.rotate();
  await check(old, "items:read");
  await issuer.rotate(true);
  const token = await issuer.token({ aud: audience, scope: "items:read" });
  await check(token, "items:read");
});

test("a clock that is behind gives tokens that have expired", async () => {
  await issuer.setClock(1_700_000_000);
  await assert.rejects(check(await issuer.token({ aud: audience, scope: "items:read" }), "items:read"), {
    code: "ERR_JWT_EXPIRED",
  });
});
