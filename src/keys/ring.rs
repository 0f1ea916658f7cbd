//! The keys in use: an immutable snapshot that requests read without waiting.
//!
//! A ring is built when the stored keys change. Each key is opened and parsed once, and handed on from ring
//! to ring; the JWKS is bytes, made once per ring.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use jsonwebtoken::DecodingKey;

use crate::clock::Reading;
use crate::model::{Document, SigningAlg, SigningKey};

use super::jwk::{Jwk, jwks};
use super::record::{self, RecordError};
use super::rsa_key::RsaKey;
use super::schedule::{self, Policy};
use super::seal::Seal;
use super::signer::Signer;
use super::verified::Verified;
use super::verify::{self, Received, Refused};

/// The ring in use, which a new one replaces whole.
pub struct KeyRing {
    policy: ArcSwap<Policy>,
    seal: Seal,
    current: ArcSwap<Ring>,
}

impl KeyRing {
    /// A ring of these stored keys, as they were read at `now`.
    pub fn new(policy: Policy, seal: Seal, keys: Vec<SigningKey>, now: Reading) -> Self {
        let published = Published::build(keys, &seal, &HashMap::new());
        let ring = Ring { policy, published: Arc::new(published), confirmed: now };
        Self { policy: ArcSwap::from_pointee(policy), seal, current: ArcSwap::from_pointee(ring) }
    }

    /// The ring in use.
    pub fn current(&self) -> Guard<Arc<Ring>> {
        self.current.load()
    }

    /// Goes on by another policy, from the next confirmation on.
    pub fn set_policy(&self, policy: Policy) {
        self.policy.store(Arc::new(policy));
    }

    /// Goes over to these stored keys, as they were read at `now`. Keys that are new are opened and parsed,
    /// which takes some milliseconds each. One task does all replacing and confirming.
    pub fn replace(&self, keys: Vec<SigningKey>, now: Reading) {
        let published = Published::build(keys, &self.seal, &self.current.load().published.known);
        self.store(Arc::new(published), now);
    }

    /// Notes that the stored keys were found unchanged at `now`.
    pub fn confirm(&self, now: Reading) {
        self.store(self.current.load().published.clone(), now);
    }

    fn store(&self, published: Arc<Published>, confirmed: Reading) {
        self.current.store(Arc::new(Ring { policy: **self.policy.load(), published, confirmed }));
    }
}

/// The keys, as they were stored at one moment.
pub struct Ring {
    policy: Policy,
    published: Arc<Published>,
    /// When they were last found to be the stored keys.
    confirmed: Reading,
}

/// What is made once per change of the keys.
struct Published {
    keys: Vec<SigningKey>,
    known: HashMap<String, Arc<KnownKey>>,
    active: Option<Arc<KnownKey>>,
    jwks: Arc<Document>,
    faults: Vec<Fault>,
    verified: Verified,
}

/// A key that was opened, and found to be ours.
struct KnownKey {
    signer: Signer,
    verifier: DecodingKey,
    n: String,
    e: String,
}

/// A stored key that is not used.
#[derive(Debug, thiserror::Error)]
#[error("the signing key `{kid}` is not used: {cause}")]
pub struct Fault {
    /// The key.
    pub kid: String,
    /// Why.
    pub cause: RecordError,
}

/// Why nothing can be signed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSigner {
    /// The stored keys were not read for too long: the active key may be retired.
    #[error("the signing keys were not read for too long")]
    Stale,
    /// No key is active, or the active one has a [`Fault`].
    #[error("there is no active signing key")]
    NoKey,
}

impl Ring {
    /// What signs by `alg` now. A view that was not confirmed for one lead signs nothing.
    pub fn signer(&self, alg: SigningAlg, now: Reading) -> Result<&Signer, NoSigner> {
        if self.policy.view_is_good_for(self.confirmed, now) == 0 {
            return Err(NoSigner::Stale);
        }
        // Each algorithm has its own active key; there is one algorithm.
        let active = match alg {
            SigningAlg::Rs256 => self.published.active.as_ref(),
        };
        active.map(|key| &key.signer).ok_or(NoSigner::NoKey)
    }

    /// What verifies the signatures of the key `kid`; `None` for a key that is not published. The `kid` of a
    /// token is only ever looked up here ([RFC 8725 §3.10]).
    ///
    /// [RFC 8725 §3.10]: https://www.rfc-editor.org/rfc/rfc8725#section-3.10
    pub fn verifier(&self, kid: &str) -> Option<&DecodingKey> {
        self.published.known.get(kid).map(|key| &key.verifier)
    }

