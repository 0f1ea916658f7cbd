//! What a new password must be ([NIST SP 800-63B §3.1.1.2]): long, and not among those that guessing begins
//! with. Nothing is asked of its composition, and nothing is cut off.
//!
//! The block list holds pieces rather than whole passwords. Of 15 bytes and more, people make
//! `Password123456!` and `alice-claviger-2026`; so what is counted is symbols, where a listed word, the
//! user's or the issuer's name, or a sequence is one symbol, as it is to a guesser.
//!
//! [NIST SP 800-63B §3.1.1.2]: https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver

use std::iter::once;

use super::LONGEST;
use crate::protocol::{Issuer, Secret, Username};

/// Shortest password, in bytes.
const SHORTEST: usize = 15;

/// Fewest symbols of a password. Five words that are not listed have about 25, so only passwords made of
/// little else than listed pieces fall below.
const FEWEST_SYMBOLS: usize = 8;

/// Why a password is not taken. The text says what is wrong, [`Refused::hint`] the way out; neither shows
/// the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Shorter than 15 bytes.
    #[error("the password is too short: {0} bytes, and it takes 15")]
    Short(usize),
    /// Longer than 1,024 bytes.
    #[error("the password is too long: {0} bytes, and at most 1,024 are taken")]
    Long(usize),
    /// With a NUL character.
    #[error("the password has a NUL character in it")]
    Nul,
    /// One piece over and over, which is too short by itself.
    #[error("the password repeats one short piece")]
    Repeats,
    /// Little else than listed words, names and sequences.
    #[error("the password is easily guessed: common words, names and sequences are nearly all of it")]
    Common,
}

impl Refused {
    /// What to do instead.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Short(_) | Self::Repeats | Self::Common => {
                "take four or more unusual words that have nothing to do with each other, or let a password manager make one"
            }
            Self::Long(_) => "leave some of it out",
            Self::Nul => "type it by keyboard, or save the file as plain text",
        }
    }
}

/// Judges a password that the user `username` of `issuer` wants to have.
pub fn check(password: &Secret<String>, username: &Username, issuer: &Issuer) -> Result<(), Refused> {
    let password = password.expose();
    if password.len() < SHORTEST {
        return Err(Refused::Short(password.len()));
    }
    if password.len() > LONGEST {
        return Err(Refused::Long(password.len()));
    }
    if password.contains('\0') {
        return Err(Refused::Nul);
    }
    if repeats(Secret::new(password.to_lowercase()).expose().as_bytes()) {
        return Err(Refused::Repeats);
    }
    if symbols(fold(password).expose().as_bytes(), &names(username, issuer)) < FEWEST_SYMBOLS {
        return Err(Refused::Common);
    }
    Ok(())
}

/// Whether `text` is a piece of fewer than [`SHORTEST`] bytes over and over, the last time perhaps in part.
fn repeats(text: &[u8]) -> bool {
    let longest = (SHORTEST - 1).min(text.len() / 2);
    (1..=longest).any(|piece| text[piece..] == text[..text.len() - piece])
}

/// The form that is compared: lower case, without what people put between words.
fn fold(text: &str) -> Secret<String> {
    let lower = Secret::new(text.to_lowercase());
    Secret::new(lower.expose().replace(|c: char| c.is_whitespace() || "-_.,:;/".contains(c), ""))
}

/// The fewest symbols that `text` can be written with.
fn symbols(text: &[u8], names: &[String]) -> usize {
    let words: Vec<&str> = listed().chain(names.iter().map(String::as_str)).collect();
    let mut fewest: Vec<usize> = (0..=text.len()).collect();
    for at in 0..text.len() {
        let (rest, next) = (&text[at..], fewest[at] + 1);
        let pieces = words.iter().filter(|word| rest.starts_with(word.as_bytes())).map(|word| word.len());
        for length in pieces.chain([1, sequence(rest)]) {
            fewest[at + length] = fewest[at + length].min(next);
        }
    }
    fewest[text.len()]
}

/// The words of the block list.
fn listed<'a>() -> impl Iterator<Item = &'a str> {
    let lines = include_str!("blocklist.txt").lines();
    lines.filter(|line| !line.starts_with('#')).flat_map(str::split_ascii_whitespace)
}

/// Names that a guesser tries for this very user: the user's, the issuer's and ours, whole and in parts.
fn names(username: &Username, issuer: &Issuer) -> Vec<String> {
    [username.as_str(), issuer.as_str(), "claviger"]
        .into_iter()
        .flat_map(|name| name.split(|c: char| !c.is_ascii_alphanumeric()).chain(once(name)))
        .map(|name| fold(name).expose().clone())
        .filter(|name| name.len() >= 3)
        .collect()
}

/// Rows of characters that fingers and tongues run along, in both directions and round the end.
const ROWS: &[&str] = &[
    "abcdefghijklmnopqrstuvwxyz",
    "1234567890",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
    "!@#$%^&*()",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
];

/// How many bytes at the beginning of `text` run along a row or are all the same; one, if fewer than three.
fn sequence(text: &[u8]) -> usize {
    let same = text.iter().take_while(|byte| **byte == text[0]).count();
    let along = ROWS.iter().flat_map(|row| [run(text, row.bytes()), run(text, row.bytes().rev())]);
    along.chain(once(same)).filter(|length| *length >= 3).max().unwrap_or(1)
}

