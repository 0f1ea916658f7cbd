//! `[tokens]`: how long tokens live.

use super::seconds::{DAY, HOUR, MINUTE, Seconds};
use super::values;

/// `[tokens]`.
#[derive(Clone, Debug, PartialEq, confique::Config)]
pub struct Tokens {
    /// How long an access token is good, from `10s` to `1h`, unless its API or client says otherwise.
    #[config(default = "10m", deserialize_with = values::seconds::<10, HOUR, _>)]
    pub access_token_lifetime: Seconds,

    /// How long an ID token is good, from `10s` to `1h`.
    #[config(default = "10m", deserialize_with = values::seconds::<10, HOUR, _>)]
    pub id_token_lifetime: Seconds,

    /// How long a refresh token may lie unused, from `1m` to `400d`.
    #[config(default = "14d", deserialize_with = values::seconds::<MINUTE, { 400 * DAY }, _>)]
    pub refresh_token_idle: Seconds,

    /// How long one sign-in can be renewed by refresh tokens, from `1m` to `400d`.
    #[config(default = "90d", deserialize_with = values::seconds::<MINUTE, { 400 * DAY }, _>)]
    pub refresh_token_lifetime: Seconds,

    /// How long a used refresh token is answered with the same successor again, in case the answer was
    /// lost on its way: `0s` to `30s`.
    #[config(default = "30s", deserialize_with = values::seconds::<0, 30, _>)]
    pub lost_response_window: Seconds,
}
