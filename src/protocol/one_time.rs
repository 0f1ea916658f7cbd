//! One-time secrets as text: a prefix, 32 random bytes in base64url, and a checksum.
//!
//! The prefix lets a scanner of leaked secrets know it; the checksum tells a mangled one from a stolen one without
//! asking the database.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Characters that 32 bytes take in base64url.
const SECRET_CHARACTERS: usize = 43;

/// Bytes of the checksum.
const CHECKSUM_BYTES: usize = 3;

/// Reads the text; `None` when it is not of this server's making.
pub(super) fn parse(prefix: &str, text: &str) -> Option<[u8; 32]> {
    let text = text.strip_prefix(prefix)?;
    let (secret, checksum) = text.split_at_checked(SECRET_CHARACTERS)?;
    let secret = URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok()?;
    (checksum == checksum_of(&secret)).then_some(secret)
}

/// Writes the text.
pub(super) fn to_text(prefix: &str, secret: &[u8; 32]) -> String {
    format!("{prefix}{}{}", URL_SAFE_NO_PAD.encode(secret), checksum_of(secret))
}

fn checksum_of(secret: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(&digest(&SHA256, secret).as_ref()[..CHECKSUM_BYTES])
}
