//! Outbound requests: the one way in which the server calls a URL that somebody registered, and a command one that its
//! operator names.
//!
//! The URL's author decides whom we call, and we stand inside the operator's network; so a host is resolved once,
//! every address that comes back is checked, and those addresses are the ones that are called: a name that means
//! something else a moment later gains nothing. Redirects are not followed, no proxy is taken from the environment,
//! nothing is remembered between two requests. Connection, TLS and answer share five seconds, and the answer has
//! 64 KiB.
//!
//! An operator at the command line knows whom to call: what [`Fetcher::of_operator`] makes calls every address, and by
//! `http` too; all else is the same.
//!
//! Nothing is cached: what is fetched so far are answers to messages, not documents.

mod reach;
mod trust;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either, select};
use http::request::Builder;
use http::response;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Position, Url};

use crate::clock::Clock;
use crate::config;
use crate::timer;
use reach::Reach;
pub use trust::TrustError;

/// How long a request may take, from the resolution of the name to the last byte of the answer.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// The largest answer, in bytes.
pub const ANSWER_BYTES: usize = 64 * 1024;

/// The largest head of an answer: in bytes, and in header fields.
const HEAD: (usize, usize) = (16 * 1024, 64);

const AGENT: &str = concat!("claviger/", env!("CARGO_PKG_VERSION"));

/// Calls URLs. One for the whole server.
pub struct Fetcher {
    reach: Reach,
    tls: TlsConnector,
    resolve: Resolve,
    clock: Clock,
}

/// How much of an answer is read.
#[derive(Clone, Copy)]
enum Part {
    Head,
    Whole,
}

/// From a host's name to its addresses.
type Resolve = Box<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status, whichever it is: a redirect is not followed.
    pub status: u16,
    /// The body, at most [`ANSWER_BYTES`].
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL is none that is called.
    #[error("the URL is not `https`, or `http` on a loopback host that `fetch.allow` names")]
    Url,
    /// The host has an address that may not be called.
    #[error("the host's address `{0}` is not public, and `fetch.allow` does not name it")]
    Forbidden(IpAddr),
    /// The host has no address.
    #[error("the host's name does not resolve: {0}")]
    Unresolved(io::Error),
    /// No connection, or none over TLS.
    #[error("no connection: {0}")]
    Connection(io::Error),
    /// What came is no HTTP, or broke off.
    #[error("no answer that can be read: {0}")]
    Http(#[from] hyper::Error),
    /// The answer is larger than [`ANSWER_BYTES`].
    #[error("the answer is larger than {ANSWER_BYTES} bytes")]
    TooLarge,
    /// It was not over after [`TIMEOUT`].
    #[error("it took longer than {} s", TIMEOUT.as_secs())]
    TooSlow,
}

impl Fetcher {
    /// A fetcher that goes by `config`, and reads its file of authorities now.
    pub fn open(config: &config::Fetch, clock: Clock) -> Result<Self, TrustError> {
        let resolve: Resolve = Box::new(|host| resolve(host).boxed());
        let tls = trust::connector(config.ca_file.as_deref())?;
        Ok(Self { reach: Reach::new(config.allow.clone()), tls, resolve, clock })
    }

    /// A fetcher for URLs that an operator names at the command line.
    pub fn of_operator(config: &config::Fetch, clock: Clock) -> Result<Self, TrustError> {
        Ok(Self { reach: Reach::everywhere(), ..Self::open(config, clock)? })
    }

    /// Gets `url`.
    pub async fn get(&self, url: &Url) -> Result<Answer, FetchError> {
        self.send(url, Request::get(target(url)), String::new()).await
    }

    /// Posts a form to `url`.
    pub async fn post(&self, url: &Url, form: &[(&str, &str)]) -> Result<Answer, FetchError> {
        let request = Request::post(target(url)).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.send(url, request, body).await
    }

