// Checks the access tokens of one API. `app.use(token)`, then `app.get("/items", scoped("items:read"), handler)`
// demands a scope; `request.auth.payload` is what the token says.
//
// Needs `express` and `express-oauth2-jwt-bearer`.

import { auth, requiredScopes } from "express-oauth2-jwt-bearer";

const ISSUER = "http://127.0.0.1:8080";
const AUDIENCE = "https://items.example";
const SCOPES = ["items:read", "items:write"];

// RFC 9068 §4, by `strict`. Keys are kept for 300 seconds, and fetched again when a token names one that is not known.
export const token = auth({
  issuer: ISSUER,
  jwksUri: `${ISSUER}/.well-known/jwks.json`,
  audience: AUDIENCE,
  tokenSigningAlg: "RS256",
  strict: true,
  clockTolerance: 30,
  cacheMaxAge: 300_000,
});

export function scoped(scope) {
  if (!SCOPES.includes(scope)) throw new Error(`a scope that the API does not have: ${scope}`);
  return requiredScopes(scope);
}
