-- Why requests were refused, by the reference that their senders were given: the newest, for a few days.
CREATE TABLE refusals (
    reference TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    request TEXT NOT NULL,
    code TEXT NOT NULL,
    description TEXT NOT NULL,
    cause TEXT,
    client_id TEXT
);

CREATE INDEX refusals_by_time ON refusals (at);
