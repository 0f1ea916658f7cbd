//! `[fetch]`: whom the server may call by itself.

use std::path::PathBuf;

use ipnet::IpNet;

use super::values;

/// `[fetch]`.
#[derive(Clone, Debug, PartialEq, confique::Config)]
pub struct Fetch {
    /// A PEM file of authorities whose certificates are believed, besides the public ones. Needs a restart.
    pub ca_file: Option<PathBuf>,

    /// Networks that may be called although they are not public, as in `["10.1.0.0/16"]`. Only a loopback host
    /// that is named here, as by `["127.0.0.0/8", "::1"]`, may be called by `http`. Needs a restart.
    #[config(default = [], deserialize_with = values::networks)]
    pub allow: Vec<IpNet>,
}
