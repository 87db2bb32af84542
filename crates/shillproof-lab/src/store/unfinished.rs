//! What an attack that works for hours has so far: `FOLDER/unfinished/KEY`, until the cells that need it are done.

use std::fs;
use std::path::{Path, PathBuf};

use shillproof_core::Checkpoint;

use super::{Key, write_whole};

/// The place of one attack.
#[derive(Clone, Debug)]
pub struct Unfinished {
    path: PathBuf,
}

impl Unfinished {
    pub(super) fn new(folder: &Path, key: &Key) -> Self {
        Self { path: folder.join("unfinished").join(key.as_str()) }
    }

    /// Takes it away; nothing happens where there is nothing.
    pub fn remove(&self) {
        if fs::remove_file(&self.path).is_ok()
            && let Some(folder) = self.path.parent()
        {
            // Goes with its last file; another job's file keeps it.
            let _ = fs::remove_dir(folder);
        }
    }
}

impl Checkpoint for Unfinished {
    fn load(&self) -> Option<Vec<u8>> {
        fs::read(&self.path).ok()
    }

    fn save(&self, state: &[u8]) {
        if let Some(folder) = self.path.parent() {
            // What cannot be kept is computed again.
            let _ = fs::create_dir_all(folder).map(|()| write_whole(&self.path, state));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_last_is_there_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let store = super::super::Store::create(folder.path()).unwrap();
        let (place, other) = (store.unfinished(&Key::of(&"a")), store.unfinished(&Key::of(&"b")));
        place.remove();
        assert_eq!(place.load(), None);
        place.save(b"one");
        other.save(b"other");
        place.save(b"two");
        assert_eq!(store.unfinished(&Key::of(&"a")).load().as_deref(), Some(&b"two"[..]));
        place.remove();
        assert_eq!((place.load(), other.load().as_deref()), (None, Some(&b"other"[..])));
        other.remove();
        assert!(!folder.path().join("unfinished").exists());
    }
}
