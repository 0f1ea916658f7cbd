//! claviger.

pub mod clock;
pub mod protocol;
pub mod random;
pub mod timer;
