//! Password hashes as [PHC strings]: `$pbkdf2-sha256$i=600000,l=32$<salt>$<output>`.
//!
//! Imported hashes are taken with fewer rounds, and in passlib's older spelling
//! `$pbkdf2-sha256$29000$<salt>$<output>`.
//!
//! [PHC strings]: https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md

use std::fmt;
use std::hint::black_box;
use std::ops::RangeInclusive;
use std::str::FromStr;

use pbkdf2::password_hash::phc::{self, Output, Salt};
use pbkdf2::{Algorithm, Params, pbkdf2_hmac_with_params};
use subtle::ConstantTimeEq as _;

use crate::protocol::Secret;
use crate::random::Random;

/// Fewest rounds of a hash that is made here, whatever the configuration says.
pub const FLOOR: u32 = 600_000;

/// Rounds of a hash that is taken from elsewhere: fewer are worth nothing, more would stop the queue.
const TAKEN: RangeInclusive<u32> = 1_000..=10_000_000;

const SALT_BYTES: usize = 16;

/// One block of HMAC-SHA256. More output would cost us more and an attacker, who needs one block, nothing.
const OUTPUT_BYTES: usize = 32;

/// A stored password: salt, rounds and derived key.
#[derive(Clone)]
pub struct PasswordHash {
    rounds: u32,
    salt: Salt,
    output: Output,
}

/// A text is not a password hash that can be verified here. The text itself is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a password hash that can be taken: {0}")]
pub struct Malformed(&'static str);

impl PasswordHash {
    /// Hashes `password` with a fresh salt, by `rounds` rounds or [`FLOOR`] if that is more.
    ///
    /// Takes about 70 ms of processor time: a request asks the [`Hasher`](super::Hasher) instead.
    pub fn new(password: &Secret<String>, rounds: u32, random: &Random) -> Self {
        let rounds = rounds.max(FLOOR);
        let salt = Salt::new(&random.bytes::<SALT_BYTES>()).expect("16 bytes are a salt");
        let derived = derive(password.expose(), &salt, rounds);
        let output = Output::new(derived.expose()).expect("32 bytes are an output");
        Self { rounds, salt, output }
    }

    /// The PHC string.
    pub fn to_phc(&self) -> Secret<String> {
        let Self { rounds, salt, output } = self;
        Secret::new(format!("$pbkdf2-sha256$i={rounds},l={}${salt}${output}", output.len()))
    }

    /// Whether this is weaker than a hash that is made now with `rounds` rounds.
    pub fn needs_rehash(&self, rounds: u32) -> bool {
        self.rounds < rounds.max(FLOOR) || self.salt.len() < SALT_BYTES || self.output.len() < OUTPUT_BYTES
    }

    /// Whether `password` is the one, after at least `rounds` rounds of work.
    pub(super) fn matches(&self, password: &str, rounds: u32) -> bool {
        let derived = derive(password, &self.salt, self.rounds);
        spend(rounds.saturating_sub(self.rounds));
        derived.expose()[..self.output.len()].ct_eq(self.output.as_bytes()).into()
    }
}

/// Does the work of `rounds` rounds for nothing.
pub(super) fn spend(rounds: u32) {
    if rounds > 0 {
        let rounds = rounds.max(Params::MIN_ROUNDS);
        black_box(derive("nobody's password", b"nobody's salt...", rounds).expose());
    }
}

/// PBKDF2-HMAC-SHA256. This function of the crate, unlike its generic ones, is compiled there, and so is
/// optimised in our test builds too.
fn derive(password: &str, salt: &[u8], rounds: u32) -> Secret<[u8; OUTPUT_BYTES]> {
    let params = Params::new(rounds).expect("everybody asks for 1,000 rounds or more");
    let mut output = [0; OUTPUT_BYTES];
    pbkdf2_hmac_with_params(password.as_bytes(), salt, Algorithm::Pbkdf2Sha256, params, &mut output);
    Secret::new(output)
}

impl FromStr for PasswordHash {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let respelled = passlib_as_phc(text).map(Secret::new);
        let text = respelled.as_ref().map_or(text, |phc| phc.expose());

        let hash = phc::PasswordHash::new(text).map_err(|_| Malformed("it is not a PHC string"))?;
        if hash.algorithm.as_str() != Algorithm::PBKDF2_SHA256_ID {
            return Err(Malformed("its algorithm is not `pbkdf2-sha256`"));
        }
        let params =
            Params::try_from(&hash).map_err(|_| Malformed("its parameters are not those of PBKDF2"))?;
        if !TAKEN.contains(&params.rounds()) {
            return Err(Malformed("it has less than 1,000 or more than 10,000,000 rounds"));
        }
        let salt = hash.salt.ok_or(Malformed("it has no salt"))?;
        let output = hash.hash.ok_or(Malformed("it has no output"))?;
        if output.len() < 16 {
            return Err(Malformed("its output is shorter than 16 bytes"));
        }
        // Every block is derived by itself, so the first one decides as well as all of them.
        let first = &output.as_bytes()[..output.len().min(OUTPUT_BYTES)];
        Ok(Self {
            rounds: params.rounds(),
            salt,
            output: Output::new(first).expect("16 to 32 bytes are an output"),
        })
    }
}

