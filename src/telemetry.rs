//! The log: to standard error, as JSON or for people, with control characters escaped.
//!
//! What is logged comes from outside: a newline in a username must not begin a line of its own, and an
//! escape sequence must not reach a terminal. The formatters leave some control characters alone, so every
//! line passes [`printable`] on its way out, whatever field it came from; colours are given up for that.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use tracing::Subscriber;
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry, reload};

use crate::config::{Log, LogFilter, LogFormat};

/// The running log, whose level can change.
pub struct Telemetry {
    filter: reload::Handle<Targets, Registry>,
}

/// Starts the log of this process; once only.
pub fn init(log: &Log) -> Result<Telemetry, SetGlobalDefaultError> {
    let (subscriber, telemetry) = subscriber(log, io::stderr);
    tracing::subscriber::set_global_default(subscriber)?;
    Ok(telemetry)
}

impl Telemetry {
    /// Logs by `filter` from now on.
    pub fn set_level(&self, filter: &LogFilter) {
        self.filter.reload(targets(filter)).expect("the log lives as long as the process");
    }
}

/// `text` with every control character written as `\u` and four hexadecimal digits, as JSON writes it.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if character.is_control() {
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

fn subscriber<W>(log: &Log, writer: W) -> (impl Subscriber + use<W>, Telemetry)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(targets(&log.level));
    let subscriber = Registry::default().with(filter).with(lines(log.format, Lines(writer)));
    (subscriber, Telemetry { filter: handle })
}

fn lines<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // Timestamps are the subscriber's own, and the one exception to "all time comes from `Clock`": a log
    // tells when something happened outside, also where a test moves the hand.
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    match format {
        LogFormat::Json => layer.json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Human => layer.boxed(),
    }
}

fn targets(filter: &LogFilter) -> Targets {
    filter.as_str().parse().expect("the configuration takes only levels and modules")
}

/// Makes writers that escape control characters; the formatters hand over one event, ended by a newline, at
/// a time.
struct Lines<W>(W);

struct Line<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Lines<W> {
    type Writer = Line<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(self.0.make_writer())
    }
}

impl<W: io::Write> io::Write for Line<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = format!("{}\n", printable(text.strip_suffix('\n').unwrap_or(&text)));
        self.0.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::config::Config;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What `act` logs, with what moves the level.
    fn logged(format: &str, act: impl FnOnce(&Telemetry)) -> String {
        let text = format!("issuer = \"http://localhost\"\n[log]\nformat = {format:?}");
        let captured = Captured::default();
        let writer = captured.clone();
        let (subscriber, telemetry) =
            subscriber(&text.parse::<Config>().unwrap().log, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || act(&telemetry));
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    const HOSTILE: &str = "eve\r\nINFO root signed in\u{1b}[2J\u{9b}31m\u{7f}\0\t\u{8}";

    #[test]
    fn nothing_logged_begins_a_line_or_an_escape_sequence() {
        for format in ["human", "json"] {
            let text = logged(format, |_| {
                let span = tracing::info_span!("request", path = HOSTILE, shown = %HOSTILE);
                let _entered = span.enter();
                let error = io::Error::other(HOSTILE);
                tracing::warn!(user = HOSTILE, shown = %HOSTILE, debugged = ?HOSTILE, cause = &error as &dyn std::error::Error, "{HOSTILE}");
            });
            assert_eq!(text.matches(char::is_control).collect::<Vec<_>>(), ["\n"], "{text}");
            assert!(text.ends_with('\n') && text.contains("eve"), "{text}");
        }
    }

    #[test]
    fn a_json_line_is_json_and_gives_back_what_was_logged() {
        let line = logged("json", |_| tracing::info!(user = HOSTILE, "signed in"));
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["user"], HOSTILE);
        assert_eq!(value["message"], "signed in");
        assert_eq!(value["level"], "INFO");
    }

    #[test]
    fn the_level_changes_while_the_log_runs() {
        let text = logged("human", |telemetry| {
            tracing::debug!("before");
            let config: Config = "issuer = \"http://localhost\"\n[log]\nlevel = \"debug\"".parse().unwrap();
            telemetry.set_level(&config.log.level);
            tracing::debug!("after");
        });
        assert!(!text.contains("before") && text.contains("after"), "{text}");
    }
}
