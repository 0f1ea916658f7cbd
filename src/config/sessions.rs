//! `[sessions]`: how long a browser stays signed in.

use super::seconds::{DAY, MINUTE};
use super::{Seconds, values};

/// `[sessions]`.
#[derive(Clone, Debug, PartialEq, confique::Config)]
pub struct Sessions {
    /// How long a session may lie unused, from `5m` to `90d`.
    #[config(default = "12h", deserialize_with = values::seconds::<{ 5 * MINUTE }, { 90 * DAY }, _>)]
    pub idle: Seconds,

    /// How long a session lasts, however often it is used, from `5m` to `400d`; its user must sign in again then.
    #[config(default = "7d", deserialize_with = values::seconds::<{ 5 * MINUTE }, { 400 * DAY }, _>)]
    pub lifetime: Seconds,
}
