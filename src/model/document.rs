//! A document that is published: made once, sent many times.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;

/// A document, as it is sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Document {
    /// JSON.
    pub bytes: Bytes,
    /// Its strong entity tag, with the quotes, which changes with it.
    pub etag: String,
}

impl From<Vec<u8>> for Document {
    fn from(bytes: Vec<u8>) -> Self {
        let tag = URL_SAFE_NO_PAD.encode(&digest(&SHA256, &bytes).as_ref()[..16]);
        Self { bytes: bytes.into(), etag: format!("\"{tag}\"") }
    }
}
