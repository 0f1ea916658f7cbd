// Checks the access tokens of one API. `app.get("/items", scoped("items:read"), handler)` demands a scope;
// `request.token` is what the token says.
//
// Needs `express` and `jose`.

import { createRemoteJWKSet, jwtVerify } from "jose";

const ISSUER = "http://127.0.0.1:8080";
const AUDIENCE = "https://items.example";
const SCOPES = ["items:read", "items:write"];

// Kept for 300 seconds, and fetched again when a token names a key that is not known.
const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`), { cacheMaxAge: 300_000 });
const OUTAGES = ["ERR_JOSE_GENERIC", "ERR_JWKS_TIMEOUT", "ERR_JWKS_INVALID"];

export function scoped(scope) {
  if (!SCOPES.includes(scope)) throw new Error(`a scope that the API does not have: ${scope}`);
  return async (request, response, next) => {
    const [, token] = /^Bearer +([^ ]+)$/i.exec(request.get("authorization") ?? "") ?? [];
    if (!token) return refuse(response, 401, null, scope);
    try {
      // RFC 9068 §4.
      const { payload } = await jwtVerify(token, keys, {
        algorithms: ["RS256"],
        typ: "at+jwt",
        issuer: ISSUER,
        audience: AUDIENCE,
        clockTolerance: 30,
        requiredClaims: ["exp", "iat", "sub", "client_id", "jti"],
      });
      request.token = payload;
    } catch (error) {
      if (!error.code?.startsWith("ERR_J") || OUTAGES.includes(error.code)) {
        return response.status(503).set("Retry-After", "5").end();
      }
      return refuse(response, 401, "invalid_token", scope);
    }
    const granted = String(request.token.scope ?? "").split(" ");
    return granted.includes(scope) ? next() : refuse(response, 403, "insufficient_scope", scope);
  };
}

// RFC 6750 §3: who brought no token is told no error.
function refuse(response, status, error, scope) {
  const challenge = `Bearer ${error ? `error="${error}", ` : ""}scope="${scope}"`;
  response.status(status).set("WWW-Authenticate", challenge).json(error ? { error } : {});
}
