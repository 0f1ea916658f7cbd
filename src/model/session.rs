//! A session: a browser that a user signed in with.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// A session's id, the `sid` of ID tokens and logout tokens for clients without a sector
/// ([OpenID Connect Front-Channel Logout §3](https://openid.net/specs/openid-connect-frontchannel-1_0.html#OPLogout)).
/// It says nothing about the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub Uuid);

impl FromStr for SessionId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(Self)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// A session as its user sees it among their others.
#[derive(Clone, Debug)]
pub struct Session {
    /// The id.
    pub id: SessionId,
    /// When the user last proved who they are in it.
    pub auth_time: i64,
    /// When it was last used, to the minute.
    pub seen_at: i64,
    /// When it ends, however often it is used.
    pub expires_at: i64,
    /// The browser, as it named itself at sign-in (`User-Agent`).
    pub agent: Option<String>,
}
