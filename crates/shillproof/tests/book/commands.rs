//! What the pages tell a reader to type works, and says what the pages show.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::page::{Page, markdown_under};
use crate::root;

/// Pages whose commands are carried out elsewhere: the first by `.ci/newcomer` from a clean clone, the second in a
/// changed copy of the sources.
const ELSEWHERE: [&str; 2] = ["docs/start.md", "docs/extend/attack.md"];

/// A command of a page, with what the page shows of its output.
pub(crate) struct Step {
    /// Its line on the page.
    pub(crate) line: usize,
    pub(crate) command: String,
    shown: Vec<String>,
}

/// The commands of the `console` blocks, in order. A backslash at the end of a line carries on, and so does a here-document
/// up to its `END`.
pub(crate) fn steps(page: &Page) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in page.blocks().into_iter().filter(|block| block.language == "console") {
        for (at, text) in block.text.lines().enumerate() {
            if let Some(command) = text.strip_prefix("$ ") {
                let line = block.line + 1 + at;
                steps.push(Step { line, command: command.to_owned(), shown: Vec::new() });
                continue;
            }
            let step = steps.last_mut().unwrap_or_else(|| {
                panic!("{}:{}: a console block begins with `$ `", page.path.display(), block.line)
            });
            let in_document = step.command.contains("<<'END'") && !step.command.ends_with("\nEND");
            if step.shown.is_empty() && (step.command.ends_with('\\') || in_document) {
                step.command.push('\n');
                step.command.push_str(text);
            } else {
                step.shown.push(text.to_owned());
            }
        }
    }
    steps
}

impl Step {
    /// What a page shows of a failure is the failure.
    fn exit_code(&self) -> i32 {
        let shows = |start: &str| self.shown.iter().any(|line| line.starts_with(start));
        if shows("error: ") { 2 } else { i32::from(shows("gate      BROKEN")) }
    }

    /// The first line on show that `output` has not, in order. Numbers are left out: another processor may round the
    /// last digit otherwise. `...` stands for anything.
    fn missing_in(&self, output: &str) -> Option<&str> {
        let plain = |line: &str| line.replace(|c: char| c.is_ascii_digit() || " .,-+█".contains(c), "");
        let mut lines = output.lines().map(plain);
        let shown = self.shown.iter().filter(|line| !matches!(line.trim(), "" | "..."));
        shown.map(String::as_str).find(|line| !lines.any(|found| found == plain(line)))
    }

    /// Runs it in `place`.
    pub(crate) fn run(&self, place: &Path) -> Result<(), String> {
        let program = Path::new(env!("CARGO_BIN_EXE_shillproof")).parent().unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([program.to_owned()].into_iter().chain(std::env::split_paths(&path)));
        let out = Command::new("sh")
            .args(["-c", &format!("exec 2>&1\n{}", self.command)])
            .current_dir(place)
            .env("PATH", path.unwrap())
            .env_remove("SHILLPROOF_DATA")
            .env_remove("CARGO_TARGET_DIR")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stdout);
        if out.status.code() != Some(self.exit_code()) {
            return Err(format!(
                "ended with {}, not with exit code {}:\n{said}",
                out.status,
                self.exit_code()
            ));
        }
        self.missing_in(&said).map_or(Ok(()), |line| Err(format!("does not print\n{line}\nbut\n{said}")))
    }
}

#[test]
fn the_commands_of_every_page_work() {
    let root = root();
    for path in markdown_under(&root, "docs") {
        let page = Page::read(&root, &path);
        if ELSEWHERE.iter().any(|other| path == Path::new(other)) {
            continue;
        }
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("examples")).unwrap();
        for example in fs::read_dir(root.join("examples")).unwrap() {
            let example = example.unwrap();
            fs::copy(example.path(), place.path().join("examples").join(example.file_name())).unwrap();
        }
        for step in steps(&page) {
            let at = format!("{}:{}", path.display(), step.line);
            if step.command.contains("python3") && !has_python() {
                eprintln!("skipped: {at}: there is no python3");
                continue;
            }
            step.run(place.path()).unwrap_or_else(|problem| panic!("{at}: `{}` {problem}", step.command));
        }
    }
}

fn has_python() -> bool {
    Command::new("python3").arg("--version").output().is_ok_and(|out| out.status.success())
}

#[test]
fn a_command_that_says_something_else_is_found() {
    let step = |command: &str, shown: &[&str]| Step {
        line: 1,
        command: command.into(),
        shown: shown.iter().map(|&line| line.to_owned()).collect(),
    };
    let here = std::env::temp_dir();
    assert_eq!(step("echo 'a 1'; echo b; echo c", &["a 2", "...", "c"]).run(&here), Ok(()));
    assert!(step("echo a; echo c", &["c", "a"]).run(&here).is_err());
    assert!(step("echo a; exit 2", &["a"]).run(&here).is_err());
    assert!(step("echo 'error: a'", &["error: a"]).run(&here).is_err());
    assert_eq!(
        step("shillproof list nonsense", &["error: invalid value 'nonsense' for '<KIND>'"]).run(&here),
        Ok(())
    );
}
