//! Runs the real program the way a person does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// What a run printed, and its exit code.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A folder of its own, where the program runs.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> &Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shillproof"));
        command.current_dir(self.0.path()).stdin(Stdio::null());
        for name in ["NO_COLOR", "COLUMNS", "SHILLPROOF_DATA", "XDG_CACHE_HOME"] {
            command.env_remove(name);
        }
        command.env("HOME", self.0.path());
        command
    }

    /// Runs `shillproof` with the words of `line` (as a shell splits them).
    pub(crate) fn run(&self, line: &str) -> Run {
        let words = shell_words::split(line).unwrap();
        let out = self.command().args(words).output().unwrap();
        Run {
            code: out.status.code().unwrap_or(-1),
            stdout: String::from_utf8(out.stdout).unwrap(),
            stderr: String::from_utf8(out.stderr).unwrap(),
        }
    }

    /// A run that must succeed.
    #[track_caller]
    pub(crate) fn ok(&self, line: &str) -> Run {
        let run = self.run(line);
        assert_eq!(run.code, 0, "shillproof {line}\n{}", run.stderr);
        run
    }

    /// A run that must succeed and print one JSON value.
    #[track_caller]
    pub(crate) fn json(&self, line: &str) -> Value {
        let run = self.ok(line);
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{line}: {error}\n{}", run.stdout))
    }

    /// A run that must fail with exit code 2, nothing on stdout, and a message that holds all of `parts`.
    #[track_caller]
    pub(crate) fn fails(&self, line: &str, parts: &[&str]) -> Run {
        let run = self.run(line);
        assert_eq!(run.code, 2, "shillproof {line}\n{}{}", run.stdout, run.stderr);
        assert_eq!(run.stdout, "", "shillproof {line}");
        for part in parts {
            assert!(run.stderr.contains(part), "shillproof {line}\nno `{part}` in:\n{}", run.stderr);
        }
        run
    }
}

/// A small data set with string labels: two tastes, every user has its own six of ten items of one
/// taste and one of the other. Rows are grouped by user.
pub(crate) fn tastes() -> Vec<[String; 4]> {
    let mut rows = Vec::new();
    for user in 0..40u32 {
        for at in 0..7u32 {
            let taste = if at < 6 { user % 2 } else { (user + 1) % 2 };
            let item = taste * 10 + (user / 2 * 3 + at * (1 + user % 3)) % 10;
            let rating = if at < 6 { 4 + (user + at) % 2 } else { 1 + user % 2 };
            let row = [
                format!("Ü{user}"),
                format!("film {item}"),
                rating.to_string(),
                (user * 31 + at * 7).to_string(),
            ];
            if !rows.iter().any(|r: &[String; 4]| r[..2] == row[..2]) {
                rows.push(row);
            }
        }
    }
    rows
}

/// Rows as CSV text with a header.
pub(crate) fn csv(rows: &[[String; 4]]) -> String {
    let lines: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
    format!("user,item,rating,timestamp\n{}\n", lines.join("\n"))
}

/// The same rows in another order that no part of the program could know (a full-period step through them).
pub(crate) fn shuffled(rows: &[[String; 4]]) -> Vec<[String; 4]> {
    let step = (17..1000).find(|step| gcd(*step, rows.len()) == 1).unwrap();
    (0..rows.len()).map(|at| rows[(at * step + 5) % rows.len()].clone()).collect()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Takes away what differs between two runs of the same computation: seconds and memory.
pub(crate) fn timeless(mut value: Value) -> Value {
    if let Value::Object(map) = &mut value {
        map.remove("seconds");
        map.remove("peak_rss_bytes");
    }
    value
}

/// The project's root.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
