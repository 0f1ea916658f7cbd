//! Chance: the one source of it, the operating system's.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRng as _;
use rand::rngs::SysRng;
use uuid::Uuid;

/// Draws from the operating system's random source.
#[derive(Clone, Debug)]
pub struct Random(());

impl Random {
    /// Opens the source, and fails when it gives nothing.
    pub fn system() -> Result<Self, rand::rngs::SysError> {
        SysRng.try_fill_bytes(&mut [0; 32])?;
        Ok(Self(()))
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        SysRng.try_fill_bytes(&mut bytes).expect("the system's random source gave bytes when it was opened");
        bytes
    }

    /// `N` random bytes in base64url.
    pub fn text<const N: usize>(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<N>())
    }

    /// A fresh id that sorts by the time `now` (Unix seconds) at which it was made (RFC 9562 §5.7).
    pub fn id(&self, now: i64) -> Uuid {
        let millis = u64::try_from(now).unwrap_or(0).saturating_mul(1000);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }
}