/// passlib writes bare rounds, and `.` for `+` in its base64.
fn passlib_as_phc(text: &str) -> Option<String> {
    let rest = text.strip_prefix("$pbkdf2-sha256$")?;
    let (rounds, salt_and_output) = rest.split_once('$')?;
    let bare = rounds.bytes().all(|byte| byte.is_ascii_digit());
    bare.then(|| format!("$pbkdf2-sha256$i={rounds}${}", salt_and_output.replace('.', "+")))
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By passlib's documentation, its password is `password`.
    const PASSLIB: &str = "$pbkdf2-sha256$8000$XAuBMIYQQogxRg$tRRlz8hYn63B9LYiCd6PRo6FMiunY9ozmMMI3srxeRE";
    /// By Python's `hashlib.pbkdf2_hmac`, which Django uses: `passwd`, the salt `saltsalt`.
    const DJANGO: &str = "$pbkdf2-sha256$i=1000,l=32$c2FsdHNhbHQ$KBJH0RIw+FCnOKJi2s/ppNgRHFTFzBjXqxs+xS3zHTY";

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_hash_reads_back_as_it_was_written() {
        let hash = PasswordHash::new(&secret("tuba lemon cactus"), FLOOR, &Random::system().unwrap());
        let text = hash.to_phc();
        assert!(text.expose().starts_with("$pbkdf2-sha256$i=600000,l=32$"));
        let read: PasswordHash = text.expose().parse().unwrap();
        assert_eq!(read.to_phc().expose(), text.expose());
        assert!(read.matches("tuba lemon cactus", 0) && !read.matches("tuba lemon cactu", 0));
        assert!(!read.needs_rehash(FLOOR) && read.needs_rehash(FLOOR + 1));
    }

    #[test]
    fn no_hash_is_made_below_the_floor() {
        let hash = PasswordHash::new(&secret("tuba lemon cactus"), 1_000, &Random::system().unwrap());
        assert_eq!(hash.rounds, FLOOR);
    }

    #[test]
    fn equal_passwords_have_unequal_hashes() {
        let random = Random::system().unwrap();
        let [one, other] = [(); 2].map(|()| PasswordHash::new(&secret("tuba lemon cactus"), FLOOR, &random));
        assert_ne!(one.to_phc().expose(), other.to_phc().expose());
    }

    #[test]
    fn hashes_of_others_are_verified_and_found_weak() {
        for (text, password) in [(PASSLIB, "password"), (DJANGO, "passwd")] {
            let hash: PasswordHash = text.parse().unwrap();
            assert!(hash.matches(password, 0) && !hash.matches("Password", 0));
            assert!(hash.needs_rehash(FLOOR));
        }
    }

    #[test]
    fn of_a_longer_output_the_first_block_decides() {
        let salt = b"saltsalt";
        let mut long = [0; 64];
        let params = Params::new_with_output_len(1_000, 64).unwrap();
        pbkdf2_hmac_with_params(b"passwd", salt, Algorithm::Pbkdf2Sha256, params, &mut long);
        let text = format!(
            "$pbkdf2-sha256$i=1000,l=64${}${}",
            Salt::new(salt).unwrap(),
            Output::new(&long).unwrap()
        );
        let hash: PasswordHash = text.parse().unwrap();
        assert!(hash.matches("passwd", 0));
        assert_eq!(hash.to_phc().expose(), DJANGO);
    }

    #[test]
    fn malformed_hashes_are_refused() {
        let salt_and_output = DJANGO.strip_prefix("$pbkdf2-sha256$i=1000,l=32").unwrap();
        let of = |params: &str| format!("$pbkdf2-sha256${params}{salt_and_output}");
        for text in [
            String::new(),
            "$".to_owned(),
            "secret".to_owned(),
            "$pbkdf2-sha256".to_owned(),
            "$pbkdf2-sha256$i=1000,l=32".to_owned(),
            "$pbkdf2-sha256$i=1000,l=32$c2FsdHNhbHQ".to_owned(),
            "$pbkdf2-sha256$$$".to_owned(),
            DJANGO.replace("sha256", "sha512"),
            DJANGO.replace("pbkdf2-sha256", "argon2id"),
            "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".to_owned(),
            of("i=999,l=32"),
            of("i=10000001,l=32"),
            of("i=4294967296,l=32"),
            of("i=1000,l=31"),
            of("i=1000,l=32,x=1"),
            of("v=1$i=1000,l=32"),
            of("999"),
            of("01000"),
            of("1000") + "$",
            "$pbkdf2-sha256$i=1000,l=32$c2FsdA$".to_owned() + salt_and_output.rsplit('$').next().unwrap(),
            "$pbkdf2-sha256$i=1000,l=10$c2FsdHNhbHQ$AAAAAAAAAAAAAA".to_owned(),
        ] {
            assert!(text.parse::<PasswordHash>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_hash_does_not_show_itself() {
        assert_eq!(format!("{:?}", PASSLIB.parse::<PasswordHash>().unwrap()), "[redacted]");
    }

    proptest! {
        #[test]
        fn any_text_is_a_hash_or_a_refusal(text in r"(\$pbkdf2-sha256)?[$=,a-z0-9+./]{0,80}|.{0,40}") {
            if let Ok(hash) = text.parse::<PasswordHash>() {
                let text = hash.to_phc();
                let again = text.expose().parse::<PasswordHash>().unwrap().to_phc();
                prop_assert_eq!(again.expose(), text.expose());
            }
        }
    }
}
