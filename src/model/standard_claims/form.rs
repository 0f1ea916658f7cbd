//! How the value of a claim is written ([OpenID Connect Core §5.1]).
//!
//! [OpenID Connect Core §5.1]: https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims

use serde_json::Value;
use url::Url;

/// Bytes that a value has at most.
const BYTES: usize = 256;

/// The form of a claim's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One line of text.
    Line,
    /// Text that may have several lines.
    Lines,
    /// A URL of a web page or a picture.
    Url,
    /// An e-mail address.
    Email,
    /// A telephone number ([E.164](https://www.itu.int/rec/T-REC-E.164)), with an extension if need be.
    Phone,
    /// A date of birth; its year may be `0000`, for unknown, or stand alone.
    Birthdate,
    /// A time zone by its name in the tz database.
    Zoneinfo,
    /// A language tag ([RFC 5646](https://www.rfc-editor.org/rfc/rfc5646)).
    Locale,
    /// True or false.
    Boolean,
}

impl Form {
    /// The value that `text` writes, in its one spelling; `None` if it is not of this form.
    pub fn read(self, text: &str) -> Option<Value> {
        let text = text.replace("\r\n", "\n");
        let is_line_end = |c: char| c == '\n' && self == Self::Lines;
        if text.is_empty() || text.len() > BYTES || text.contains(|c: char| c.is_control() && !is_line_end(c))
        {
            return None;
        }
        let is_good = match self {
            Self::Line | Self::Lines => true,
            Self::Url => is_url(&text),
            Self::Email => is_email(&text),
            Self::Phone => return phone(&text).map(Value::from),
            Self::Birthdate => is_birthdate(&text),
            Self::Zoneinfo => is_zone(&text),
            Self::Locale => is_locale(&text),
            Self::Boolean => return text.parse::<bool>().ok().map(Value::from),
        };
        is_good.then(|| Value::from(text))
    }

    /// Whether `value` is of the type of this form's values.
    pub(super) fn fits(self, value: &Value) -> bool {
        if self == Self::Boolean { value.is_boolean() } else { value.is_string() }
    }

    /// How a value is written, as the end of "it is …".
    pub fn explained(self) -> &'static str {
        match self {
            Self::Line => "1 to 256 bytes of text on one line",
            Self::Lines => "1 to 256 bytes of text, on one line or several",
            Self::Url => "a URL such as `https://example.com/alice`, of at most 256 bytes",
            Self::Email => "an address such as `alice@example.com`",
            Self::Phone => "an international number such as `+14255551212` or `+14255551212;ext=42`",
            Self::Birthdate => {
                "a date such as `1984-02-29`, `0000-02-29` without the year, or the year alone"
            }
            Self::Zoneinfo => "a name of the tz database such as `Europe/Berlin`",
            Self::Locale => "a language tag such as `en-GB`",
            Self::Boolean => "`true` or `false`",
        }
    }
}

/// It will be put into pages, so that no other scheme, such as `javascript`, will do.
fn is_url(text: &str) -> bool {
    let is_web = |url: Url| matches!(url.scheme(), "https" | "http") && url.username().is_empty();
    text.bytes().all(|byte| byte.is_ascii_graphic()) && Url::parse(text).is_ok_and(is_web)
}

/// What mail servers agree on: something, an `@`, and a domain ([RFC 5321 §4.5.3.1] bounds the whole).
///
/// [RFC 5321 §4.5.3.1]: https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1
fn is_email(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    let is_address =
        |(local, domain): (&str, &str)| !local.is_empty() && !domain.is_empty() && !local.contains('@');
    text.len() <= 254 && !text.contains(char::is_whitespace) && parts.is_some_and(is_address)
}

/// The number without what people write between its digits.
fn phone(text: &str) -> Option<String> {
    let (number, extension) =
        text.split_once(";ext=").map_or((text, None), |(number, ext)| (number, Some(ext)));
    let digits = number.strip_prefix('+')?.replace([' ', '-', '.', '(', ')'], "");
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = (7..=15).contains(&digits.len()) && are_digits(&digits) && !digits.starts_with('0');
    let is_extension = extension.is_none_or(|ext| (1..=15).contains(&ext.len()) && are_digits(ext));
    let extension = extension.map_or(String::new(), |ext| format!(";ext={ext}"));
    (is_number && is_extension).then(|| format!("+{digits}{extension}"))
}

fn is_birthdate(text: &str) -> bool {
    let is_digits =
        |part: &&str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split('-').collect::<Vec<_>>()[..] {
        [year] => is_digits(&year, 4) && year != "0000",
        // The year 0 is a leap year, so a birthday on 29 February needs no year.
        [year, month, day] => {
            let is_written = is_digits(&year, 4) && is_digits(&month, 2) && is_digits(&day, 2);
            is_written && text.parse::<jiff::civil::Date>().is_ok()
        }
        _ => false,
    }
}

