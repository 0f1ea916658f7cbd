//! How and when a user proved who they are: what `amr`, `acr` and `auth_time` say
//! ([OpenID Connect Core §2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken)).

use super::words::words;

words! {
    /// A way to prove who one is ([RFC 8176 §2](https://www.rfc-editor.org/rfc/rfc8176#section-2)).
    Method: "an authentication method" {
        /// By password.
        Password = "pwd",
    }
}

/// A user's proof of who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// The ways, each once; at least one.
    pub methods: Vec<Method>,
    /// When (`auth_time`).
    pub at: i64,
}

/// The context classes there are, the weakest first: how many factors were proved.
pub const CONTEXT_CLASSES: [&str; 2] = ["1", "2"];

impl Authentication {
    /// By password, at `now`.
    pub fn by_password(now: i64) -> Self {
        Self { methods: vec![Method::Password], at: now }
    }

    /// The methods, as ID tokens name them (`amr`).
    pub fn amr(&self) -> Vec<&'static str> {
        self.methods.iter().map(|method| method.as_str()).collect()
    }

    /// The context class (`acr`), one of [`CONTEXT_CLASSES`].
    pub fn acr(&self) -> &'static str {
        CONTEXT_CLASSES[usize::from(self.methods.len() > 1)]
    }
}
