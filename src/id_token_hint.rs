//! `id_token_hint`: an ID token of ours that comes back, to say who is meant ([OpenID Connect Core §3.1.2.1],
//! [RP-Initiated Logout §2]).
//!
//! It proves that its client once had it, and nothing about who sits before the browser.
//!
//! [OpenID Connect Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
//! [RP-Initiated Logout §2]: https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout

use crate::app::App;
use crate::keys::verify;
use crate::protocol::{Error, IdTokenHint};

/// Checks form, signature and issuer of `token`. It may have expired.
pub fn read(app: &App, token: &str) -> Result<IdTokenHint, Error> {
    let ring = app.keys.current();
    let hint = verify::id_token_hint(token, app.issuer().as_str(), |kid| ring.verifier(kid));
    hint.map_err(|cause| {
        Error::invalid_request("the `id_token_hint` is not an ID token of this server").because(cause)
    })
}