    /// What the access token `token` says, if it was signed with one of these keys; it is still to be
    /// [checked](Received::check). The signature is checked when the token is first seen, and what it says then kept as
    /// long as the keys.
    pub fn access_token(&self, token: &str) -> Result<Arc<Received>, Refused> {
        self.published.verified.look(token, || verify::received(token, |kid| self.verifier(kid)))
    }

    /// The JWKS document ([RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5)).
    pub fn jwks(&self) -> &Arc<Document> {
        &self.published.jwks
    }

    /// For how many seconds the document may be kept.
    pub fn max_age(&self, now: Reading) -> i64 {
        self.policy.max_age(&self.published.keys, self.confirmed, now)
    }

    /// When the stored keys were last found to be these.
    pub fn confirmed(&self) -> Reading {
        self.confirmed
    }

    /// The stored keys, by generation.
    pub fn keys(&self) -> &[SigningKey] {
        &self.published.keys
    }

    /// The stored keys that should be published, and cannot be used. They are tried again at every
    /// [`KeyRing::replace`].
    pub fn faults(&self) -> &[Fault] {
        &self.published.faults
    }
}

impl Published {
    fn build(mut keys: Vec<SigningKey>, seal: &Seal, before: &HashMap<String, Arc<KnownKey>>) -> Self {
        keys.sort_by_key(|key| key.generation);
        let (mut known, mut faults) = (HashMap::new(), Vec::new());
        for key in keys.iter().filter(|key| key.is_published()) {
            let kept = before.get(&key.kid).cloned();
            match kept.map_or_else(|| KnownKey::open(key, seal).map(Arc::new), Ok) {
                Ok(opened) => drop(known.insert(key.kid.clone(), opened)),
                Err(cause) => faults.push(Fault { kid: key.kid.clone(), cause }),
            }
        }
        let active = schedule::active(&keys).and_then(|key| known.get(&key.kid).cloned());
        let jwks = jwks(keys.iter().filter_map(|key| known.get(&key.kid)).map(|key| key.jwk()));
        Self { keys, known, active, jwks: Arc::new(jwks.into()), faults, verified: Verified::new() }
    }
}

impl KnownKey {
    fn open(key: &SigningKey, seal: &Seal) -> Result<Self, RecordError> {
        let RsaKey { n, e, private, .. } = record::open(key, seal)?;
        let signer = Signer::new(&key.kid, &private).map_err(|_| RecordError::Altered)?;
        let verifier = DecodingKey::from_rsa_components(&n, &e).map_err(|_| RecordError::Altered)?;
        Ok(Self { signer, verifier, n, e })
    }

