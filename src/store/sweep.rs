//! Deleting what is over, in small batches, so that nobody waits long for the writer.

use super::sql::sql;
use super::{Error, Store};

/// Rows that one statement deletes at most.
const BATCH: i64 = 500;

/// A kind of row that is over at some time, and the statement that deletes a batch of it.
struct Sweep {
    /// How long rows are kept beyond the time in their column.
    kept: fn(&Retention) -> i64,
    statement: &'static str,
}

/// How long what is over is kept, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Families, beyond their end: as long as an access token of theirs may live.
    pub families: i64,
    /// The audit trail.
    pub audit: i64,
    /// Counts of failed sign-ins, after the last.
    pub failures: i64,
    /// Networks that a user signed in from.
    pub known_prefixes: i64,
}

const SWEEPS: &[Sweep] = &[
    Sweep {
        kept: |retention| retention.families,
        statement: "DELETE FROM families WHERE id IN (SELECT id FROM families WHERE expires_at <= $1 LIMIT $2)",
    },
    Sweep {
        // One that was used is kept until it expires, so that its reuse is noticed.
        kept: |_| 0,
        statement: "DELETE FROM refresh_tokens WHERE digest IN
            (SELECT digest FROM refresh_tokens WHERE expires_at <= $1 LIMIT $2)",
    },
    Sweep {
        kept: |_| 0,
        statement: "DELETE FROM revocations WHERE jti IN
            (SELECT jti FROM revocations WHERE expires_at <= $1 LIMIT $2)",
    },
    Sweep {
        kept: |_| 0,
        statement: "DELETE FROM client_secrets WHERE digest IN
            (SELECT digest FROM client_secrets WHERE expires_at <= $1 LIMIT $2)",
    },
    Sweep {
        kept: |retention| retention.audit,
        statement: "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at <= $1 LIMIT $2)",
    },
    Sweep {
        kept: |retention| retention.failures,
        statement: "DELETE FROM login_failures WHERE account IN
            (SELECT account FROM login_failures WHERE last_failed_at <= $1 LIMIT $2)",
    },
    Sweep {
        kept: |retention| retention.known_prefixes,
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
                self.write(async move |db| sql!(sweep.statement, over, BATCH).run(db).await).await?;
            is_full |= deleted >= BATCH.unsigned_abs();
        }
        Ok(is_full)
    }
}
