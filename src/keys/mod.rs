//! Keys: how they are kept, what they sign and seal, and when they change.
//!
//! - [`custody`]: where the sealing keys lie; [`seal`]: what they protect in the database.
//! - [`mod@derive`]: the root secret and the keys of its purposes.
//! - [`rsa_key`], [`record`]: signing keys, made and stored; [`jwk`]: what is published of them.
//! - [`signer`], [`ring`]: signing keys in use; [`verify`]: what they signed (`verified`: once is enough); [`schedule`]: their rotation.
//!
//! `keys/README.md` tells an operator how to keep them.

pub mod custody;
pub mod derive;
pub mod jwk;
pub mod record;
pub mod ring;
pub mod rsa_key;
pub mod schedule;
pub mod seal;
pub mod signer;
mod verified;
pub mod verify;
