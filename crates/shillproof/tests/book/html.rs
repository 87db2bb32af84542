//! The book builds, with a page for every page.

use std::fs;

use mdbook_driver::MDBook;

use crate::page::markdown_under;
use crate::root;

#[test]
fn the_book_builds() {
    let root = root();
    let book = MDBook::load(&root).unwrap_or_else(|error| panic!("{error:?}"));
    book.build().unwrap_or_else(|error| panic!("{error:?}"));
    let built = book.build_dir_for("html");
    for page in markdown_under(&root, "docs") {
        let inside = page.strip_prefix("docs").unwrap();
        let html = match inside.to_str().unwrap() {
            "SUMMARY.md" => continue,
            "README.md" => built.join("index.html"),
            _ => built.join(inside).with_extension("html"),
        };
        let text = fs::read_to_string(&html).unwrap_or_else(|error| panic!("{}: {error}", html.display()));
        let title = fs::read_to_string(root.join(&page)).unwrap();
        let title = title.lines().next().unwrap().trim_start_matches("# ").replace('`', "");
        assert!(
            text.contains("<h1 ") && text.contains(&title),
            "{} has not the title {title}",
            html.display()
        );
    }
}
