//! The command line: its commands, and how each ends.
//!
//! A command prints its result on standard output, for people or with `--json` for programs, and ends with
//! 0; a fault goes to standard error and ends with 1; a command line that cannot be read ends with 2. No
//! secret is ever an argument: every user of the machine can read those.

mod api;
mod check_api;
mod client;
mod completions;
mod config;
mod error;
mod explain;
mod issuer_for_tests;
mod keys;
mod migrate;
pub mod output;
mod role;
mod seal;
pub mod secret_input;
mod serve;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::{Parser, Subcommand};
use tokio::runtime;

use crate::clock::{Clock, moment};
use crate::config::{Config, LONGEST_ACCESS_TOKEN, NotADuration, Seconds, Sources};
use crate::protocol;
use crate::vault::Vault;

pub use error::Error;
pub use output::Output;

/// An OAuth 2 and OpenID Connect server: people sign in, APIs get tokens with scopes, and keys rotate by themselves.
#[derive(Debug, Parser)]
#[command(name = "claviger", version, arg_required_else_help = true, after_help = CONVENTIONS)]
pub struct Cli {
    /// The configuration file; without this, `./claviger.toml` if there is one.
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE", env = "CLAVIGER_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,

    /// Print JSON, for programs; faults too.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

const EVERYWHERE: &str = "With every command";

const CONVENTIONS: &str = "\
An option with `...` takes several values, separated by spaces, and can be repeated.
All commands work on a running server's database and on a stopped one's; a running server obeys within a second.
Exit codes: 0 done, 1 a fault that is told on standard error, 2 a command line that cannot be read.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::Arguments),
    /// Add, list, show, disable, enable and remove users, and set their claims, passwords and roles.
    #[command(subcommand)]
    User(user::Command),
    /// Add, change, list, show, disable, enable and remove clients, and rotate their secrets.
    #[command(subcommand)]
    Client(client::Command),
    /// Add, list, show, mark and remove APIs and their scopes.
    #[command(subcommand)]
    Api(api::Command),
    /// Check how an API checks tokens: send it good and bad ones, and tell what it wrongly takes or refuses.
    ///
    /// Bad tokens are made only for an API that is marked for tests (`claviger api set URI --test`). They live seconds,
    /// and each is in the audit trail.
    CheckApi(check_api::Arguments),
    /// Add, list and remove roles.
    #[command(subcommand)]
    Role(role::Command),
    /// List, rotate and revoke signing keys.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Rotate and verify sealing keys.
    #[command(subcommand)]
    Seal(seal::Command),
    /// Say whether and why a token would be accepted, what it says, and what ended it; or why a request was refused.
    Explain(explain::Arguments),
    /// Run an issuer for tests of APIs: in memory, on loopback, with any token by one call and a clock that can be set.
    IssuerForTests(issuer_for_tests::Arguments),
    /// Bring the database to the schema of this release; `serve` does so by itself.
    Migrate(migrate::Arguments),
    /// Check and show the configuration.
    #[command(subcommand)]
    Config(config::Command),
    /// Print a script that completes commands in a shell.
    Completions(completions::Arguments),
}

/// Runs the command that this process was started with.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Also what is asked for, as by `--help`, comes this way; only a fault is told in JSON.
        Err(error) if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") => {
            let text = error.to_string();
            let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Output::new(true).fault(
                "error",
                &Error::new(message).hint("`claviger --help` shows how commands are written"),
            );
            return ExitCode::from(2);
        }
        Err(error) => error.exit(),
    };
    let output = Output::new(cli.json);
    let sources = Sources::new(cli.config, std::env::vars_os());
    match cli.command.run(sources, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.fault("error", &error);
            ExitCode::FAILURE
        }
    }
}

impl Command {
    fn run(self, sources: Sources, output: Output) -> Result<(), Error> {
        match self {
            Self::Serve(arguments) => arguments.run(sources, output),
            Self::User(command) => administer(&sources, async |desk| command.run(desk, output).await),
            Self::Client(command) => administer(&sources, async |desk| command.run(desk, output).await),
            Self::Api(command) => administer(&sources, async |desk| command.run(desk, output).await),
            Self::CheckApi(arguments) => arguments.run(&sources, output),
            Self::Role(command) => administer(&sources, async |desk| command.run(desk, output).await),
            Self::Keys(command) => administer(&sources, async |desk| command.run(desk, output).await),
            Self::Seal(command) => administer(&sources, async |desk| command.run(desk, output).await),
            Self::Explain(arguments) => administer(&sources, async |desk| arguments.run(desk, output).await),
            Self::IssuerForTests(arguments) => arguments.run(),
            Self::Migrate(arguments) => arguments.run(&sources, output),
            Self::Config(command) => command.run(&sources, output),
            Self::Completions(arguments) => arguments.run(output),
        }
    }
}

/// What an administrative command works with.
struct Desk {
    vault: Vault,
    config: Config,
}

/// Lets `work` administer the database, whether or not a server runs on it; a new one is made as the server
/// would make it.
fn administer(sources: &Sources, work: impl AsyncFnOnce(&Desk) -> Result<(), Error>) -> Result<(), Error> {
    let config = sources.load()?.config;
    wait_for(async {
        let desk = Desk { vault: Vault::open(&config, Clock::system()).await?, config };
        let done = work(&desk).await;
        desk.vault.store.close().await;
        done
    })
}