/// The form alone: the names change with the database, which is not ours.
fn is_zone(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
    };
    text.split('/').count() <= 3 && text.split('/').all(is_part)
}

/// A language and what narrows it ([RFC 5646 §2.1](https://www.rfc-editor.org/rfc/rfc5646#section-2.1)); whether
/// each part is registered is not asked.
fn is_locale(text: &str) -> bool {
    let mut parts = text.split('-');
    let language = parts.next().unwrap_or_default();
    let is_language =
        (2..=8).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
    // A part of one letter begins an extension, which is not empty.
    let is_open = text.rsplit('-').next().is_some_and(|last| last.len() == 1);
    let is_part =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_language && !is_open && parts.all(is_part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Form; 9] = [
        Form::Line,
        Form::Lines,
        Form::Url,
        Form::Email,
        Form::Phone,
        Form::Birthdate,
        Form::Zoneinfo,
        Form::Locale,
        Form::Boolean,
    ];

    #[test]
    fn values_of_their_form_are_taken() {
        for (form, texts) in [
            (Form::Line, &["Alice", "Zoë O'Neill", "山田 太郎"][..]),
            (Form::Lines, &["1 Main Street\nSpringfield", "one line"]),
            (Form::Url, &["https://example.com/~alice?a=b#c", "http://localhost:8080/"]),
            (Form::Email, &["a@b", "alice+tag@mail.example.com", "álvaro@example.com"]),
            (Form::Birthdate, &["1984-02-29", "0000-02-29", "1984", "0000-12-31"]),
            (Form::Zoneinfo, &["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+1"]),
            (Form::Locale, &["en", "de-CH", "zh-Hant-TW", "sl-rozaj-biske-1994", "de-DE-u-co-phonebk"]),
        ] {
            for text in texts {
                assert_eq!(form.read(text), Some(Value::from(*text)), "{form:?}");
            }
        }
        assert_eq!(Form::Boolean.read("true"), Some(Value::Bool(true)));
        assert_eq!(Form::Boolean.read("false"), Some(Value::Bool(false)));
    }

    #[test]
    fn other_values_are_refused() {
        let long = "a".repeat(257);
        for (form, texts) in [
            (Form::Line, &["", "a\nb", "a\tb", "\u{1b}[2J", "\u{85}", &long][..]),
            (Form::Lines, &["", "a\tb", "a\rb", &long]),
            (
                Form::Url,
                &[
                    "javascript:alert(1)",
                    "data:,x",
                    "example.com",
                    "https://",
                    "https://a b",
                    "https://me@example.com",
                ],
            ),
            (Form::Email, &["alice", "@example.com", "alice@", "a@b@c", "a b@example.com"]),
            (
                Form::Phone,
                &[
                    "4255551212",
                    "+0425555121",
                    "+123456",
                    "+1234567890123456",
                    "+1425x551212",
                    "+14255551212;ext=",
                    "+14255551212;ext=a",
                    "+",
                ],
            ),
            (
                Form::Birthdate,
                &[
                    "1985-02-29",
                    "1984-13-01",
                    "1984-2-9",
                    "0000",
                    "84",
                    "19840229",
                    "1984-02",
                    "-1984-02-29",
                    "1984-02-29T00",
                ],
            ),
            (Form::Zoneinfo, &["", "/Berlin", "Europe/", "Europe Berlin", "+01:00", "a/b/c/d"]),
            (Form::Locale, &["e", "en_GB", "en-", "en--GB", "123", "en-x", "abcdefghi", "en-abcdefghi"]),
            (Form::Boolean, &["", "yes", "1", "TRUE"]),
        ] {
            for text in texts {
                assert_eq!(form.read(text), None, "{form:?} {text:?}");
            }
        }
    }

    #[test]
    fn a_telephone_number_has_one_spelling() {
        for (text, number) in [
            ("+1 (425) 555-1212", "+14255551212"),
            ("+56 (2) 687 2400", "+5626872400"),
            ("+1 (604) 555-1234;ext=5678", "+16045551234;ext=5678"),
        ] {
            assert_eq!(Form::Phone.read(text), Some(Value::from(number)));
        }
    }

    #[test]
    fn line_ends_are_written_one_way() {
        assert_eq!(Form::Lines.read("a\r\nb"), Some(Value::from("a\nb")));
    }

    proptest! {
        #[test]
        fn what_was_read_reads_as_itself(text in ".{0,40}|[+0-9() .-]{7,20}|[0-9-]{4,10}|[a-zA-Z/-]{1,20}") {
            for form in ALL {
                if let Some(Value::String(value)) = form.read(&text) {
                    prop_assert!(value.len() <= BYTES);
                    prop_assert_eq!(form.read(&value), Some(Value::String(value)));
                }
            }
        }
    }
}
