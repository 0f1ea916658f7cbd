//! The languages that pages are written in, and which of them a reader is shown.

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English, which whoever asks for none of ours is shown.
    English,
    /// German.
    German,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// Its tag ([RFC 5646 §2.1](https://www.rfc-editor.org/rfc/rfc5646#section-2.1)), as in `lang="…"` and
    /// `ui_locales_supported`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The language for who wants `ui_locales` (tags with spaces between them, [OpenID Connect Core §3.1.2.1]) and
    /// whose browser says `accept_language` ([RFC 9110 §12.5.4]). What is malformed is nobody's wish.
    ///
    /// [OpenID Connect Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
    /// [RFC 9110 §12.5.4]: https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4
    pub fn choose(ui_locales: Option<&str>, accept_language: Option<&str>) -> Self {
        let asked = ui_locales.unwrap_or_default().split(' ').find_map(Self::of);
        asked.or_else(|| Self::accepted(accept_language?)).unwrap_or(Self::English)
    }

    /// The language of `tag`, whatever region and script it names ([RFC 4647 §3.4]).
    ///
    /// [RFC 4647 §3.4]: https://www.rfc-editor.org/rfc/rfc4647#section-3.4
    fn of(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The best that an `Accept-Language` asks for; of equals the first.
    fn accepted(header: &str) -> Option<Self> {
        let wishes = header.split(',').filter_map(|wish| {
            let (tag, weight) = wish.split_once(';').unwrap_or((wish, "q=1"));
            let quality: f32 = weight.trim().strip_prefix("q=")?.parse().ok()?;
            let language = if tag.trim() == "*" { Self::English } else { Self::of(tag.trim())? };
            (quality > 0.0 && quality <= 1.0).then_some((quality, language))
        });
        let better = |best: Option<(f32, Self)>, wish: (f32, Self)| match best {
            Some((quality, _)) if quality >= wish.0 => best,
            _ => Some(wish),
        };
        wishes.fold(None, better).map(|(_, language)| language)
    }
}

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.tag())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_application_is_heard_before_the_browser_and_english_is_the_last_resort() {
        for (ui_locales, accept_language, language) in [
            (None, None, "en"),
            (Some("de"), Some("en"), "de"),
            (Some("fr-CA fr de-AT en"), None, "de"),
            (Some("fr"), Some("de"), "de"),
            (Some(""), Some("de-CH, en;q=0.9"), "de"),
            (None, Some("fr, en;q=0.7, de;q=0.8"), "de"),
            (None, Some("de;q=0.5, en;q=0.5"), "de"),
            (None, Some("de;q=0, en;q=0.1"), "en"),
            (None, Some("fr, *;q=0.5, de;q=0.4"), "en"),
            (None, Some("DE-de-1996"), "de"),
            (None, Some("deu"), "en"),
            (None, Some("de;q=2, de;q=x, de;level=1, ;;,"), "en"),
        ] {
            let chosen = Language::choose(ui_locales, accept_language);
            assert_eq!(chosen.tag(), language, "{ui_locales:?} {accept_language:?}");
        }
    }

    proptest! {
        #[test]
        fn any_wish_comes_to_a_language(ui_locales in ".{0,20}", accept in "([a-z*]{1,3}|[;,=q.0-9 -]){0,20}") {
            Language::choose(Some(&ui_locales), Some(&accept));
        }
    }
}
