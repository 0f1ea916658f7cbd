//! What must hold between keys, and what an operator should be warned of.

use super::settings::Settings;
use super::{Config, DatabaseUrl, Fault};

/// Refuses what each key alone may say, but not together.
pub(super) fn as_a_whole(config: &Config, settings: &Settings) -> Result<(), Fault> {
    let lead = config.keys.lead();
    // Each rule: whether it is broken, the key to change, the fault, the way out.
    let rules = [
        (
            settings.find("tls.certificate").is_some() && config.tls.files().is_none(),
            "tls.certificate",
            "has no `tls.key` beside it",
            "set both, or neither".to_owned(),
        ),
        (
            settings.find("tls.key").is_some() && config.tls.files().is_none(),
            "tls.key",
            "has no `tls.certificate` beside it",
            "set both, or neither".to_owned(),
        ),
        (
            config.keys.rotate_every <= lead,
            "keys.rotate_every",
            "is too short: the next key would be due before it is known to all",
            format!("write more than `{lead}`, or less for `keys.jwks_max_age`"),
        ),
        (
            config.tokens.refresh_token_idle > config.tokens.refresh_token_lifetime,
            "tokens.refresh_token_idle",
            "is longer than `tokens.refresh_token_lifetime`",
            format!("write at most `{}`", config.tokens.refresh_token_lifetime),
        ),
        (
            config.sessions.idle > config.sessions.lifetime,
            "sessions.idle",
            "is longer than `sessions.lifetime`",
            format!("write at most `{}`", config.sessions.lifetime),
        ),
        (
            config.server.connections_per_prefix > config.server.connections,
            "server.connections_per_prefix",
            "is more than `server.connections`",
            format!("write at most `{}`", config.server.connections),
        ),
    ];
    let Some((_, key, fault, hint)) = rules.into_iter().find(|(is_broken, ..)| *is_broken) else {
        return Ok(());
    };
    let origin = settings.find(key).map(|setting| format!(" ({})", setting.origin)).unwrap_or_default();
    Err(Fault::new(format!("`{key}` {fault}"), format!("{hint}{origin}")))
}

impl Config {
    /// What is allowed, but rarely meant: to be said loudly at start.
    pub fn warnings(&self) -> Vec<Fault> {
        let mut warnings = Vec::new();
        if !self.limits.login {
            warnings.push(Fault::new(
                "`limits.login` is `off`: passwords can be guessed at any speed",
                "write `on`; `off` is for load tests only",
            ));
        }
        let needs_proxy = self.tls.files().is_none() && self.trusted_proxies.is_empty();
        if needs_proxy && self.listen.iter().any(|address| !address.ip().to_canonical().is_loopback()) {
            warnings.push(Fault::new(
                "`listen` reaches beyond loopback without TLS, and `trusted_proxies` is empty: passwords \
                 cross the network readably, or all clients of a proxy share one login limit",
                "name the proxy's network in `trusted_proxies`, or set `tls.certificate` and `tls.key`",
            ));
        } else if needs_proxy && self.issuer.as_str().starts_with("https://") {
            warnings.push(Fault::new(
                "`issuer` is `https`, but neither TLS nor `trusted_proxies` is set: all clients of a proxy \
                 share one login limit",
                "name the proxy's network in `trusted_proxies`, or set `tls.certificate` and `tls.key`",
            ));
        }
        if matches!(&self.database.url, DatabaseUrl::Postgres(postgres) if postgres.is_exposed()) {
            warnings.push(Fault::new(
                "`database.url` reaches over the network to a server that is not verified: whoever stands \
                 between can read and change everything",
                "add `sslmode=verify-full`, and `sslrootcert` with the file of its authority",
            ));
        }
        if self.fetch.allow.iter().any(|network| network.prefix_len() == 0) {
            warnings.push(Fault::new(
                "`fetch.allow` allows every address: whoever registers a client can have any host called that \
                 this server reaches, its own included",
                "name only the networks where your clients' servers are",
            ));
        }
        if self.trusted_proxies.iter().any(|network| network.prefix_len() == 0) {
            warnings.push(Fault::new(
                "`trusted_proxies` trusts every address: anybody can claim any address and evade the login \
                 limits",
                "name only the networks of your proxies",
            ));
        }
        let accent = self.pages.accent_color;
        if accent.on_light() != accent {
            warnings.push(Fault::new(
                format!("`pages.accent_color` is too pale to be read on a light ground: `{accent}`"),
                format!("`{}` is used there instead; write it, or another dark colour", accent.on_light()),
            ));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, Fault> {
        format!("issuer = \"http://localhost\"\n{text}").parse()
    }

    #[test]
    fn keys_that_contradict_each_other_are_refused() {
        for (text, message) in [
            ("[tls]\nkey = \"a\"", "`tls.key` has no `tls.certificate` beside it"),
            ("[tls]\ncertificate = \"a\"", "`tls.certificate` has no `tls.key` beside it"),
            (
                "[keys]\nrotate_every = \"2h\"\njwks_max_age = \"3h\"",
                "`keys.rotate_every` is too short: the next key would be due before it is known to all",
            ),
            ("[sessions]\nidle = \"8d\"", "`sessions.idle` is longer than `sessions.lifetime`"),
            (
                "[tokens]\nrefresh_token_idle = \"91d\"",
                "`tokens.refresh_token_idle` is longer than `tokens.refresh_token_lifetime`",
            ),
            (
                "[server]\nconnections = 10",
                "`server.connections_per_prefix` is more than `server.connections`",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err().message, message);
        }
    }

    #[test]
    fn what_is_rarely_meant_is_warned_of() {
        let proxies = "trusted_proxies = [\"10.0.0.0/8\"]\n";
        let tls = "[tls]\ncertificate = \"a\"\nkey = \"b\"\n";
        for (text, begins) in [
            ("".to_owned(), vec![]),
            ("listen = [\"[::1]:1\", \"[::ffff:127.0.0.1]:1\"]".to_owned(), vec![]),
            ("listen = [\"0.0.0.0:8080\"]".to_owned(), vec!["`listen` reaches beyond loopback"]),
            (format!("listen = [\"0.0.0.0:8080\"]\n{proxies}"), vec![]),
            (format!("listen = [\"[::]:443\"]\n{tls}"), vec![]),
            ("[fetch]\nallow = [\"0.0.0.0/0\"]".to_owned(), vec!["`fetch.allow` allows every address"]),
            ("trusted_proxies = [\"::/0\"]".to_owned(), vec!["`trusted_proxies` trusts every address"]),
            ("[database]\nurl = \"postgres://db/claviger\"".to_owned(), vec!["`database.url` reaches over"]),
            ("[database]\nurl = \"postgres:///claviger?host=/run\"".to_owned(), vec![]),
            ("[pages]\naccent_color = \"#ffcc00\"".to_owned(), vec!["`pages.accent_color` is too pale"]),
            ("[limits]\nlogin = \"off\"".to_owned(), vec!["`limits.login` is `off`"]),
        ] {
            let warnings = parse(&text).unwrap().warnings();
            assert_eq!(warnings.len(), begins.len(), "{text}: {warnings:?}");
            assert!(warnings.iter().zip(begins).all(|(one, begin)| one.message.starts_with(begin)), "{text}");
        }
        let behind_a_proxy: Config = "issuer = \"https://id.example.com\"".parse().unwrap();
        assert!(behind_a_proxy.warnings()[0].message.starts_with("`issuer` is `https`"));
    }
}
