//! The command line of a `command:` victim: words with placeholders.

use std::path::Path;

/// Placeholders and what they stand for, in the order of the documentation.
const PLACEHOLDERS: [&str; 5] = ["train", "out", "recommend", "k", "seed"];

/// What the placeholders become in one run.
pub(super) struct Filling<'a> {
    /// The training data, to be read.
    pub(super) train: &'a Path,
    /// The lists, to be written.
    pub(super) out: &'a Path,
    /// Length of a list.
    pub(super) k: usize,
    /// Seed of this fit, below 2^31 so that every library takes it.
    pub(super) seed: u64,
}

/// A command, split as a shell splits words (quotes and backslashes work; pipes and variables do not).
pub(super) struct Template(Vec<String>);

impl Template {
    /// Splits `run` and checks its placeholders.
    pub(super) fn parse(run: &str) -> Result<Self, String> {
        let words = shell_words::split(run).map_err(|error| format!("cannot split `{run}`: {error}"))?;
        if words.is_empty() {
            return Err("the command is empty, expected a program and its arguments".into());
        }
        let used: Vec<&str> = words.iter().flat_map(|word| placeholders(word)).collect();
        if let Some(unknown) = used.iter().find(|name| !PLACEHOLDERS.contains(name)) {
            let known = PLACEHOLDERS.map(|name| format!("{{{name}}}")).join(" ");
            return Err(format!("placeholder `{{{unknown}}}` does not exist, expected one of {known}"));
        }
        if !used.contains(&"train") {
            return Err(
                "the command does not mention `{train}`, the file of the interactions to learn from".into()
            );
        }
        if !used.contains(&"out") && !used.contains(&"recommend") {
            return Err("the command does not mention `{out}`, the file to write its lists to".into());
        }
        Ok(Self(words))
    }

    /// The words of one run.
    pub(super) fn fill(&self, filling: &Filling<'_>) -> Vec<String> {
        let values = [
            filling.train.display().to_string(),
            filling.out.display().to_string(),
            filling.out.display().to_string(),
            filling.k.to_string(),
            filling.seed.to_string(),
        ];
        let fill = |word: &String| {
            PLACEHOLDERS
                .iter()
                .zip(&values)
                .fold(word.clone(), |word, (name, value)| word.replace(&format!("{{{name}}}"), value))
        };
        self.0.iter().map(fill).collect()
    }
}

/// Names in braces; braces around anything but lower-case letters (JSON, say) are left alone.
fn placeholders(word: &str) -> impl Iterator<Item = &str> {
    word.split('{').skip(1).filter_map(|rest| {
        let name = rest.split_once('}')?.0;
        (!name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase())).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_before_they_are_filled() {
        let template =
            Template::parse("python 'my model.py' --p '{\"a\": 1}' {train} -o={out} {k}:{seed}").unwrap();
        let words = template.fill(&Filling {
            train: Path::new("/a b/train.csv"),
            out: Path::new("/a b/out.csv"),
            k: 7,
            seed: 3,
        });
        assert_eq!(
            words,
            ["python", "my model.py", "--p", "{\"a\": 1}", "/a b/train.csv", "-o=/a b/out.csv", "7:3"]
        );
    }

    #[test]
    fn a_command_that_cannot_work_is_refused() {
        let message = |run| Template::parse(run).err().expect("must be refused");
        assert!(message("  ").contains("empty"));
        assert!(message("python 'x {train} {out}").contains("cannot split"));
        assert!(message("x {train} {out} {tain}").contains("placeholder `{tain}` does not exist"));
        assert!(message("x {out}").contains("does not mention `{train}`"));
        assert!(message("x {train}").contains("does not mention `{out}`"));
        assert!(Template::parse("x {train} {recommend}").is_ok());
    }
}
