//! `claviger completions`: a script for the shell.

use clap::{Args, CommandFactory as _, ValueEnum};

use super::{Cli, Error, Output};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The shell to write the script for.
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    /// Read it by `source <(claviger completions bash)`.
    Bash,
    /// Write it to `_claviger` in a directory of `$fpath`.
    Zsh,
    /// Write it to `~/.config/fish/completions/claviger.fish`.
    Fish,
}

impl Arguments {
    pub(super) fn run(self, output: Output) -> Result<(), Error> {
        let shell = match self.shell {
            Shell::Bash => clap_complete::Shell::Bash,
            Shell::Zsh => clap_complete::Shell::Zsh,
            Shell::Fish => clap_complete::Shell::Fish,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "claviger", &mut script);
        output.text("script", &String::from_utf8_lossy(&script))
    }
}
