-- Everything the main job keeps. The text runs on SQLite and on PostgreSQL: columns are TEXT and BIGINT,
-- times are Unix seconds, a state is the time it began, sets are separated by one space.

-- Secrets that other keys are derived from, sealed.
CREATE TABLE roots (
    name TEXT PRIMARY KEY,
    sealed TEXT NOT NULL
);

-- Keys that sign access tokens. `sealed` is the private key, erased by revocation; a purged key has no row.
CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    generation BIGINT NOT NULL UNIQUE,
    bits BIGINT NOT NULL,
    n TEXT NOT NULL,
    e TEXT NOT NULL,
    sealed TEXT,
    published_at BIGINT NOT NULL,
    activated_at BIGINT,
    retired_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE apis (
    uri TEXT PRIMARY KEY,
    access_token_lifetime BIGINT,
    created_at BIGINT NOT NULL
);

CREATE TABLE api_scopes (
    api TEXT NOT NULL REFERENCES apis (uri) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    description TEXT,
    PRIMARY KEY (api, scope)
);

CREATE TABLE roles (
    name TEXT PRIMARY KEY,
    scope TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- `generation` grows when the client is disabled: what was granted before stays dead.
CREATE TABLE clients (
    id TEXT PRIMARY KEY,
    auth_method TEXT NOT NULL,
    first_party BIGINT NOT NULL,
    grants TEXT NOT NULL,
    scope TEXT NOT NULL,
    apis TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    post_logout_redirect_uris TEXT NOT NULL,
    origins TEXT NOT NULL,
    access_token_lifetime BIGINT,
    generation BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE client_secrets (
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (client_id, digest)
);

-- `generation` grows when the password changes or the user is disabled: what was granted before stays dead.
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    email TEXT,
    full_name TEXT,
    password_hash TEXT,
    generation BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);

-- Consecutive failed sign-ins by account: a keyed hash of the name and, where it is known to be the owner's, of
-- the context. Names that nobody has are counted too.
CREATE TABLE login_failures (
    account TEXT PRIMARY KEY,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    failures BIGINT NOT NULL,
    last_failed_at BIGINT NOT NULL
);

CREATE INDEX login_failures_by_time ON login_failures (last_failed_at);

CREATE TABLE user_roles (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL REFERENCES roles (name) ON DELETE CASCADE,
    PRIMARY KEY (user_id, role)
);

CREATE INDEX user_roles_by_role ON user_roles (role);

-- Networks (as keyed hashes) from which a user has lately signed in.
CREATE TABLE known_prefixes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    prefix TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, prefix)
);

CREATE INDEX known_prefixes_by_time ON known_prefixes (seen_at);

-- A refresh token and its successors: one grant to one client.
CREATE TABLE families (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    client_generation BIGINT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_generation BIGINT NOT NULL,
    api TEXT NOT NULL,
    scope TEXT NOT NULL,
    auth_time BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE INDEX families_by_client ON families (client_id);
CREATE INDEX families_by_user ON families (user_id);
CREATE INDEX families_by_expiry ON families (expires_at);

-- Only keyed hashes of refresh tokens are kept. `repeats` counts how often a lost answer was given again.
CREATE TABLE refresh_tokens (
    digest TEXT PRIMARY KEY,
    family_id TEXT NOT NULL REFERENCES families (id) ON DELETE CASCADE,
    generation BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    repeats BIGINT NOT NULL,
    UNIQUE (family_id, generation)
);

CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

-- Access tokens that were revoked before they expired.
CREATE TABLE revocations (
    jti TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

CREATE INDEX revocations_by_expiry ON revocations (expires_at);

CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    event TEXT NOT NULL,
    client_id TEXT,
    user_id TEXT,
    detail TEXT
);

CREATE INDEX audit_by_time ON audit (at);

-- One row that the readiness check writes.
CREATE TABLE probes (
    name TEXT PRIMARY KEY,
    written_at BIGINT NOT NULL
);