fn run(text: &[u8], mut row: impl Iterator<Item = u8> + Clone) -> usize {
    let mut cycle = row.clone().cycle().skip_while(|byte| *byte != text[0]);
    if !row.any(|byte| byte == text[0]) {
        return 0;
    }
    text.iter().take_while(|byte| cycle.next() == Some(**byte)).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn judge(password: &str) -> Result<(), Refused> {
        let username = "Alice.Liddell@wonderland.example".parse().unwrap();
        let issuer = "https://auth.looking-glass.example:8443/tenant".parse().unwrap();
        check(&Secret::new(password.to_owned()), &username, &issuer)
    }

    #[test]
    fn sizes_are_counted_in_bytes() {
        assert_eq!(judge(""), Err(Refused::Short(0)));
        assert_eq!(judge("tuba lemon cac"), Err(Refused::Short(14)));
        assert_eq!(judge("tuba lemon cact"), Ok(()));
        assert_eq!(judge("tübä lemön cac"), Ok(()));
        let long: String = ('!'..='~').filter(|c| *c != 'a').cycle().take(1_025).collect();
        assert_eq!(judge(&long[..1_024]), Ok(()));
        assert_eq!(judge(&long), Err(Refused::Long(1_025)));
    }

    #[test]
    fn nul_is_refused() {
        assert_eq!(judge("tuba lemon\0cactus"), Err(Refused::Nul));
    }

    #[test]
    fn repetitions_are_refused() {
        for password in [
            "aaaaaaaaaaaaaaa",
            "passwordpassword",
            "PasswordpassWord",
            "x7!qx7!qx7!qx7!",
            "éééééééé",
            "               ",
        ] {
            assert_eq!(judge(password), Err(Refused::Repeats), "{password}");
        }
    }

    #[test]
    fn common_words_names_and_sequences_are_refused() {
        for password in [
            "123456789012345",
            "qwertyuiopasdfghjkl",
            "abcdefghijklmnop",
            "zyxwvutsrqponml",
            "1qaz2wsx3edc4rfv",
            "Password123456!",
            "P@ssw0rd2026!!!",
            "MyPassword123456!",
            "password-password-password1",
            "Letmein-Letmein-please",
            "iloveyouforever",
            "correct horse battery staple",
            "CorrectHorseBatteryStaple1!",
            "thequickbrownfox",
            "administrator123",
            "Welcome2Welcome2026",
            "football baseball hockey",
            "aliceliddell2026",
            "alice.liddell@wonderland.example",
            "https://auth.looking-glass.example:8443/tenant",
            "looking-glass-alice",
            "ClavigerClaviger1",
            "claviger-admin-2026!",
            "aaaaaaaabbbbbbbbcccccccc",
            "- - - - - - - 1 2 3",
        ] {
            assert_eq!(judge(password), Err(Refused::Common), "{password}");
        }
    }

    #[test]
    fn good_passwords_are_taken() {
        for password in [
            "tuba lemon cactus",
            "plaid unwind gusty stumble",
            "my dog ate four passports in Genoa",
            "483920174859302",
            "kV9#mQ2$xL7!pR4",
            "der Mond ist aufgegangen, sagte Oma",
            "パスワードではない",
            "password is what I never use at home",
        ] {
            assert_eq!(judge(password), Ok(()), "{password}");
        }
    }

    #[test]
    fn a_name_is_common_only_to_its_owner() {
        let issuer = "https://auth.example".parse().unwrap();
        let check =
            |name: &str| check(&Secret::new("rumpelstiltskin1".into()), &name.parse().unwrap(), &issuer);
        assert_eq!(check("rumpelstiltskin"), Err(Refused::Common));
        assert_eq!(check("alice"), Ok(()));
    }

    #[test]
    fn the_list_is_written_as_it_is_compared() {
        let mut seen = std::collections::HashSet::new();
        for word in listed() {
            assert_eq!(word, word.to_lowercase());
            assert!(word.len() >= 3 && seen.insert(word), "{word}");
        }
        assert!(seen.len() > 400);
    }

    #[test]
    fn refusals_do_not_show_the_password() {
        for password in ["hunter2", "hunter2hunter2hunter2"] {
            let refused = judge(password).unwrap_err();
            assert!(!format!("{refused} {}", refused.hint()).contains("hunter"));
        }
    }

    proptest! {
        #[test]
        fn random_passwords_are_taken(password in "[a-z]{20,40}|[!-~]{15,64}") {
            prop_assert_eq!(judge(&password), Ok(()));
        }

        #[test]
        fn case_does_not_matter(password in "(Password|Alice|Dragon|2026|[a-zA-Z]){2,6}") {
            prop_assume!(password.len() >= SHORTEST);
            prop_assert_eq!(judge(&password), judge(&password.to_ascii_uppercase()));
        }

        #[test]
        fn whatever_repeats_is_refused(piece in "[ -~]{1,14}", times in 2_usize..20) {
            let password = piece.repeat(times);
            prop_assume!((SHORTEST..=LONGEST).contains(&password.len()));
            prop_assert_eq!(judge(&password), Err(Refused::Repeats));
        }

        #[test]
        fn any_text_is_judged(password in ".{0,1100}") {
            let _ = judge(&password);
        }
    }
}
