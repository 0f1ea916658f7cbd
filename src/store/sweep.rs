//! Deleting what is over, in small batches, so that nobody waits long for the writer.

use super::sql::sql;
use super::{Error, Store};

/// Rows that one statement deletes at most. A family takes up to a thousand others along.
const BATCH: i64 = 500;
const FAMILIES: i64 = 20;

/// How long a used refresh token is kept beyond its end, since a lost answer to it may still be asked for.
const LOST_ANSWER: i64 = 120;

/// How long an authorization code that was redeemed is kept beyond its end, so that its reuse is noticed, and the session
/// with it.
const REUSED_CODE: i64 = 3600;

/// How long one that was not is kept: the clocks of nodes may differ.
const UNUSED_CODE: i64 = 60;

/// How long refusals are kept: until who was refused has asked.
const REFUSALS: i64 = 7 * 86_400;

/// A kind of row that is over at some time, and the statement that deletes a batch of it.
struct Sweep {
    /// How long rows are kept beyond the time in their column.
    kept: fn(&Retention) -> i64,
    batch: i64,
    statement: &'static str,
}

/// How long what is over is kept, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Families, beyond their end: as long as an access token of theirs may live.
    pub families: i64,
    /// The audit trail.
    pub audit: i64,
    /// Counts of failed sign-ins under names that nobody has, after the last.
    pub failures: i64,
    /// Networks that a user signed in from, and counts of failed sign-ins of users.
    pub known_prefixes: i64,
}

const SWEEPS: &[Sweep] = &[
    Sweep {
        kept: |retention| retention.families,
        batch: FAMILIES,
        statement: "DELETE FROM families WHERE id IN (SELECT id FROM families WHERE expires_at <= $1 LIMIT $2)",
    },
    Sweep {
        // One that was used is kept until it expires, so that its reuse is noticed.
        kept: |_| LOST_ANSWER,
        batch: BATCH,
        statement: "DELETE FROM refresh_tokens WHERE digest IN
            (SELECT digest FROM refresh_tokens WHERE expires_at <= $1 LIMIT $2)",
    },
    Sweep {
        kept: |_| UNUSED_CODE,
        batch: BATCH,
        statement: "DELETE FROM authorization_codes WHERE digest IN
            (SELECT digest FROM authorization_codes WHERE redeemed_at IS NULL AND expires_at <= $1 LIMIT $2)",
    },
    Sweep {
        kept: |_| REUSED_CODE,
        batch: BATCH,
        statement: "DELETE FROM authorization_codes WHERE digest IN
            (SELECT digest FROM authorization_codes WHERE expires_at <= $1 LIMIT $2)",
    },
    Sweep {
        kept: |_| REUSED_CODE,
        batch: FAMILIES,
        statement: "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= $1 LIMIT $2)",
    },
    Sweep {
        kept: |_| 0,
        batch: BATCH,
        statement: "DELETE FROM revocations WHERE jti IN
            (SELECT jti FROM revocations WHERE expires_at <= $1 LIMIT $2)",
    },
    Sweep {
        kept: |_| 0,
        batch: BATCH,
        statement: "DELETE FROM client_secrets WHERE digest IN
            (SELECT digest FROM client_secrets WHERE expires_at <= $1 LIMIT $2) AND expires_at <= $1",
    },
    Sweep {
        kept: |_| REFUSALS,
        batch: BATCH,
        statement: "DELETE FROM refusals WHERE reference IN
            (SELECT reference FROM refusals WHERE at <= $1 LIMIT $2)",
    },
    Sweep {
        kept: |retention| retention.audit,
        batch: BATCH,
        statement: "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at <= $1 LIMIT $2)",
    },
    Sweep {
        kept: |retention| retention.failures,
        batch: BATCH,
        statement: "DELETE FROM login_failures WHERE account IN
            (SELECT account FROM login_failures WHERE user_id IS NULL AND last_failed_at <= $1 LIMIT $2)",
    },
    Sweep {
        kept: |retention| retention.known_prefixes,
        batch: BATCH,
        statement: "DELETE FROM login_failures WHERE account IN
            (SELECT account FROM login_failures WHERE last_failed_at <= $1 LIMIT $2)",
    },
    Sweep {
        kept: |retention| retention.known_prefixes,
        batch: BATCH,
        statement: "DELETE FROM known_prefixes WHERE prefix IN
            (SELECT prefix FROM known_prefixes WHERE seen_at <= $1 LIMIT $2) AND seen_at <= $1",
    },
];

impl Store {
    /// Deletes a batch of each kind of row that is over; true when there may be more.
    pub async fn sweep(&self, now: i64, retention: Retention) -> Result<bool, Error> {
        let mut is_full = false;
        for sweep in SWEEPS {
            let over = now.saturating_sub((sweep.kept)(&retention));
            let deleted =
                self.write(async move |db| sql!(sweep.statement, over, sweep.batch).run(db).await).await?;
            is_full |= deleted >= sweep.batch.unsigned_abs();
        }
        Ok(is_full)
    }
}
