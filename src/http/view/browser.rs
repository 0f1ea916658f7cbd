//! What a browser is, in a person's words. A guess: browsers say of themselves what they like.

use super::texts::Texts;

/// A browser and the system that it runs on, each if it is a known one.
pub(super) struct Browser {
    name: Option<&'static str>,
    system: Option<&'static str>,
}

/// What stands in a `User-Agent`, and whose it is. Most browsers also name those that they descend from, so the order
/// matters.
const NAMES: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// As above; Android is also a Linux, and an iPhone is "like Mac OS X".
const SYSTEMS: [(&str, &str); 7] = [
    ("Windows", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

impl Browser {
    /// The browser that says `agent` of itself.
    pub(super) fn of(agent: Option<&str>) -> Self {
        let agent = agent.unwrap_or_default();
        let find = |known: &[(&str, &'static str)]| {
            known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
        };
        Self { name: find(&NAMES), system: find(&SYSTEMS) }
    }

    pub(super) fn words(&self, texts: &Texts) -> String {
        match (self.name, self.system) {
            (Some(name), Some(system)) => (texts.browser_on)(name, system),
            (one, other) => one.or(other).unwrap_or(texts.unknown_browser).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::texts::ENGLISH;
    use super::*;

    #[test]
    fn browsers_are_called_what_people_call_them() {
        for (agent, words) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/139.0.0.0 Safari/537.36 Edg/139.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/139.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
                 Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8.14.1", "Unknown browser"),
            ("Macintosh; Intel Mac OS X 10_15_7", "macOS"),
        ] {
            assert_eq!(Browser::of(Some(agent)).words(&ENGLISH), words);
        }
        assert_eq!(Browser::of(None).words(&ENGLISH), "Unknown browser");
    }
}
