//! What commands print: tables and fields for people, JSON for programs, from the same values.
//!
//! Values come from outside, so for people control characters are escaped: a full name must not drive the
//! operator's terminal.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write as _};

use serde::Serialize;
use serde_json::{Value, json};

use super::Error;
use crate::telemetry::printable;

/// Prints for people or for programs.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
}

impl Output {
    /// Prints JSON if `json`.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints one row for each item: those of its fields that `columns` names. JSON has all of them.
    pub fn list<T: Serialize>(self, columns: &[&str], items: &[T]) -> Result<(), Error> {
        let items = Value::Array(items.iter().map(value).collect());
        self.print(&items, |items| table(columns, items.as_array().map_or(&[], Vec::as_slice)))
    }

    /// Prints those fields of an item that `fields` names, a line each. JSON has all of them.
    pub fn show<T: Serialize>(self, fields: &[&str], item: &T) -> Result<(), Error> {
        self.print(&value(item), |item| lines(fields, item))
    }

    /// Says what was done; JSON is the item it was done to.
    pub fn done<T: Serialize>(self, message: &str, item: &T) -> Result<(), Error> {
        self.print(&value(item), |_| format!("{}\n", printable(message)))
    }

    /// Says that a thing is gone; JSON names it under `key`.
    pub fn removed(self, thing: &str, key: &str, id: &str) -> Result<(), Error> {
        self.done(&format!("removed the {thing} `{id}`"), &json!({ key: id, "removed": true }))
    }

    /// Tells people something beside the result, on standard error; programs have all in the result.
    pub fn note(self, text: &str) {
        if !self.json {
            let _ = writeln!(io::stderr(), "note: {}", printable(text));
        }
    }

    /// Prints a text as it is; JSON has it under `name`.
    pub fn text(self, name: &str, text: &str) -> Result<(), Error> {
        self.print(&json!({ name: text }), |_| text.to_owned())
    }

    /// Prints a JSON document, for people too.
    pub fn document(self, document: &impl Serialize) -> Result<(), Error> {
        self.print(&value(document), |document| format!("{document:#}\n"))
    }

    /// Tells a fault on standard error; `kind` is `error` or `warning`.
    pub fn fault(self, kind: &str, error: &Error) {
        let text = if self.json {
            let mut fault = serde_json::Map::from_iter([(kind.to_owned(), error.message.clone().into())]);
            fault.extend(error.hint.clone().map(|hint| ("hint".to_owned(), hint.into())));
            Value::Object(fault).to_string()
        } else {
            let hint = error.hint.as_deref().map(|hint| format!("\nhint: {}", printable(hint)));
            format!("{kind}: {}{}", printable(&error.message), hint.unwrap_or_default())
        };
        // Nobody is left to be told that standard error is closed.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Prints a value, or what `for_people` makes of it.
    pub(super) fn print(self, value: &Value, for_people: impl FnOnce(&Value) -> String) -> Result<(), Error> {
        let text = if self.json { format!("{value:#}\n") } else { for_people(value) };
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            // Who reads no further, as `head` does, has what they wanted.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Error::new(format!("standard output cannot be written: {error}"))),
            Ok(()) => Ok(()),
        }
    }
}

fn value(item: &impl Serialize) -> Value {
    serde_json::to_value(item).expect("what commands print has text keys")
}

/// A table with a head line, its columns as wide as they need.
pub(super) fn table(columns: &[&str], items: &[Value]) -> String {
    let head = columns.iter().map(|column| column.replace('_', " ").to_uppercase()).collect();
    let row = |item: &Value| columns.iter().map(|column| cell(&item[*column])).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(items.iter().map(row)).collect();

    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let padded: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", padded.join("  ").trim_end());
    }
    text
}

/// Names and values, a line each.
fn lines(fields: &[&str], item: &Value) -> String {
    let width = fields.iter().map(|field| field.len()).max().unwrap_or(0) + 1;
    let mut text = String::new();
    for field in fields {
        let name = format!("{}:", field.replace('_', " "));
        let _ = writeln!(text, "{name:width$} {}", cell(&item[*field]));
    }
    text
}

/// A value for people; what is not there or empty is a dash.
fn cell(value: &Value) -> String {
    match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) if !text.is_empty() => printable(text).into_owned(),
        Value::Array(values) if !values.is_empty() => values.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Object(members) if !members.is_empty() => {
            members.iter().map(member_cell).collect::<Vec<_>>().join(", ")
        }
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => "-".to_owned(),
        Value::Number(number) => number.to_string(),
    }
}

/// A member of an object, as `--scope NAME=DESCRIPTION` takes it.
fn member_cell((name, value): (&String, &Value)) -> String {
    let name = printable(name);
    if value.is_null() { name.into_owned() } else { format!("{name}={}", cell(value)) }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn a_table_is_as_wide_as_its_values() {
        let items = [
            json!({ "name": "alice", "full_name": "Alice Ä", "roles": ["admin", "staff"], "disabled": false }),
            json!({ "name": "bob-the-builder", "full_name": null, "roles": [], "disabled": true }),
        ];
        assert_snapshot!(table(&["name", "full_name", "roles", "disabled"], &items), @"
        NAME             FULL NAME  ROLES         DISABLED
        alice            Alice Ä    admin, staff  no
        bob-the-builder  -          -             yes
        ");
    }

    #[test]
    fn fields_stand_a_line_each() {
        let item = json!({ "name": "alice", "full_name": "Alice", "count": 3, "more": "x" });
        assert_snapshot!(lines(&["name", "full_name", "count", "absent"], &item), @"
        name:      alice
        full name: Alice
        count:     3
        absent:    -
        ");
    }

    #[test]
    fn a_value_cannot_drive_the_terminal_or_begin_a_line() {
        let hostile = "a\nroot  yes\u{1b}[2J\u{9b}1m";
        let item = json!({ "name": hostile, "list": [hostile], "tree": { "k": hostile } });
        let fields = ["name", "list", "tree"];
        for text in [table(&fields, std::slice::from_ref(&item)), lines(&fields, &item)] {
            assert!(text.chars().all(|character| character == '\n' || !character.is_control()), "{text:?}");
            assert!(text.lines().count() <= 3, "{text}");
        }
    }
}
