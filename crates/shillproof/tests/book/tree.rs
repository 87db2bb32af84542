//! A copy of the sources that a page changes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::page::Block;

/// Files of a copy, by their path from its root.
pub(crate) struct Tree(BTreeMap<PathBuf, Copied>);

struct Copied {
    bytes: Vec<u8>,
    /// When the original was changed; none once the page has changed it.
    time: Option<SystemTime>,
}

impl Tree {
    /// The files and folders `parts` of `root`.
    pub(crate) fn of(root: &Path, parts: &[&str]) -> Self {
        let mut files = BTreeMap::new();
        let mut left: Vec<PathBuf> = parts.iter().map(PathBuf::from).collect();
        while let Some(path) = left.pop() {
            let full = root.join(&path);
            if full.is_dir() {
                left.extend(fs::read_dir(&full).unwrap().map(|entry| path.join(entry.unwrap().file_name())));
            } else {
                let time = Some(full.metadata().unwrap().modified().unwrap());
                files.insert(path, Copied { bytes: fs::read(&full).unwrap(), time });
            }
        }
        Self(files)
    }

    /// Carries out what the caption of `block` says: "`FILE`, a new file:" or "`FILE`, below `LINE`:". Returns the file.
    pub(crate) fn change(&mut self, block: &Block) -> Result<PathBuf, String> {
        let words: Vec<&str> = block.caption.split('`').collect();
        let (path, text) = match words[..] {
            [.., path, ", a new file:"] => {
                if self.0.contains_key(Path::new(path)) {
                    return Err(format!("`{path}` is there already"));
                }
                (path, block.text.clone())
            }
            [.., path, ", below ", line, ":"] => (path, self.below(path, line, &block.text)?),
            _ => return Err(format!("nothing says where this goes: `{}`", block.caption)),
        };
        let path = PathBuf::from(path);
        self.0.insert(path.clone(), Copied { bytes: text.into_bytes(), time: None });
        Ok(path)
    }

    fn below(&self, path: &str, anchor: &str, added: &str) -> Result<String, String> {
        let file = self.0.get(Path::new(path)).ok_or_else(|| format!("there is no `{path}`"))?;
        let text = std::str::from_utf8(&file.bytes).map_err(|error| format!("{path}: {error}"))?;
        let anchors = text.lines().filter(|line| line.trim() == anchor).count();
        if anchors != 1 {
            return Err(format!("{anchors} lines of `{path}` are `{anchor}`, expected one"));
        }
        let with = |line: &str| {
            let added = if line.trim() == anchor { added } else { "" };
            format!("{line}\n{added}")
        };
        Ok(text.lines().map(with).collect())
    }

    /// Makes the `parts` of `folder` hold these files and no others. What is there already is left alone, so that cargo need not
    /// compile it again.
    pub(crate) fn write(&self, folder: &Path, parts: &[&str]) {
        let there: Vec<&str> = parts.iter().copied().filter(|part| folder.join(part).exists()).collect();
        for old in Self::of(folder, &there).0.into_keys().filter(|old| !self.0.contains_key(old)) {
            fs::remove_file(folder.join(old)).unwrap();
        }
        for (path, copied) in &self.0 {
            let full = folder.join(path);
            let old = fs::read(&full).ok();
            if old.as_ref() == Some(&copied.bytes) {
                continue;
            }
            fs::create_dir_all(full.parent().unwrap()).unwrap();
            let mut file = File::create(&full).unwrap();
            file.write_all(&copied.bytes).unwrap();
            // A new text under an old time would look compiled.
            if let (Some(time), None) = (copied.time, old) {
                file.set_modified(time).unwrap();
            }
        }
    }
}

/// Copies the files of `from` that `wanted` names, with their times, unless `to` is there already.
pub(crate) fn copy_folder(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) {
    if to.exists() || !from.exists() {
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let place = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &place, wanted);
        } else if wanted(&path) && fs::copy(&path, &place).is_ok() {
            // What could not be copied was of a passing nature, and is made again where it is needed.
            let time = path.metadata().unwrap().modified().unwrap();
            File::options().write(true).open(&place).unwrap().set_modified(time).unwrap();
        }
    }
}
