//! What the items of another tool's file are called in the data.

use std::path::Path;

use hashbrown::HashMap;

use crate::error::{DataError, Place, quote};
use crate::read::source::{self, Content};

/// The label of each item id of another tool.
#[derive(Clone, Debug)]
pub struct ItemMap {
    labels: HashMap<String, String>,
}

/// The first line of LightGCN's `item_list.txt`.
const REMAPPED: &str = "org_id remap_id";

impl ItemMap {
    /// Reads a map from a file of one label a line, whose ids are the numbers of the lines from 0, or from one of two
    /// columns under the header `org_id remap_id`: a label, and behind the last blank its id.
    ///
    /// # Errors
    /// If a row has no id, an id comes twice, or the file cannot be read.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let Content::Text(mut lines) = source::open(path)? else {
            return Err(malformed(Place::file(path), "a Parquet file".into()));
        };
        let mut labels = HashMap::new();
        let mut remapped = false;
        while let Some((number, line)) = lines.next(None)? {
            let place = || Place::line(path, number);
            let text = std::str::from_utf8(line)
                .map_err(|_| malformed(place(), format!("{}, which is not UTF-8", quote(line))))?;
            if number == 1 && text.trim() == REMAPPED {
                remapped = true;
                continue;
            }
            let (label, id) = if remapped {
                let (label, id) = text
                    .trim_end()
                    .rsplit_once([' ', '\t'])
                    .ok_or_else(|| malformed(place(), format!("one column: {}", quote(line))))?;
                (label, id.to_owned())
            } else {
                (text, (number - 1).to_string())
            };
            if labels.insert(id, label.to_owned()).is_some() {
                return Err(malformed(place(), format!("an id for the second time in {}", quote(line))));
            }
        }
        Ok(Self { labels })
    }

    pub(super) fn get(&self, id: &str) -> Option<&str> {
        self.labels.get(id).map(String::as_str)
    }

    /// The label of an id, which `place` has.
    pub(super) fn label<'a>(&'a self, id: &str, place: &Place) -> Result<&'a str, DataError> {
        self.get(id).ok_or_else(|| DataError::Malformed {
            place: place.clone(),
            found: format!("the item {}, which is not in the map of items", quote(id.as_bytes())),
            expected: format!("one of its {} ids", self.labels.len()),
            hint: "ids are the numbers of the map's lines from 0, or its column `remap_id`; \
                   leave `--item-map` out if the file has labels"
                .into(),
        })
    }
}

fn malformed(place: Place, found: String) -> DataError {
    DataError::Malformed {
        place,
        found,
        expected: "one label a line, or a label and its id under the header `org_id remap_id`".into(),
        hint: "`item_list.txt` of LightGCN's data sets has the second form".into(),
    }
}
