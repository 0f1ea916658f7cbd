//! The audit trail: security decisions, each with who and what, never with a secret.

use std::str::FromStr;

use uuid::Uuid;

use super::UserId;
use crate::protocol::ClientId;

/// The text is no event of this release; a newer one may know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event that this release knows")]
pub struct UnknownEvent;

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Event { $($(#[$doc])* $name,)* }

        impl Event {
            /// The event as it stands in the trail.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        impl FromStr for Event {
            type Err = UnknownEvent;

            fn from_str(text: &str) -> Result<Self, UnknownEvent> {
                match text { $($text => Ok(Self::$name),)* _ => Err(UnknownEvent) }
            }
        }
    };
}

events! {
    /// A user proved who they are.
    SignedIn = "user.signed_in",
    /// A sign-in failed.
    SignInFailed = "user.sign_in_failed",
    /// A session was ended, by its user, because another user signed in with the browser, or as one too many.
    SessionEnded = "session.ended",
    /// A client could not be told that a session was ended.
    LogoutUndelivered = "logout.undelivered",
    /// A used authorization code came back: somebody holds a copy.
    AuthorizationCodeReused = "authorization_code.reused",
    /// A user let a client have a scope.
    ConsentGranted = "consent.granted",
    /// A user took back what they had let a client have.
    ConsentWithdrawn = "consent.withdrawn",
    /// A used refresh token came back although its successor had been used: somebody holds a copy.
    RefreshTokenReused = "refresh_token.reused",
    /// A family was revoked.
    FamilyRevoked = "family.revoked",
    /// An access token was revoked.
    AccessTokenRevoked = "access_token.revoked",
    /// A key was published.
    KeyPublished = "key.published",
    /// A key began to sign, and the one before it was retired.
    KeyActivated = "key.activated",
    /// A key left the JWKS at the end of its time.
    KeyPurged = "key.purged",
    /// A key was dropped at once.
    KeyRevoked = "key.revoked",
    /// Sealed values were moved to a new sealing key.
    Resealed = "seal.rotated",
    /// A user was added.
    UserAdded = "user.added",
    /// A user was disabled.
    UserDisabled = "user.disabled",
    /// A user was enabled.
    UserEnabled = "user.enabled",
    /// A user's password was set.
    PasswordSet = "user.password_set",
    /// A user's roles were set.
    RolesSet = "user.roles_set",
    /// A user's claims were changed.
    UserChanged = "user.changed",
    /// A user was removed.
    UserRemoved = "user.removed",
    /// A client was added.
    ClientAdded = "client.added",
    /// A client's registration was changed.
    ClientChanged = "client.changed",
    /// A client was given a further secret.
    ClientSecretRotated = "client.secret_rotated",
    /// A client was disabled.
    ClientDisabled = "client.disabled",
    /// A client was enabled.
    ClientEnabled = "client.enabled",
    /// A client was removed.
    ClientRemoved = "client.removed",
    /// An API was added.
    ApiAdded = "api.added",
    /// An API was marked as one for tests, or is one no more.
    ApiChanged = "api.changed",
    /// An API was removed.
    ApiRemoved = "api.removed",
    /// A token was made to be sent to an API for tests, most likely a bad one.
    TestTokenMinted = "test_token.minted",
    /// A role was added.
    RoleAdded = "role.added",
    /// A role was removed.
    RoleRemoved = "role.removed",
}

impl Event {
    /// Whether it changes what a token or a client may rest on: everything does, but what only adds to it.
    pub fn ends_or_changes(self) -> bool {
        !matches!(self, Self::SignedIn | Self::SignInFailed | Self::ConsentGranted | Self::LogoutUndelivered)
    }

    /// Whether servers keep at hand what it changes, and must read it anew: keys, clients, APIs.
    pub fn is_kept_at_hand(self) -> bool {
        match self {
            Self::KeyPublished | Self::KeyActivated | Self::KeyPurged | Self::KeyRevoked | Self::Resealed => {
                true
            }
            Self::ClientAdded | Self::ClientDisabled | Self::ClientEnabled | Self::ClientRemoved => true,
            Self::ClientChanged | Self::ApiAdded | Self::ApiRemoved => true,
            Self::ApiChanged | Self::TestTokenMinted => false,
            Self::ClientSecretRotated | Self::RoleAdded | Self::RoleRemoved => false,
            Self::SignedIn | Self::SignInFailed | Self::PasswordSet | Self::RolesSet => false,
            Self::UserAdded | Self::UserChanged | Self::UserRemoved => false,
            Self::UserDisabled | Self::UserEnabled => false,
            Self::SessionEnded | Self::LogoutUndelivered => false,
            Self::ConsentGranted | Self::ConsentWithdrawn => false,
            Self::AuthorizationCodeReused => false,
            Self::RefreshTokenReused | Self::FamilyRevoked | Self::AccessTokenRevoked => false,
        }
    }
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The entry's id.
    pub id: Uuid,
    /// When it happened.
    pub at: i64,
    /// What happened.
    pub event: Event,
    /// The client concerned.
    pub client_id: Option<ClientId>,
    /// The user concerned.
    pub user_id: Option<UserId>,
    /// More, in words.
    pub detail: Option<String>,
}

impl Audit {
    /// An entry that says only what happened.
    pub fn of(event: Event, id: Uuid, at: i64) -> Self {
        Self { id, at, event, client_id: None, user_id: None, detail: None }
    }

    /// Names the client.
    pub fn client(self, id: &ClientId) -> Self {
        Self { client_id: Some(id.clone()), ..self }
    }

    /// Names the user.
    pub fn user(self, id: UserId) -> Self {
        Self { user_id: Some(id), ..self }
    }

    /// Says more.
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}