    /// Sends a request without a body, and reads the head of the answer; what follows it, however large, is left.
    pub async fn head_of(
        &self,
        url: &Url,
        method: Method,
        authorization: Option<HeaderValue>,
    ) -> Result<response::Parts, FetchError> {
        let request = Request::builder().method(method).uri(target(url));
        let request =
            authorization.into_iter().fold(request, |request, value| request.header(AUTHORIZATION, value));
        let answer = self.exchange(url, request, String::new(), Part::Head).await?;
        Ok(answer.into_parts().0)
    }

    async fn send(&self, url: &Url, request: Builder, body: String) -> Result<Answer, FetchError> {
        let answer = self.exchange(url, request, body, Part::Whole).await?;
        Ok(Answer { status: answer.status().as_u16(), body: answer.into_body() })
    }

    async fn exchange(
        &self,
        url: &Url,
        request: Builder,
        body: String,
        part: Part,
    ) -> Result<Response<Bytes>, FetchError> {
        let request = request
            .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
            .header(USER_AGENT, AGENT)
            .body(body)
            .map_err(|_| FetchError::Url)?;
        tokio::select! {
            answer = self.call(url, request, part) => answer,
            () = timer::sleep(&self.clock, TIMEOUT) => Err(FetchError::TooSlow),
        }
    }

    async fn call(
        &self,
        url: &Url,
        request: Request<String>,
        part: Part,
    ) -> Result<Response<Bytes>, FetchError> {
        let (host, port) = url.host().zip(url.port_or_known_default()).ok_or(FetchError::Url)?;
        let addresses = match host {
            Host::Ipv4(address) => vec![address.into()],
            Host::Ipv6(address) => vec![address.into()],
            Host::Domain(name) => (self.resolve)(name.to_owned()).await.map_err(FetchError::Unresolved)?,
        };
        // One address that is not good is enough: no honest name has addresses of both kinds.
        if let Some(address) = addresses.iter().find(|address| !self.reach.allows(**address)) {
            return Err(FetchError::Forbidden(*address));
        }
        let is_loopback = addresses.iter().all(|address| address.to_canonical().is_loopback());
        let addresses: Vec<_> = addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect();

        let connect = async || TcpStream::connect(&addresses[..]).await.map_err(FetchError::Connection);
        match url.scheme() {
            "https" => {
                let name = match host {
                    Host::Domain(name) => {
                        ServerName::try_from(name.to_owned()).map_err(|_| FetchError::Url)?
                    }
                    Host::Ipv4(address) => ServerName::from(IpAddr::from(address)),
                    Host::Ipv6(address) => ServerName::from(IpAddr::from(address)),
                };
                let stream =
                    self.tls.connect(name, connect().await?).await.map_err(FetchError::Connection)?;
                exchange(stream, request, part).await
            }
            "http" if is_loopback || self.reach.is_everywhere() => {
                exchange(connect().await?, request, part).await
            }
            _ => Err(FetchError::Url),
        }
    }
}

/// What a request asks for: the path and the query.
fn target(url: &Url) -> &str {
    &url[Position::BeforePath..Position::AfterQuery]
}

/// By the system's resolver.
async fn resolve(host: String) -> io::Result<Vec<IpAddr>> {
    let addresses = tokio::net::lookup_host((host, 0)).await?;
    Ok(addresses.map(|address| address.ip()).collect())
}

/// Sends `request` on a connection of its own.
async fn exchange<S>(stream: S, request: Request<String>, part: Part) -> Result<Response<Bytes>, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (bytes, fields) = HEAD;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(bytes)
        .max_headers(fields)
        .handshake::<_, String>(TokioIo::new(stream))
        .await?;
    let answer = async move {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = match part {
            Part::Whole => read(body).await?,
            Part::Head => Bytes::new(),
        };
        Ok(Response::from_parts(head, body))
    };
    match select(pin!(answer), pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        // The connection is over, and what came on it is still to be read.
        Either::Right((_, answer)) => answer.await,
    }
}

/// Reads a body to its end, and counts while reading.
async fn read(mut body: Incoming) -> Result<Bytes, FetchError> {
    let mut whole = Vec::new();
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame?.into_data() else { continue };
        if whole.len() + data.len() > ANSWER_BYTES {
            return Err(FetchError::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.into())
}

#[cfg(test)]
mod tests;
