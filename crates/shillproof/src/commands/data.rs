//! `shillproof data`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use shillproof_data::known::{self, KnownSet, Shelves};
use shillproof_data::{Info, demo, info, save};

use crate::args::{DataArgs, Format};
use crate::commands::{DatasetSummary, Outcome};
use crate::failure::{Failure, While};
use crate::session::{Session, print, print_json};
use crate::text::columns;

/// Look at data sets, get known ones, convert files
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof data list                              known data sets, and which are on this machine
  shillproof data info ratings.csv                  what was found in a file
  shillproof data get ml-100k --from ml-100k.zip
  shillproof data convert ratings.dat --out ratings.csv")]
pub(crate) struct Data {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Subcommand, Debug)]
enum DataCommand {
    List(List),
    Info(Describe),
    Get(Get),
    Convert(Convert),
}

/// List the known data sets
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof data list
  shillproof data list --format json | jq -r '.[] | select(.here).name'

They are looked for in $SHILLPROOF_DATA/NAME/, then in the user's cache folder.")]
struct List {
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// Describe a data set: counts, shape, checksum, and what is published about it
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof data info demo
  shillproof data info ratings.csv --columns user,item,rating --min-user 5
  shillproof data info ml-1m --format json")]
struct Describe {
    /// Known data set or file
    #[arg(value_name = "DATA")]
    data: String,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    read: DataArgs,
}

/// Put a known data set where Shillproof finds it
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof data get ml-100k --from ~/Downloads/ml-100k.zip
  shillproof data get ml-1m --from ~/Downloads/ml-1m/

What is put there is checked against the known content first.")]
struct Get {
    /// Name of a known data set
    #[arg(value_name = "NAME")]
    name: String,
    /// File or folder to take it from
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// Write a data set as another kind of file
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof data convert ml-100k --out ml-100k.csv
  shillproof data convert events.tsv --columns user,item,_,timestamp --min-user 5 --out events.inter

The form follows the name of the output. Labels, ratings and times come back to the last bit.")]
struct Convert {
    /// Known data set or file
    #[arg(value_name = "DATA")]
    data: String,
    /// File to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    read: DataArgs,
}

impl Data {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        match &self.command {
            DataCommand::List(list) => list.run(),
            DataCommand::Info(describe) => describe.run(session),
            DataCommand::Get(get) => get.run(),
            DataCommand::Convert(convert) => convert.run(session),
        }?;
        Ok(Outcome::Done)
    }
}

impl List {
    fn run(&self) -> Result<(), Failure> {
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

impl Describe {
    fn run(&self, session: &Session) -> Result<(), Failure> {
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

/// Our numbers, with the published ones beside them.
fn describe(info: &Info) -> String {
    let ours = &info.statistics;
    let mut rows = vec![vec!["name".to_owned(), info.name.clone()]];
    let mut row = |name: &str, value: String| rows.push(vec![name.to_owned(), value]);
    if let Some(set) = info.known {
        row("known as", format!("{} ({})", set.name, set.title));
        row("licence", set.licence.clone());
        row("page", set.page.clone());
    }
    let published = |count: fn(&known::Published) -> Option<usize>| {
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

impl Get {
    fn run(&self) -> Result<(), Failure> {
        let got = known::get(&self.name, self.from.as_deref()).when(format!("get `{}`", self.name))?;
        match self.format {
            Format::Json => print_json(&got),
            Format::Text => {
                let files = got.files.iter().map(|file| vec![file.display().to_string()]);
                print(&columns(&files.collect::<Vec<_>>()))
            }
        }
    }
}

impl Convert {
    fn run(&self, session: &Session) -> Result<(), Failure> {
        super::check_place(&self.out)?;
        let dataset = self.read.load(&self.data, session)?;
        save(&self.out, &dataset).when(format!("write `{}`", self.out.display()))?;
        match self.format {
            Format::Json => print_json(&DatasetSummary::of(&dataset)),
            Format::Text => print(&format!("{}\n", self.out.display())),
        }
    }
}
