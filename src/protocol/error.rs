//! Refusals ([RFC 6749 §4.1.2.1] and [§5.2], [RFC 6750 §3.1], [OpenID Connect Core §3.1.2.6]): one type, whose codes
//! are the standards' codes.
//!
//! The description is told to the client and never depends on a secret; the cause is kept for the log.
//! `http/reply.rs` alone turns an error into an answer.
//!
//! [RFC 6749 §4.1.2.1]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1
//! [§5.2]: https://www.rfc-editor.org/rfc/rfc6749#section-5.2
//! [OpenID Connect Core §3.1.2.6]: https://openid.net/specs/openid-connect-core-1_0.html#AuthError
//! [RFC 6750 §3.1]: https://www.rfc-editor.org/rfc/rfc6750#section-3.1

use std::borrow::Cow;
use std::fmt;

use super::{ClientId, Scope};

/// What lies behind a refusal, for the log alone.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The kind of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request is malformed ([RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)).
    InvalidRequest,
    /// Client authentication failed.
    InvalidClient,
    /// The grant is invalid, expired, revoked or another client's.
    InvalidGrant,
    /// The client may not use this grant type.
    UnauthorizedClient,
    /// The grant type is not known.
    UnsupportedGrantType,
    /// The scope is malformed, or nothing of it can be granted.
    InvalidScope,
    /// The resource is not one that the client may ask for
    /// ([RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707#section-2)).
    InvalidTarget,
    /// The authorization endpoint does not give this response type
    /// ([RFC 6749 §4.1.2.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1)).
    UnsupportedResponseType,
    /// The user refused.
    AccessDenied,
    /// The user must sign in, and may not be asked to
    /// ([OpenID Connect Core §3.1.2.6](https://openid.net/specs/openid-connect-core-1_0.html#AuthError)).
    LoginRequired,
    /// The user must consent, and may not be asked to.
    ConsentRequired,
    /// The request is a request object.
    RequestNotSupported,
    /// The request object lies elsewhere.
    RequestUriNotSupported,
    /// The client registers itself with its request.
    RegistrationNotSupported,
    /// The user cannot be authenticated as strongly as is demanded ([OpenID Connect Core Error Code
    /// unmet_authentication_requirements](https://openid.net/specs/openid-connect-unmet-authentication-requirements-1_0.html)).
    UnmetAuthenticationRequirements,
    /// A protected resource was asked for without a token; the challenge names no error
    /// ([RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)).
    MissingToken,
    /// The access token is malformed, expired, revoked or otherwise not good.
    InvalidToken,
    /// The access token lacks a scope.
    InsufficientScope,
    /// No such path.
    NotFound,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The body is larger than the server reads.
    TooLarge,
    /// The request target is longer than the server reads.
    UriTooLong,
    /// The header is larger than the server reads.
    HeaderTooLarge,
    /// The body is of a media type that the endpoint does not read.
    UnsupportedMediaType,
    /// The client sent its request too slowly.
    RequestTimeout,
    /// Too many attempts; `Retry-After` says when.
    TooManyRequests,
    /// The server cannot serve this now, and will again; `Retry-After` says when.
    Unavailable,
}

impl Code {
    /// The `error` value on the wire.
    ///
    /// Statuses that OAuth has no code for (404, 405, 408, 413, 414, 415, 431) are malformed requests to it; 429 and
    /// 503 use the registered `temporarily_unavailable`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::TooLarge
            | Self::UriTooLong
            | Self::HeaderTooLarge
            | Self::UnsupportedMediaType
            | Self::RequestTimeout => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::MissingToken | Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::TooManyRequests | Self::Unavailable => "temporarily_unavailable",
        }
    }
}

/// A refusal.
#[derive(Debug)]
pub struct Error {
    code: Code,
    description: Cow<'static, str>,
    cause: Option<BoxError>,
    /// Boxed, so that a result with an error in it stays small.
    client: Option<Box<ClientId>>,
    retry_after: Option<u64>,
    scope: Option<Scope>,
    allow: Option<&'static str>,
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident => $code:ident;)*) => {
        $($(#[$doc])*
        pub fn $name(description: impl Into<Cow<'static, str>>) -> Self {
            Self::new(Code::$code, description)
        })*
    };
}

