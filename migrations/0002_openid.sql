-- Signing in on pages of our own, authorization codes, consent, OpenID Connect.

-- What a client owes and is given beyond the defaults.
ALTER TABLE clients ADD COLUMN name TEXT;
ALTER TABLE clients ADD COLUMN pkce TEXT NOT NULL DEFAULT 'required';
ALTER TABLE clients ADD COLUMN consent TEXT NOT NULL DEFAULT 'ask';
ALTER TABLE clients ADD COLUMN code_lifetime BIGINT;
ALTER TABLE clients ADD COLUMN signing_alg TEXT NOT NULL DEFAULT 'RS256';
-- The sector of pairwise subjects; a client without one is told the public subjects.
ALTER TABLE clients ADD COLUMN sector TEXT;
ALTER TABLE clients ADD COLUMN backchannel_logout_uri TEXT;

-- The standard claims that have no column of their own, a JSON object.
ALTER TABLE users ADD COLUMN claims TEXT NOT NULL DEFAULT '{}';
ALTER TABLE users ADD COLUMN updated_at BIGINT;

-- What a family's ID tokens say again. One that was granted offline access outlives its session.
ALTER TABLE families ADD COLUMN session_id TEXT;
ALTER TABLE families ADD COLUMN amr TEXT NOT NULL DEFAULT 'pwd';
ALTER TABLE families ADD COLUMN is_offline BIGINT NOT NULL DEFAULT 0;
ALTER TABLE families ADD COLUMN claims TEXT;

CREATE INDEX families_by_session ON families (session_id);
CREATE INDEX families_by_grant ON families (user_id, client_id, created_at);

-- A browser that a user signed in with. Only a keyed hash of its cookie is kept; `id` is the `sid`.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_generation BIGINT NOT NULL,
    amr TEXT NOT NULL,
    auth_time BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    agent TEXT,
    ended_at BIGINT
);

CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- The clients that were told of a session, and are told of its end.
CREATE TABLE session_clients (
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    PRIMARY KEY (session_id, client_id)
);

CREATE INDEX session_clients_by_client ON session_clients (client_id);

-- What a user has let a client have at an API; what concerns their own person is the same for all, and its `api` is ''.
CREATE TABLE consents (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    api TEXT NOT NULL,
    scope TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id, api)
);

CREATE INDEX consents_by_client ON consents (client_id);

-- Only keyed hashes of codes are kept. `family_id` is the family that redeeming begins, and a second use ends.
CREATE TABLE authorization_codes (
    digest TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    client_generation BIGINT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_generation BIGINT NOT NULL,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    family_id TEXT NOT NULL,
    redirect_uri TEXT,
    code_challenge TEXT,
    nonce TEXT,
    api TEXT NOT NULL,
    scope TEXT NOT NULL,
    claims TEXT,
    expires_at BIGINT NOT NULL,
    redeemed_at BIGINT
);

CREATE INDEX authorization_codes_by_expiry ON authorization_codes (expires_at);
CREATE INDEX authorization_codes_unredeemed ON authorization_codes (expires_at) WHERE redeemed_at IS NULL;
CREATE INDEX authorization_codes_by_client ON authorization_codes (client_id);
CREATE INDEX authorization_codes_by_user ON authorization_codes (user_id);
CREATE INDEX authorization_codes_by_session ON authorization_codes (session_id);

-- Logout tokens that are still to be delivered.
CREATE TABLE logout_deliveries (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL
);

CREATE INDEX logout_deliveries_by_time ON logout_deliveries (due_at);
CREATE INDEX logout_deliveries_by_client ON logout_deliveries (client_id);
