//! Keys that stay fresh, by a fetch that the caller brings along.

use std::convert::Infallible;
use std::time::Duration;

use super::Resource;
use crate::protocol::BoxError;
use crate::timer;

/// The shortest time between two fetches: anybody can send tokens that name unknown keys.
const PAUSE: Duration = Duration::from_secs(5);

/// For how long keys are kept that came without a `max-age`, and at the longest.
const MAX_AGE: Duration = Duration::from_secs(300);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What came from the issuer's `jwks_uri`.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The body.
    pub jwks: String,
    /// The `Cache-Control` header; empty without one.
    pub cache_control: String,
}

impl Fetched {
    /// How long it may be kept ([RFC 9111 §5.2.2.1](https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.1)).
    fn max_age(&self) -> Duration {
        let directives = self.cache_control.split(',').filter_map(|directive| directive.split_once('='));
        let mut max_age = directives.filter(|(name, _)| name.trim().eq_ignore_ascii_case("max-age"));
        let seconds = max_age.find_map(|(_, value)| value.trim().trim_matches('"').parse().ok());
        seconds.map_or(MAX_AGE, Duration::from_secs).clamp(PAUSE, LONGEST)
    }
}

impl Resource {
    /// Keeps the keys fresh for as long as it is polled: fetches them at once, then whenever they are as old as they
    /// may get, and when a token named one that is not known, but not twice within five seconds. When they cannot be had
    /// or read, a warning is logged and those before them stay.
    ///
    /// ```
    /// use claviger::protocol::BoxError;
    /// use claviger::resource::{Fetched, Resource};
    ///
    /// async fn fetch() -> Result<Fetched, BoxError> {
    ///     // With the HTTP client of your choice, and a time limit of your own.
    /// #   Ok(Fetched { jwks: r#"{"keys":[]}"#.to_owned(), cache_control: "max-age=300".to_owned() })
    /// }
    ///
    /// # async fn start() -> Result<(), BoxError> {
    /// let api = Resource::new("https://id.example.com", "https://items.example", &fetch().await?.jwks)?;
    /// let kept = api.clone();
    /// tokio::spawn(async move { kept.refresh(fetch).await });
    /// # Ok(())
    /// # }
    /// ```
    pub async fn refresh<F>(&self, fetch: impl Fn() -> F) -> Infallible
    where
        F: Future<Output = Result<Fetched, BoxError>>,
    {
        let clock = &self.0.clock;
        loop {
            let fetched = fetch().await.and_then(|fetched| self.set_keys(&fetched.jwks).map(|()| fetched));
            let max_age = match fetched {
                Ok(fetched) => fetched.max_age(),
                Err(error) => {
                    tracing::warn!(%error, "the issuer's keys cannot be had; those that are known stay");
                    PAUSE
                }
            };
            timer::sleep(clock, PAUSE).await;
            tokio::select! {
                () = timer::sleep(clock, max_age - PAUSE) => {}
                () = self.unknown_key() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_for_their_max_age_within_bounds() {
        for (cache_control, seconds) in [
            ("public, max-age=120", 120),
            ("Max-Age=\"60\"", 60),
            ("s-maxage=60", 300),
            ("max-age=soon", 300),
            ("", 300),
            ("max-age=0", 5),
            ("max-age=18446744073709551615", 86400),
        ] {
            let fetched = Fetched { jwks: String::new(), cache_control: cache_control.to_owned() };
            assert_eq!(fetched.max_age().as_secs(), seconds, "{cache_control}");
        }
    }
}
