//! `[pages]`: how the pages look that people see.

use super::{Logo, Rgb, values};

/// `[pages]`.
#[derive(Clone, Debug, PartialEq, confique::Config)]
pub struct Pages {
    /// What stands at the top of every page; without it, the host of `issuer`.
    #[config(deserialize_with = values::name)]
    pub name: Option<String>,

    /// An SVG or PNG file of at most 64 KiB to stand there instead, 40 pixels high; a relative path starts at the
    /// working directory.
    #[config(deserialize_with = values::logo)]
    pub logo: Option<Logo>,

    /// The colour of buttons and links, as `#rrggbb`; where it could not be read, a darker or lighter shade is used.
    #[config(default = "#1f5fbf", deserialize_with = values::colour)]
    pub accent_color: Rgb,
}