    fn jwk(&self) -> Jwk<'_> {
        Jwk::new(self.signer.kid(), &self.n, &self.e)
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.keys().iter().map(|key| (&key.kid, key.state()))).finish()
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.current.load().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jsonwebtoken::{Algorithm, Validation, decode};
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::Clock;
    use crate::keys::custody::SealingKeys;
    use crate::keys::signer::Typ;

    const NOW: i64 = 1_700_000_000;
    const RS256: SigningAlg = SigningAlg::Rs256;

    /// `NOW`, and so many seconds later.
    fn after(seconds: u64) -> Reading {
        Reading { unix: NOW.saturating_add_unsigned(seconds), monotonic: Duration::from_secs(seconds) }
    }

    fn seal() -> Seal {
        Seal::new(&SealingKeys::of_tests(&[1]))
    }

    fn policy() -> Policy {
        Policy::new(30 * 86_400, 600, 300)
    }

    /// A pending key of this generation, published at `NOW`.
    fn pending(generation: i64) -> SigningKey {
        record::make(generation, 2048, &seal(), &Clock::manual(NOW).0).unwrap()
    }

    fn active(generation: i64) -> SigningKey {
        SigningKey { activated_at: Some(NOW), ..pending(generation) }
    }

    fn key_ring(keys: Vec<SigningKey>) -> KeyRing {
        KeyRing::new(policy(), seal(), keys, after(0))
    }

    fn verifies(ring: &Ring, kid: &str, token: &str) -> bool {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.required_spec_claims.clear();
        ring.verifier(kid).is_some_and(|key| decode::<Value>(token, key, &validation).is_ok())
    }

    #[test]
    fn a_rotation_keeps_the_old_key_s_tokens_good_and_a_revocation_does_not() {
        let (mut first, mut second) = (active(1), pending(2));
        let (one, two) = (first.kid.clone(), second.kid.clone());
        let key_ring = key_ring(vec![second.clone(), first.clone()]);

        let before = key_ring.current();
        assert_eq!(before.signer(RS256, after(0)).unwrap().kid(), one);
        let token = before.signer(RS256, after(0)).unwrap().sign(Typ::AccessToken, &json!({}));
        assert!(verifies(&before, &one, &token) && !verifies(&before, &two, &token));

        (first.retired_at, second.activated_at) = (Some(NOW), Some(NOW));
        key_ring.replace(vec![first.clone(), second.clone()], after(0));
        let later = key_ring.current();
        assert_eq!(later.signer(RS256, after(0)).unwrap().kid(), two);
        assert!(verifies(&later, &one, &token));
        assert_eq!(before.jwks(), later.jwks(), "what is published is the same");
        assert!(
            Arc::ptr_eq(&before.published.known[&two], &later.published.known[&two]),
            "no key is opened twice"
        );

        (first.revoked_at, first.sealed) = (Some(NOW), None);
        key_ring.replace(vec![first, second], after(0));
        let last = key_ring.current();
        assert!(last.verifier(&one).is_none() && last.faults().is_empty());
        assert_ne!(last.jwks().etag, later.jwks().etag);
        let document: Value = serde_json::from_slice(&last.jwks().bytes).unwrap();
        assert_eq!(document["keys"].as_array().unwrap().len(), 1);
        assert_eq!(document["keys"][0]["kid"], two.as_str());
    }

    #[test]
    fn a_ring_that_was_not_confirmed_for_a_lead_signs_nothing_and_publishes_on() {
        let key_ring = key_ring(vec![active(1)]);
        let ring = key_ring.current();
        assert!(ring.signer(RS256, after(599)).is_ok());
        assert_eq!(ring.signer(RS256, after(600)).unwrap_err(), NoSigner::Stale);
        assert_eq!((ring.max_age(after(0)), ring.max_age(after(600))), (300, 1));
        assert!(ring.jwks().bytes.len() > 400);

        key_ring.confirm(after(600));
        let confirmed = key_ring.current();
        assert!(confirmed.signer(RS256, after(600)).is_ok());
        assert_eq!((confirmed.max_age(after(600)), confirmed.jwks()), (300, ring.jwks()));
    }

    /// An attacker who writes to the database cannot make a key that is believed.
    #[test]
    fn a_key_that_was_not_sealed_here_is_neither_published_nor_believed() {
        let (ours, theirs) = (active(1), pending(2));
        let foreign = Seal::new(&SealingKeys::of_tests(&[1, 2]));
        let forged = [
            SigningKey { sealed: None, ..theirs.clone() },
            SigningKey { sealed: ours.sealed.clone(), ..theirs.clone() },
            SigningKey { n: theirs.n.clone(), ..ours.clone() },
            SigningKey { kid: theirs.kid.clone(), ..ours.clone() },
            record::make(3, 2048, &foreign, &Clock::manual(NOW).0).unwrap(),
        ];
        for key in forged {
            let kid = key.kid.clone();
            let key_ring = key_ring(vec![key]);
            let ring = key_ring.current();
            assert_eq!(ring.faults().len(), 1, "{:?}", ring.faults());
            assert!(ring.verifier(&kid).is_none());
            assert_eq!(&ring.jwks().bytes[..], br#"{"keys":[]}"#);
            assert_eq!(ring.signer(RS256, after(0)).unwrap_err(), NoSigner::NoKey);
        }
    }

    #[test]
    fn a_key_that_could_not_be_opened_is_tried_again() {
        let newer = Seal::new(&SealingKeys::of_tests(&[1, 2]));
        let mut key = record::make(1, 2048, &newer, &Clock::manual(NOW).0).unwrap();
        key.activated_at = Some(NOW);
        let seal = seal();
        let key_ring = KeyRing::new(policy(), seal.clone(), vec![key.clone()], after(0));
        assert_eq!(key_ring.current().signer(RS256, after(0)).unwrap_err(), NoSigner::NoKey);

        seal.replace(&SealingKeys::of_tests(&[1, 2]));
        key_ring.replace(vec![key], after(0));
        assert!(key_ring.current().signer(RS256, after(0)).is_ok());
    }
}
