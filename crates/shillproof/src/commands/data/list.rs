//! `shillproof data list`.

use clap::Args;
use serde_json::json;
use shillproof_data::demo;
use shillproof_data::known::{self, KnownSet, Shelves};

use crate::args::Format;
use crate::commands::DatasetSummary;
use crate::failure::Failure;
use crate::session::{print, print_json};
use crate::text::columns;

/// List the known data sets
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof data list
  shillproof data list --format json | jq -r '.[] | select(.here).name'

They are looked for in $SHILLPROOF_DATA/NAME/, then in the user's cache folder.")]
pub(super) struct List {
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl List {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let shelves = Shelves::of_user();
        let here = |set: &KnownSet| shelves.folders(set).iter().any(|folder| folder.is_dir());
        let demo = demo();
        let title = "made by this program, in the image of MovieLens 100K";
        if self.format == Format::Json {
            let mut list = vec![json!(DatasetSummary::of(&demo))];
            list[0]["title"] = title.into();
            list[0]["here"] = true.into();
            list.extend(known::list().iter().map(|set| {
                let mut json = json!(set);
                json["here"] = here(set).into();
                json
            }));
            return print_json(&list);
        }
        let row = |name: &str, counts: [usize; 3], here: bool, title: &str| {
            let [users, items, interactions] = counts;
            vec![
                name.to_owned(),
                format!("{users:>6} users"),
                format!("{items:>6} items"),
                format!("{interactions:>8} interactions"),
                if here { "here" } else { "-" }.to_owned(),
                title.to_owned(),
            ]
        };
        let counts = [demo.users.len(), demo.items.len(), demo.interactions.len()];
        let mut rows = vec![row(&demo.name, counts, true, title)];
        rows.extend(
            known::list()
                .iter()
                .map(|set| row(&set.name, [set.users, set.items, set.interactions], here(set), &set.title)),
        );
        print(&columns(&rows))
    }
}
