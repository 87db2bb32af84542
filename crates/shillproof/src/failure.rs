//! The one place that tells a person what went wrong.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

/// A message for stderr and what to do about it. The program ends with exit code 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
}

/// An error that may know what to do about it.
pub(crate) trait Hint: Error {
    /// What to do, for a person.
    fn hint(&self) -> Option<String> {
        None
    }
}

impl Failure {
    /// A failure that no library reported.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// With what to do about it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// `error: ...`, a blank line, `hint: ...`.
    pub(crate) fn print(&self) {
        let color = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        let (red, green, end) = if color { ("\x1b[1;31m", "\x1b[1;32m", "\x1b[0m") } else { ("", "", "") };
        let mut text = format!("{red}error{end}: {}\n", self.message);
        if let Some(hint) = &self.hint {
            let _ = write!(text, "\n{green}hint{end}: {hint}\n");
        }
        // Nobody is left to tell if stderr is gone.
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// Turns a library's error into a [`Failure`] that says what was being done.
pub(crate) trait While<T> {
    /// `what` reads well after "failed to".
    fn when(self, what: impl std::fmt::Display) -> Result<T, Failure>;
}

impl<T, E: Hint> While<T> for Result<T, E> {
    fn when(self, what: impl std::fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure {
            message: format!("failed to {what}: {}", chain(&error)),
            hint: error.hint(),
        })
    }
}

/// The messages of an error and its sources; a source that the message before it already tells is left out.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !text.contains(&message) {
            let _ = write!(text, ": {message}");
        }
        source = error.source();
    }
    text
}

impl Hint for io::Error {}
impl Hint for shillproof_core::size::SizeError {}
impl Hint for shillproof_core::fraction::FractionError {}
impl Hint for shillproof_lab::audit::EffortError {}
impl Hint for shillproof_lab::plan::ShardError {}
impl Hint for shillproof_lab::store::KeyError {}

/// Types whose own method `hint` is the hint.
macro_rules! hinted {
    ($($error:ty),* $(,)?) => {
        $(impl Hint for $error {
            fn hint(&self) -> Option<String> {
                <$error>::hint(self)
            }
        })*
    };
}

hinted!(
    shillproof_attacks::SelectError,
    shillproof_core::DetectError,
    shillproof_core::catalogue::CatalogueError,
    shillproof_data::DataError,
    shillproof_data::knowledge::KnowledgeTextError,
    shillproof_data::split::SplitTextError,
    shillproof_lab::audit::AuditError,
    shillproof_lab::audit::GateError,
    shillproof_lab::report::ReportError,
    shillproof_lab::reproduce::ReproduceError,
    shillproof_lab::run::RunError,
    shillproof_lab::spec::SpecError,
    shillproof_lab::store::StoreError,
    shillproof_lab::trial::TrialError,
);

impl From<shillproof_lab::reproduce::ReproduceError> for Failure {
    fn from(error: shillproof_lab::reproduce::ReproduceError) -> Self {
        Self { message: format!("failed to {}", chain(&error)), hint: error.hint() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl std::fmt::Display for Layer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|layer| layer as _)
        }
    }

    impl Hint for Layer {
        fn hint(&self) -> Option<String> {
            Some("try again".into())
        }
    }

    #[test]
    fn a_chain_tells_everything_once() {
        let error = Layer("a: b", Some(Box::new(Layer("b", Some(Box::new(Layer("c", None)))))));
        let failure = Err::<(), _>(error).when("do it").unwrap_err();
        assert_eq!(failure, Failure::new("failed to do it: a: b: c").hint("try again"));
    }
}
