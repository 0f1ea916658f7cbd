//! What a server is started with, and why it may not start.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::tls::{TlsError, TlsFiles};
use crate::config::ForwardedHeader;

/// What to serve on, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The addresses to listen on; port 0 takes any that is free.
    pub listen: Vec<SocketAddr>,
    /// The certificate for HTTPS; without one the server speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Networks whose word about the client's address counts.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they give it.
    pub forwarded_header: ForwardedHeader,
    /// Timeouts and caps.
    pub limits: Limits,
    /// Whether browsers shall keep to HTTPS (`Strict-Transport-Security`): when the issuer is `https`.
    pub hsts: bool,
}

/// Timeouts and caps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the TLS handshake, and for a header from its first byte or, on a new connection, from its beginning.
    pub header: Duration,
    /// For a body, from the end of the header.
    pub body: Duration,
    /// For the answer to a request, from the end of the header.
    pub request: Duration,
    /// For the silence between an answer and the next request.
    pub idle: Duration,
    /// For running requests at the shutdown.
    pub drain: Duration,
    /// Bytes of a body.
    pub body_bytes: u64,
    /// Bytes of a header.
    pub header_bytes: usize,
    /// Fields of a header.
    pub header_fields: usize,
    /// Bytes of a request target: path and query.
    pub target_bytes: usize,
    /// Open connections in all.
    pub connections: usize,
    /// Open connections from one IPv4 address or IPv6 /64, trusted proxies excepted.
    pub connections_per_prefix: usize,
    /// Requests at a time on one HTTP/2 connection.
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(10),
            body: Duration::from_secs(15),
            request: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            drain: Duration::from_secs(25),
            body_bytes: 16 * 1024,
            header_bytes: 16 * 1024,
            header_fields: 64,
            target_bytes: 8 * 1024,
            connections: 4096,
            connections_per_prefix: 256,
            streams: 64,
        }
    }
}

/// Why the server cannot start to listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// No address was given.
    #[error("there is no address to listen on\nhint: write one, such as `listen = [\"127.0.0.1:8080\"]`")]
    NoAddress,
    /// An address cannot be listened on.
    #[error("cannot listen on `{address}`: {fault}\nhint: {}", hint(fault))]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        fault: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There is no chance to name requests by.
    #[error("the system's random source gives nothing: {0}")]
    Random(#[from] rand::rngs::SysError),
}

fn hint(fault: &io::Error) -> &'static str {
    match fault.kind() {
        ErrorKind::AddrInUse => "end the other program that listens there, or choose another port",
        ErrorKind::PermissionDenied => "choose a port from 1024 on, or grant `CAP_NET_BIND_SERVICE`",
        ErrorKind::AddrNotAvailable => "choose an address of this machine, or `0.0.0.0` or `[::]` for all",
        _ => "choose another address",
    }
}
