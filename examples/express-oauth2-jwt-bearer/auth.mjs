// Checks the access tokens of one API. `app.use(token)`, then `app.get("/items", scoped("items:read"), handler)`
// demands a scope; `request.auth.payload` is what the token says.
//
// Needs `express` and `express-oauth2-jwt-bearer`.

import { auth, requiredScopes } from "express-oauth2-jwt-bearer";

const ISSUER = "http://127.0.0.1:8080";
const AUDIENCE = "https://items.example";
const SCOPES = ["items:read", "items:write"];

// RFC 9068 §4, by `strict`. Keys are kept for 300 seconds, and fetched again when a token names one that is not known.
const verified = auth({
  issuer: ISSUER,
  jwksUri: `${ISSUER}/.well-known/jwks.json`,
  audience: AUDIENCE,
  tokenSigningAlg: "RS256",
  strict: true,
  clockTolerance: 30,
  cacheMaxAge: 300_000,
});

export const token = [inHeaderAlone, verified];

// The library would take a token from the query or a form, too, where it is logged and remembered (RFC 9700 §4.3.2).
function inHeaderAlone(request, response, next) {
  if (request.query.access_token === undefined && request.body?.access_token === undefined) return next();
  response.status(400).set("WWW-Authenticate", 'Bearer error="invalid_request"').json({ error: "invalid_request" });
}

export function scoped(scope) {
  if (!SCOPES.includes(scope)) throw new Error(`a scope that the API does not have: ${scope}`);
  return requiredScopes(scope);
}
