//! Every link between pages leads somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::page::{Page, markdown_under};
use crate::root;

/// Pages at the root; the rest is the book.
const FRONT: [&str; 4] = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"];

/// What is wrong with the links of `page`. A page of the book may not link out of it: in the built book there is nothing there.
fn dead_links(root: &Path, page: &Page) -> Vec<String> {
    let in_book = page.path.starts_with("docs");
    let mut dead = Vec::new();
    for (line, link) in page.links() {
        if link.contains("://") || link.starts_with("mailto:") {
            continue;
        }
        let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
        let place = if path.is_empty() { page.path.clone() } else { beside(&page.path, path) };
        let problem = if !root.join(&place).exists() {
            "there is no such file"
        } else if in_book && !place.starts_with("docs") {
            "it leads out of the book"
        } else if !anchor.is_empty() && !Page::read(root, &place).anchors().contains(anchor) {
            "the page has no such heading"
        } else {
            continue;
        };
        dead.push(format!("{}:{line}: `{link}`: {problem}", page.path.display()));
    }
    dead
}

/// `link` as seen from the folder of `page`, without dots.
fn beside(page: &Path, link: &str) -> PathBuf {
    let mut place = page.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => {
                place.pop();
            }
            Component::CurDir => {}
            other => place.push(other),
        }
    }
    place
}

#[test]
fn every_link_leads_somewhere() {
    let root = root();
    let pages = FRONT.iter().map(PathBuf::from).chain(markdown_under(&root, "docs"));
    let dead: Vec<String> = pages.flat_map(|path| dead_links(&root, &Page::read(&root, path))).collect();
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn every_page_is_in_the_summary_once() {
    let root = root();
    let listed: Vec<PathBuf> = Page::read(&root, "docs/SUMMARY.md")
        .links()
        .into_iter()
        // A heading of the table has no page.
        .filter(|(_, link)| !link.is_empty())
        .map(|(_, link)| beside(Path::new("docs/SUMMARY.md"), &link))
        .collect();
    let once: BTreeSet<&PathBuf> = listed.iter().collect();
    assert_eq!(once.len(), listed.len(), "a page is listed twice");
    let mut pages = markdown_under(&root, "docs");
    pages.retain(|page| page != Path::new("docs/SUMMARY.md"));
    let missing: Vec<&PathBuf> = pages.iter().filter(|page| !once.contains(page)).collect();
    assert!(missing.is_empty(), "not in docs/SUMMARY.md: {missing:?}");
    assert_eq!(listed.len(), pages.len(), "docs/SUMMARY.md lists what is no page");
}

#[test]
fn each_kind_of_dead_link_is_found() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(place.path().join(name), text).unwrap();
    fs::create_dir(place.path().join("docs")).unwrap();
    write("README.md", "# Top\n");
    write("docs/b.md", "# A `name`, twice\n\n# A name twice\n");
    write(
        "docs/a.md",
        "[1](b.md) [2](b.md#a-name-twice) [3](b.md#a-name-twice-1) [4](#here) [5](https://example.org/x) `[6](no.md)`\n\n\
         [7](no.md)\n[8](b.md#no)\n[9](../README.md)\n[10](#no)\n\n# Here\n",
    );
    let dead = dead_links(place.path(), &Page::read(place.path(), "docs/a.md"));
    let expected = [
        "docs/a.md:3: `no.md`: there is no such file",
        "docs/a.md:4: `b.md#no`: the page has no such heading",
        "docs/a.md:5: `../README.md`: it leads out of the book",
        "docs/a.md:6: `#no`: the page has no such heading",
    ];
    assert_eq!(dead, expected);
}
