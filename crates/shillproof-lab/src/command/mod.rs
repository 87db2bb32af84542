//! A recommender of the user's own: any program that reads interactions and writes lists.
//!
//! For each fit the program gets a CSV file `user,item,rating,timestamp` with the labels of the
//! data set (fake users have labels of their own), and writes `user,item[,score]`: best first, `k`
//! unseen items a user, or all of them where fewer are left. It runs in a process group of its own
//! under a time limit; whatever is wrong with its answer is an error, never a number.

mod answer;
mod child;
mod choice;
mod template;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{Ctx, Feedback, FitError, FitJob, Interactions, ItemId, Query, Recommender, Victim};
use shillproof_data::{Labels, fake_labels};

use answer::{List, Question};
use template::{Filling, Template};

pub use choice::{BoundVictim, VictimChoice};

/// A `command:` victim: its fields are the whole recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CommandSpec {
    /// Program and arguments, with the placeholders `{train}`, `{out}` (or `{recommend}`), `{k}`
    /// and `{seed}`. Split as a shell splits words, but run without a shell.
    pub run: String,
    /// Seconds one fit may take; above 0.
    pub timeout_seconds: f64,
}

impl Default for CommandSpec {
    fn default() -> Self {
        Self { run: String::new(), timeout_seconds: 600.0 }
    }
}

impl CommandSpec {
    /// The recipe, bound to the labels that the program is to read and write.
    pub fn bind<'a>(&'a self, users: &'a Labels, items: &'a Labels) -> CommandVictim<'a> {
        CommandVictim { spec: self, users, items }
    }
}

/// A [`CommandSpec`] with the labels of the data set it runs on. Knows lists only: no scores of all items, no ratings.
#[derive(Clone, Copy)]
pub struct CommandVictim<'a> {
    spec: &'a CommandSpec,
    users: &'a Labels,
    items: &'a Labels,
}

impl Victim for CommandVictim<'_> {
    fn feedback(&self) -> Feedback {
        Feedback::Either
    }

    fn fit(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Recommender>, FitError> {
        let seconds = self.spec.timeout_seconds;
        let limit = Duration::try_from_secs_f64(seconds).ok().filter(|d| !d.is_zero()).ok_or_else(|| {
            FitError::Parameter {
                name: "timeout_seconds",
                got: seconds.to_string(),
                expected: "a finite number above 0",
            }
        })?;
        let template = Template::parse(&self.spec.run).map_err(FitError::External)?;
        if job.user_weight.is_some() {
            return Err(FitError::External("a command cannot be told to weight its users".into()));
        }
        if job.train.is_empty() {
            return Err(FitError::Empty);
        }
        let fakes = fake_labels(job.train.n_users() - self.users.len(), self.users);
        let disk = |error: io::Error| {
            FitError::External(format!("cannot write the training data for the command: {error}"))
        };
        let folder = tempfile::Builder::new().prefix("shillproof-").tempdir().map_err(disk)?;
        let (train, out) = (folder.path().join("train.csv"), folder.path().join("recommendations.csv"));
        self.write_train(&train, job.train, &fakes).map_err(disk)?;
        let words = template.fill(&Filling {
            train: &train,
            out: &out,
            k: job.max_k,
            seed: ctx.seed.value() & 0x7FFF_FFFF,
        });
        let said = child::run(&words, limit, ctx)?;
        let question = Question {
            users: self.users,
            items: self.items,
            fakes: &fakes.into_iter().collect::<HashSet<_>>(),
            train: job.train,
            k: job.max_k,
        };
        let lists = question.read(&out).map_err(|what| FitError::External(format!("{what}{said}")))?;
        Ok(Box::new(Lists(lists)))
    }
}

impl CommandVictim<'_> {
    /// Rating is 1 where the data has none, timestamp 0.
    fn write_train(&self, path: &Path, train: &Interactions, fakes: &[String]) -> io::Result<()> {
        let mut out = csv::Writer::from_writer(BufWriter::new(File::create(path)?));
        out.write_record(["user", "item", "rating", "timestamp"])?;
        let genuine = self.users.iter();
        for (label, row) in genuine.chain(fakes.iter().map(String::as_str)).zip(train.rows()) {
            for at in 0..row.len() {
                let time = row.times().map_or(0, |times| times[at]);
                out.write_record([
                    label,
                    self.items.get(row.items()[at].0),
                    &row.rating(at).to_string(),
                    &time.to_string(),
                ])?;
            }
        }
        out.flush()
    }
}

/// Lists of the genuine users; everybody else's are empty.
struct Lists(Vec<List>);

impl Recommender for Lists {
    /// The list as the command gave it: equal scores keep its order, and `history` has no effect.
    fn top_k(&self, query: &Query<'_>, out: &mut Vec<(ItemId, f32)>) {
        out.clear();
        let list = self.0.get(query.user.index()).into_iter().flatten();
        out.extend(list.filter(|entry| query.skip.binary_search(&entry.0).is_err()).take(query.k));
    }
}

#[cfg(test)]
mod tests;
