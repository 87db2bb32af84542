//! A page of the documentation: its links, its anchors and its blocks of code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// One Markdown file.
pub(crate) struct Page {
    /// Where it is, from the root of the repository.
    pub(crate) path: PathBuf,
    text: String,
}

/// A fenced block of code.
pub(crate) struct Block {
    /// The paragraph right before it, with code between backticks; empty if something else comes before.
    pub(crate) caption: String,
    /// What the fence says.
    pub(crate) language: String,
    pub(crate) text: String,
    /// Line of the fence, from 1.
    pub(crate) line: usize,
}

impl Page {
    pub(crate) fn read(root: &Path, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let text = fs::read_to_string(root.join(&path))
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
        Self { path, text }
    }

    fn events(&self) -> impl Iterator<Item = (Event<'_>, usize)> {
        Parser::new_ext(&self.text, Options::ENABLE_TABLES)
            .into_offset_iter()
            .map(|(event, range)| (event, 1 + self.text[..range.start].matches('\n').count()))
    }

    /// Where its links and images lead, with their lines.
    pub(crate) fn links(&self) -> Vec<(usize, String)> {
        self.events()
            .filter_map(|(event, line)| match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    Some((line, dest_url.into_string()))
                }
                _ => None,
            })
            .collect()
    }

    /// The anchors of its headings: lower case, hyphens for spaces, other punctuation gone, numbered when repeated.
    pub(crate) fn anchors(&self) -> BTreeSet<String> {
        let (mut anchors, mut seen, mut heading) = (BTreeSet::new(), BTreeMap::new(), None::<String>);
        for (event, _) in self.events() {
            match (event, &mut heading) {
                (Event::Start(Tag::Heading { .. }), _) => heading = Some(String::new()),
                (Event::Text(text) | Event::Code(text), Some(heading)) => heading.push_str(&text),
                (Event::End(TagEnd::Heading(_)), Some(text)) => {
                    let name = slug(text);
                    let before: &mut usize = seen.entry(name.clone()).or_default();
                    anchors.insert(if *before == 0 { name } else { format!("{name}-{before}") });
                    *before += 1;
                    heading = None;
                }
                _ => {}
            }
        }
        anchors
    }

    /// Its fenced blocks of code, in order.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let (mut blocks, mut paragraph, mut open) = (Vec::new(), String::new(), None::<Block>);
        for (event, line) in self.events() {
            match (event, &mut open) {
                (Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))), _) => {
                    let caption = std::mem::take(&mut paragraph);
                    open =
                        Some(Block { caption, language: language.into_string(), text: String::new(), line });
                }
                (Event::Text(text), Some(block)) => block.text.push_str(&text),
                (Event::End(TagEnd::CodeBlock), _) => blocks.extend(open.take()),
                (Event::Start(_), _) => paragraph.clear(),
                (Event::Text(text), None) => paragraph.push_str(&text),
                (Event::SoftBreak, None) => paragraph.push(' '),
                (Event::Code(text), None) => {
                    paragraph.push('`');
                    paragraph.push_str(&text);
                    paragraph.push('`');
                }
                _ => {}
            }
        }
        blocks
    }
}

fn slug(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    heading.trim().to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// All Markdown files under `folder`, from the root of the repository, in order.
pub(crate) fn markdown_under(root: &Path, folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if root.join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
