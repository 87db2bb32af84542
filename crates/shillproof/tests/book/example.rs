//! The worked example of `docs/extend/attack.md` is carried out: a copy of the sources is changed as the page says, and the
//! page's own commands compile, test and run it. From a warm target folder it takes about two minutes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::commands::steps;
use crate::page::Page;
use crate::root;
use crate::tree::{Tree, copy_folder};

/// What cargo and the sources read.
const PARTS: [&str; 9] = [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "clippy.toml",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "crates",
    "docs",
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
    let (sources, target) = (place.join("sources"), place.join("target"));
    fs::create_dir_all(&sources).unwrap();
    tree.write(&sources);
    reuse_what_is_compiled(&target.join("debug"));
    for step in steps(&page) {
        println!("$ {}", step.command);
        let target = [("CARGO_TARGET_DIR", target.as_os_str())];
        step.run(&sources, &target).unwrap_or_else(|problem| {
            panic!("{}:{}: `{}` {problem}", page.path.display(), step.line, step.command)
        });
    }
    let lock = |folder: &Path| fs::read(folder.join("Cargo.lock")).unwrap();
    assert!(lock(&sources) == lock(&root), "the example changes the dependencies");
}

/// Gives the copy the libraries that this test was compiled with; cargo itself finds out which of them still hold.
fn reuse_what_is_compiled(to: &Path) {
    let from: PathBuf = Path::new(env!("CARGO_BIN_EXE_shillproof")).parent().unwrap().into();
    if from.file_name() != to.file_name() {
        return;
    }
    for part in ["deps", "build", ".fingerprint"] {
        // Programs of `deps` have no extension: tests, which nobody links.
        let wanted = |path: &Path| part != "deps" || path.extension().is_some();
        copy_folder(&from.join(part), &to.join(part), &wanted);
    }
}
