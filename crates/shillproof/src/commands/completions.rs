//! `shillproof completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::Cli;
use crate::commands::Outcome;
use crate::failure::Failure;
use crate::session::print;

/// Print tab completions for a shell
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof completions bash > ~/.local/share/bash-completion/completions/shillproof
  shillproof completions zsh > ~/.zfunc/_shillproof
  shillproof completions fish > ~/.config/fish/completions/shillproof.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self) -> Result<Outcome, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "shillproof", &mut script);
        print(&String::from_utf8_lossy(&script))?;
        Ok(Outcome::Done)
    }
}
