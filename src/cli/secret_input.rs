//! Secrets for commands: from standard input, from a file, or asked for on the terminal; never from the
//! command line, which every user of the machine can read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::Args;

use super::Error;
use crate::protocol::Secret;

/// The most that is read of a secret, in bytes. What a password may be is decided elsewhere.
const SECRET_BYTES: usize = 4096;

/// The most that is read of a token, in bytes; those of other issuers may be longer than ours.
const TOKEN_BYTES: usize = 65_536;

/// Where a password comes from.
#[derive(Debug, Args)]
pub struct PasswordInput {
    /// Read the password from standard input, its first line. Without this or a file, it is asked for.
    #[arg(long, conflicts_with = "password_file")]
    password_stdin: bool,

    /// Read the password from a file, its first line.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Where a client secret comes from.
#[derive(Debug, Args)]
pub struct SecretInput {
    /// Read the secret from standard input, its first line. Without this or a file, one is made.
    #[arg(long, conflicts_with = "secret_file")]
    secret_stdin: bool,

    /// Read the secret from a file, its first line.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

impl PasswordInput {
    /// The password; asked for twice on the terminal when no other source was named.
    pub fn read(&self) -> Result<Secret<String>, Error> {
        match given(self.password_stdin, self.password_file.as_deref())? {
            Some(password) => Ok(password),
            None if io::stdin().is_terminal() => ask_twice(),
            None => {
                let error = Error::new("there is no terminal to ask for the password on");
                Err(error.hint("give it to standard input and add `--password-stdin`"))
            }
        }
    }
}

impl SecretInput {
    /// The secret; `None` when one is to be made.
    pub fn read(&self) -> Result<Option<Secret<String>>, Error> {
        given(self.secret_stdin, self.secret_file.as_deref())
    }
}

/// A token from standard input, its first line.
pub fn token_from_stdin() -> Result<Secret<String>, Error> {
    first_line(io::stdin().lock(), "standard input", TOKEN_BYTES)
}

fn given(stdin: bool, file: Option<&Path>) -> Result<Option<Secret<String>>, Error> {
    if stdin {
        return first_line(io::stdin().lock(), "standard input", SECRET_BYTES).map(Some);
    }
    let Some(path) = file else { return Ok(None) };
    let name = format!("`{}`", path.display());
    let file = File::open(path).map_err(|error| {
        Error::new(format!("{name} cannot be opened: {error}")).hint("name a file that this user can read")
    })?;
    first_line(BufReader::new(file), &name, SECRET_BYTES).map(Some)
}

fn ask_twice() -> Result<Secret<String>, Error> {
    let ask = |prompt| {
        let typed = rpassword::prompt_password(prompt).map(Secret::new);
        typed.map_err(|error| Error::new(format!("the terminal cannot be read: {error}")))
    };
    let (first, second) = (ask("Password: ")?, ask("Password, once more: ")?);
    if first.expose() != second.expose() {
        return Err(Error::new("the two passwords differ").hint("try again"));
    }
    if first.expose().is_empty() {
        return Err(Error::new("the password is empty").hint("try again"));
    }
    Ok(first)
}

/// The first line of `source` without its end (`\n` or `\r\n`); what follows is left alone.
fn first_line(source: impl BufRead, name: &str, longest: usize) -> Result<Secret<String>, Error> {
    // Room for the longest from the start: a buffer that grows leaves copies of the secret behind.
    let mut line = Vec::with_capacity(longest + 2);
    let read = source.take(longest as u64 + 2).read_until(b'\n', &mut line);
    read.map_err(|error| Error::new(format!("{name} cannot be read: {error}")))?;
    if line.pop_if(|last| *last == b'\n').is_some() {
        line.pop_if(|last| *last == b'\r');
    }
    let hint = "its first line must be the secret";
    if line.is_empty() {
        return Err(Error::new(format!("{name} is empty")).hint(hint));
    }
    if line.len() > longest {
        return Err(Error::new(format!("{name} is longer than {longest} bytes")).hint(hint));
    }
    let line = String::from_utf8(line).map_err(|_| Error::new(format!("{name} is not UTF-8")).hint(hint))?;
    Ok(Secret::new(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<String, String> {
        first_line(text, "standard input", SECRET_BYTES)
            .map(|secret| secret.expose().clone())
            .map_err(|error| error.message)
    }

    #[test]
    fn a_secret_is_the_first_line_without_its_end() {
        for text in ["pass word", "pass word\n", "pass word\r\n", "pass word\nnext\n"] {
            assert_eq!(read(text.as_bytes()).as_deref(), Ok("pass word"), "{text:?}");
        }
        assert_eq!(read(b" \xc3\xa9 \r\r\n").as_deref(), Ok(" \u{e9} \r"), "nothing else is trimmed");
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        assert_eq!(read(b""), Err("standard input is empty".to_owned()));
        assert_eq!(read(b"\nsecond"), Err("standard input is empty".to_owned()));
        assert_eq!(read(b"\xff"), Err("standard input is not UTF-8".to_owned()));
        assert_eq!(read(&[b'a'; SECRET_BYTES]).map(|secret| secret.len()), Ok(SECRET_BYTES));
        assert_eq!(
            read(&[b'a'; SECRET_BYTES + 1]),
            Err("standard input is longer than 4096 bytes".to_owned())
        );
        assert_eq!(
            read(&[b'a'; 5 * SECRET_BYTES]),
            Err("standard input is longer than 4096 bytes".to_owned())
        );
    }

    #[test]
    fn a_secret_comes_from_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, "from a file\n").unwrap();
        let input = SecretInput { secret_stdin: false, secret_file: Some(path) };
        assert_eq!(input.read().unwrap().unwrap().expose(), "from a file");

        let input = SecretInput { secret_stdin: false, secret_file: Some(directory.path().join("absent")) };
        assert!(input.read().unwrap_err().message.contains("absent` cannot be opened"));
    }
}
