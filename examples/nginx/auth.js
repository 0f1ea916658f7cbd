// Checks the access tokens of one API by introspection (RFC 7662), so that a revoked one is refused at once.
//
//     js_import auth from auth.js;
//     js_var $challenge;
//     js_var $caller;
//     location /items {
//         set $scope "items:read";
//         auth_request /_check;
//         add_header WWW-Authenticate $challenge always;
//         proxy_set_header X-User $caller;
//         proxy_pass …;
//     }
//     location = /_check {
//         internal;
//         js_content auth.check;
//     }
//     location = /_introspect {
//         internal;
//         proxy_pass …/introspect;    # at ISSUER
//         proxy_pass_request_headers off;
//         proxy_set_header Authorization "Basic …";    # of a client that has AUDIENCE as its `--api`
//         proxy_set_header Content-Type application/x-www-form-urlencoded;
//     }
//
// Needs Debian's `nginx` and `libnginx-mod-http-js`.

const ISSUER = "http://127.0.0.1:8080";
const AUDIENCE = "https://items.example";
const SCOPES = ["items:read", "items:write"];

async function check(r) {
    const scope = r.variables.scope;
    if (!SCOPES.includes(scope)) {
        r.error("a scope that the API does not have: " + scope);
        return r.return(500);
    }
    const match = /^Bearer +([^ ]+)$/i.exec(r.headersIn.Authorization || "");
    if (!match) {
        return refuse(r, 401, "", scope);
    }
    const body = "token=" + encodeURIComponent(match[1]);
    const answer = await r.subrequest("/_introspect", { method: "POST", body });
    if (answer.status !== 200) {
        r.error("the token could not be introspected: " + answer.status);
        return r.return(500);
    }
    const token = JSON.parse(answer.responseText);
    const is_good = token.active && token.token_type === "Bearer" && token.iss === ISSUER && token.aud === AUDIENCE;
    if (!is_good) {
        return refuse(r, 401, "invalid_token", scope);
    }
    if (!token.scope.split(" ").includes(scope)) {
        return refuse(r, 403, "insufficient_scope", scope);
    }
    r.variables.caller = token.sub;
    r.return(204);
}

// RFC 6750 §3: who brought no token is told no error.
function refuse(r, status, error, scope) {
    r.variables.challenge = "Bearer " + (error && `error="${error}", `) + `scope="${scope}"`;
    r.return(status);
}

export default { check };