/// Runs what a command waits for.
fn wait_for<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Error::new(format!("cannot start: {error}")))?.block_on(work)
}

/// Reads an argument that is a word of the standards.
fn word<T: FromStr<Err = protocol::Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: protocol::Error| error.description().to_owned())
}

/// Reads an argument that is a line of text for people.
fn line(text: &str) -> Result<String, String> {
    // What turns the direction of writing makes one name look like another.
    let is_unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.is_empty() || text.len() > 256 || text.contains(is_unseen) {
        return Err("write 1 to 256 bytes of text without control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// Reads the lifetime of access tokens, within the bounds of the configured one.
fn access_token_lifetime(text: &str) -> Result<Seconds, String> {
    between(text, Seconds::new(10), LONGEST_ACCESS_TOKEN)
}

/// A duration within bounds.
fn between(text: &str, shortest: Seconds, longest: Seconds) -> Result<Seconds, String> {
    let duration: Seconds = text.parse().map_err(|error: NotADuration| error.to_string())?;
    if (shortest..=longest).contains(&duration) {
        return Ok(duration);
    }
    Err(format!("write a duration from `{shortest}` to `{longest}`"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_coherent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_argument_is_explained() {
        fn explained(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(explained);
        }
        explained(&Cli::command());
    }

    #[test]
    fn commands_are_spelled_as_promised() {
        for line in [
            "serve --config claviger.toml --listen 127.0.0.1:8080",
            "user add alice --password-stdin --email a@example.com --full-name Alice --role staff --role admin",
            "user list --json",
            "user show alice",
            "user set alice given_name=Alice address.locality=Berlin nickname= email_verified=true",
            "user disable alice",
            "user enable alice",
            "user set-password alice --password-file secret",
            "user roles alice --add staff --remove admin",
            "user remove alice",
            "client add web --grant password --grant refresh_token --scope a:b --scope c --api https://api.example.com \
             --first-party --auth-method client_secret_post --secret-stdin --redirect-uri https://a.example/cb \
             --post-logout-redirect-uri https://a.example/ --origin https://a.example --access-token-lifetime 10m",
            "client add app --public --first-party --grant password --scope profile",
            "client add app --public --auth-method none --first-party --grant password --scope profile",
            "client set web --redirect-uri https://a.example/cb https://b.example/cb --scope openid profile --pkce-required",
            "client set web --post-logout-redirect-uri --backchannel-logout-uri --name --code-lifetime",
            "client list",
            "client show web",
            "client rotate-secret web --secret-stdin",
            "client disable web",
            "client enable web",
            "client remove web",
            "api add https://api.example.com --scope a:b=Read_things --scope c --access-token-lifetime 5m",
            "api add https://api.example.com --scope a:b --test",
            "api set https://api.example.com --test",
            "api set https://api.example.com --no-test",
            "api list",
            "api show https://api.example.com",
            "api show https://api.example.com --stack fastapi",
            "api show https://api.example.com --openapi",
            "api show https://api.example.com --metadata",
            "api remove https://api.example.com",
            "check-api http://127.0.0.1:8000/items --scope items:read",
            "check-api https://api.example.com/items --scope items:read --audience https://api.example.com --method POST \
             --stack fastapi --introspects --strict --json",
            "role add staff --scope a:b --scope c",
            "role list",
            "role remove staff",
            "keys list",
            "keys rotate",
            "keys rotate --now",
            "keys revoke some-kid",
            "seal rotate",
            "seal verify",
            "explain -",
            "explain 1f2e3d4c-5b",
            "issuer-for-tests --port 8080",
            "explain cvr_abc --api https://api.example.com --scope a:b --scope c",
            "config check",
            "config show --template",
            "migrate",
            "migrate --dry-run",
            "completions fish",
        ] {
            let words = std::iter::once("claviger").chain(line.split_whitespace());
            if let Err(error) = Cli::try_parse_from(words) {
                panic!("{line}: {error}");
            }
        }
    }

    #[test]
    fn what_makes_no_sense_is_a_usage_error() {
        for line in [
            "user add alice --password secret",
            "user set alice",
            "user set alice given_name",
            "user add alice --password-stdin --password-file secret",
            "client add web --scope a",
            "client add web --grant password",
            "client add web --grant code --scope a",
            "client add web --grant password --scope a --public --secret-stdin",
            "client add web --grant password --scope a --access-token-lifetime 2h",
            "client add 0190a5d4-0000-7000-8000-000000000000 --grant password --scope a",
            "client set web --grant",
            "client set web --scope",
            "client set web --pkce-optional --pkce-required",
            "client set web --public",
            "api add https://api.example.com",
            "api show https://api.example.com --stack cobol",
            "api show https://api.example.com --openapi --stack go",
            "api set https://api.example.com",
            "api set https://api.example.com --test --no-test",
            "check-api http://127.0.0.1:8000/items",
            "check-api 127.0.0.1:8000 --scope items:read",
            "check-api ftp://127.0.0.1/items --scope items:read",
            "check-api http://a@127.0.0.1/items --scope items:read",
            "check-api http://127.0.0.1/items --scope items:read --stack cobol",
            "role add staff --scope a\"b",
            "keys revoke",
            "explain",
            "issuer-for-tests --listen 0.0.0.0:0",
            "explain - --scope a\"b",
        ] {
            let words = std::iter::once("claviger").chain(line.split_whitespace());
            assert!(Cli::try_parse_from(words).is_err(), "{line}");
        }
    }
}
