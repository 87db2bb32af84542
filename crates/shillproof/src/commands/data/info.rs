//! `shillproof data info`.

use clap::Args;
use shillproof_data::known::Published;
use shillproof_data::{Info, demo, info};

use crate::args::{DataArgs, Format};
use crate::failure::{Failure, While};
use crate::session::{Session, print, print_json};
use crate::text::columns;

/// Describe a data set: counts, shape, checksum, and what is published about it
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof data info demo
  shillproof data info ratings.csv --columns user,item,rating --min-user 5
  shillproof data info ml-1m --format json")]
pub(super) struct Describe {
    /// Known data set or file
    #[arg(value_name = "DATA")]
    data: String,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    read: DataArgs,
}

impl Describe {
    pub(super) fn run(&self, session: &Session) -> Result<(), Failure> {
        let info = info(&self.data, &self.read.options()?).when(format!("load `{}`", self.data))?;
        match self.format {
            Format::Json => print_json(&info),
            Format::Text => {
                info.notes.iter().for_each(|note| session.say(note));
                print(&describe(&info))
            }
        }
    }
}

/// MovieLens 100K, measured by this command: what the demo is made in the image of.
const MOVIELENS: [(&str, &str); 13] = [
    ("users", "943"),
    ("items", "1682"),
    ("interactions", "100000"),
    ("density", "6.3047%"),
    ("per user", "106.0 (median 65)"),
    ("per item", "59.5"),
    ("popularity Gini", "0.629"),
    ("mean rating", "3.530"),
    ("rated 1", "6110"),
    ("rated 2", "11370"),
    ("rated 3", "27145"),
    ("rated 4", "34174"),
    ("rated 5", "21201"),
];

/// Our numbers, with the published ones beside them; beside those of the demo, MovieLens 100K's.
fn describe(info: &Info) -> String {
    let ours = &info.statistics;
    let mut rows = vec![vec!["name".to_owned(), info.name.clone()]];
    let is_demo = info.checksum == demo().checksum;
    let mut row = |name: &str, value: String| {
        let beside = MOVIELENS.iter().find(|(row, _)| is_demo && *row == name);
        let beside = beside.map(|(_, theirs)| format!("MovieLens 100K: {theirs}"));
        rows.push([name.to_owned(), value].into_iter().chain(beside).collect());
    };
    if let Some(set) = info.known {
        row("known as", format!("{} ({})", set.name, set.title));
        row("licence", set.licence.clone());
        row("page", set.page.clone());
    }
    let published = |count: fn(&Published) -> Option<usize>| {
        let all = info.known.map_or(&[][..], |set| &set.published).iter();
        all.filter_map(|p| Some(format!("; {}: {}", p.source, count(p)?))).collect::<String>()
    };
    row("users", format!("{}{}", ours.users, published(|p| p.users)));
    row("items", format!("{}{}", ours.items, published(|p| p.items)));
    row("interactions", format!("{}{}", ours.interactions, published(|p| p.interactions)));
    row("rows read", info.rows.to_string());
    row("density", format!("{:.4}%", 100.0 * ours.density));
    row("per user", format!("{:.1} (median {})", ours.per_user_mean, ours.per_user_median));
    row("per item", format!("{:.1}", ours.per_item_mean));
    row("popularity Gini", format!("{:.3}", ours.popularity_gini));
    if let Some(mean) = ours.mean_rating {
        row("mean rating", format!("{mean:.3}"));
    }
    for rating in ours.ratings.iter().flatten() {
        row(&format!("rated {}", rating.rating), rating.count.to_string());
    }
    if let Some((first, last)) = ours.times {
        row("times", format!("{first} to {last}"));
    }
    row("checksum", info.checksum.clone());
    columns(&rows)
}