impl Error {
    fn new(code: Code, description: impl Into<Cow<'static, str>>) -> Self {
        let description = description.into();
        Self { code, description, cause: None, client: None, retry_after: None, scope: None, allow: None }
    }

    refusals! {
        /// The request is malformed.
        invalid_request => InvalidRequest;
        /// Client authentication failed.
        invalid_client => InvalidClient;
        /// The grant is invalid, expired, revoked or another client's.
        invalid_grant => InvalidGrant;
        /// The client may not use this grant type.
        unauthorized_client => UnauthorizedClient;
        /// The grant type is not known.
        unsupported_grant_type => UnsupportedGrantType;
        /// The scope is malformed, or nothing of it can be granted.
        invalid_scope => InvalidScope;
        /// The resource is not one that the client may ask for.
        invalid_target => InvalidTarget;
        /// The authorization endpoint does not give this response type.
        unsupported_response_type => UnsupportedResponseType;
        /// The user refused.
        access_denied => AccessDenied;
        /// The user must sign in, and may not be asked to.
        login_required => LoginRequired;
        /// The user must consent, and may not be asked to.
        consent_required => ConsentRequired;
        /// The request is a request object.
        request_not_supported => RequestNotSupported;
        /// The request object lies elsewhere.
        request_uri_not_supported => RequestUriNotSupported;
        /// The client registers itself with its request.
        registration_not_supported => RegistrationNotSupported;
        /// The user cannot be authenticated as strongly as is demanded.
        unmet_authentication_requirements => UnmetAuthenticationRequirements;
        /// A protected resource was asked for without a token.
        missing_token => MissingToken;
        /// The access token is not good.
        invalid_token => InvalidToken;
        /// No such path.
        not_found => NotFound;
        /// The body is too large.
        too_large => TooLarge;
        /// The request target is too long.
        uri_too_long => UriTooLong;
        /// The header is too large.
        header_too_large => HeaderTooLarge;
        /// The media type is not one that the endpoint reads.
        unsupported_media_type => UnsupportedMediaType;
        /// The request came too slowly.
        request_timeout => RequestTimeout;
    }

    /// The access token lacks `scope`.
    pub fn insufficient_scope(scope: Scope) -> Self {
        let description = format!("the token lacks a scope that this needs: `{scope}`");
        Self { scope: Some(scope), ..Self::new(Code::InsufficientScope, description) }
    }

    /// The path takes only the methods in `allow`, as an `Allow` header lists them.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let description = format!("this path takes {allow}");
        Self { allow: Some(allow), ..Self::new(Code::MethodNotAllowed, description) }
    }

    /// Too many attempts; the next may come after `seconds`.
    pub fn too_many_requests(description: impl Into<Cow<'static, str>>, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(Code::TooManyRequests, description) }
    }

    /// The server cannot serve this now; it is worth asking again after `seconds`.
    pub fn unavailable(seconds: u64) -> Self {
        let description = "the server cannot answer this now, please ask again";
        Self { retry_after: Some(seconds), ..Self::new(Code::Unavailable, description) }
    }

    /// Remembers why, for the log alone.
    pub fn because(self, cause: impl Into<BoxError>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// Remembers which client asked, for the operator alone, unless that is known.
    pub fn of(self, client: &ClientId) -> Self {
        Self { client: self.client.or_else(|| Some(Box::new(client.clone()))), ..self }
    }

    /// The kind of refusal.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What the client is told.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// What the log is told.
    pub fn cause(&self) -> Option<&BoxError> {
        self.cause.as_ref()
    }

    /// The client that asked, if it is known.
    pub fn client(&self) -> Option<&ClientId> {
        self.client.as_deref()
    }

    /// Seconds after which asking again makes sense.
    pub fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    /// The scope that was missing.
    pub fn scope(&self) -> Option<&Scope> {
        self.scope.as_ref()
    }

    /// The methods that the path takes.
    pub fn allow(&self) -> Option<&'static str> {
        self.allow
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.description)
    }
}

impl std::error::Error for Error {}
