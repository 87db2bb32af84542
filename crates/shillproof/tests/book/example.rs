//! The worked example of `docs/extend/attack.md` is carried out: a copy of the sources is changed as the page says, and the
//! page's own commands compile, test and run it. That is a build of its own: about four minutes on two cores.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::commands::steps;
use crate::page::Page;
use crate::root;
use crate::tree::{Tree, copy_folder};

/// What cargo and the sources read.
const PARTS: [&str; 10] = [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "clippy.toml",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "crates",
    "docs",
    "golden",
    "papers",
];

#[test]
fn the_worked_example_compiles_and_runs() {
    if Command::new("cargo").arg("--version").output().is_err() {
        eprintln!("skipped: there is no cargo");
        return;
    }
    let root = root();
    let page = Page::read(&root, "docs/extend/attack.md");
    let mut tree = Tree::of(&root, &PARTS);
    let mut touched = BTreeSet::new();
    for block in page.blocks().iter().filter(|block| matches!(&*block.language, "rust" | "markdown")) {
        let changed = tree.change(block);
        touched.insert(
            changed.unwrap_or_else(|problem| panic!("{}:{}: {problem}", page.path.display(), block.line)),
        );
    }
    assert!(touched.len() <= 4, "the page promises at most four files, not {touched:?}");

    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("book-example");
    fs::create_dir_all(&place).unwrap();
    tree.write(&place, &PARTS);
    reuse_what_is_compiled(&place.join("target/debug"));
    for step in steps(&page) {
        println!("$ {}", step.command);
        let result = step.run(&place);
        result.unwrap_or_else(|problem| {
            panic!("{}:{}: `{}` {problem}", page.path.display(), step.line, step.command)
        });
    }
    let lock = |folder: &Path| fs::read(folder.join("Cargo.lock")).unwrap();
    assert!(lock(&place) == lock(&root), "the example changes the dependencies");
}

/// Gives the copy the libraries of others that this test was compiled with; cargo itself finds out which of them fit.
fn reuse_what_is_compiled(to: &Path) {
    let from: PathBuf = Path::new(env!("CARGO_BIN_EXE_shillproof")).parent().unwrap().into();
    if from.file_name() != to.file_name() {
        return;
    }
    // Ours are compiled again in any case, since they lie elsewhere; what has no extension in `deps` is a program.
    for part in ["deps", "build", ".fingerprint"] {
        let wanted = |path: &Path| {
            let ours = path.strip_prefix(&from).unwrap().to_string_lossy().contains("shillproof");
            !ours && (part != "deps" || path.extension().is_some())
        };
        copy_folder(&from.join(part), &to.join(part), &wanted);
    }
}
