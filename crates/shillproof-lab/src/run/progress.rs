//! What a person sees while cells run: a bar on a terminal, plain lines off one, or nothing.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use shillproof_core::{Observer, Silent};

use crate::store::{Record, Status};

/// Watches a run. Called from several threads.
pub trait RunObserver: Observer {
    /// So many cells are to run; `kept` were settled before.
    fn started(&self, cells: usize, kept: usize) {
        let _ = (cells, kept);
    }

    /// A cell has ended and its record is on disk.
    fn ended(&self, record: &Record) {
        let _ = record;
    }

    /// Nothing more will run.
    fn finished(&self) {}
}

impl RunObserver for Silent {}

/// The observer for this process: silent if `quiet`; a bar with the time left if stderr is a
/// terminal; otherwise lines. Colour only on a terminal, and not where `NO_COLOR` is set.
pub fn observer(quiet: bool) -> Box<dyn RunObserver> {
    if quiet {
        Box::new(Silent)
    } else if std::io::stderr().is_terminal() {
        Box::new(Bar::new(std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())))
    } else {
        Box::new(Lines::default())
    }
}

/// What both forms count.
#[derive(Default)]
struct Tally {
    /// Cells to run; 0 outside a run.
    cells: usize,
    ended: usize,
    /// Hit ratios of attacked cells.
    hits: Vec<f64>,
    /// Name of that hit ratio, as `hit_ratio@10`.
    metric: String,
    notes: BTreeSet<String>,
    /// Task and tenth that was told last.
    told: Option<(String, u64)>,
}

impl Tally {
    /// Counts a cell, and describes it.
    fn count(&mut self, record: &Record) -> String {
        self.ended += 1;
        let cell = &record.cell;
        let size = if cell.is_clean() { String::new() } else { format!(" {}", cell.threat.size) };
        let end = match &record.status {
            Status::Skipped { reason } => format!(": skipped, {reason}"),
            Status::Failed { error } => format!(": failed, {error}"),
            Status::Done { measures, .. } => {
                let hits = measures.iter().filter(|m| m.metric == "hit_ratio");
                hits.clone().min_by_key(|m| m.k).map_or_else(String::new, |first| {
                    let same: Vec<f64> = hits.filter(|m| m.k == first.k).map(|m| m.value).collect();
                    let mean = same.iter().sum::<f64>() / same.len() as f64;
                    self.metric = first.k.map_or("hit_ratio".into(), |k| format!("hit_ratio@{k}"));
                    if !cell.is_clean() {
                        self.hits.push(mean);
                    }
                    format!(": {} {mean:.4}", self.metric)
                })
            }
        };
        let (name, attack) = (&record.data.name, cell.attack_name());
        format!("{} {name} {attack}{size}{end} ({:.1} s)", record.key, record.seconds.total)
    }

    /// The mean hit ratio of attacked cells so far.
    fn live(&self) -> String {
        if self.hits.is_empty() {
            return String::new();
        }
        let mean = self.hits.iter().sum::<f64>() / self.hits.len() as f64;
        format!("{} under attack {mean:.4}", self.metric)
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One bar: the cells of a run, or the steps of a single task.
struct Bar {
    bar: ProgressBar,
    tally: Mutex<Tally>,
}

impl Bar {
    fn new(color: bool) -> Self {
        let bar = ProgressBar::new(0);
        let fill = if color { "{bar:24.cyan/blue}" } else { "{bar:24}" };
        let template = format!("{{prefix}} {fill} {{pos}}/{{len}} {{elapsed}}, {{eta}} left  {{msg}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        Self { bar, tally: Mutex::default() }
    }
}

impl Observer for Bar {
    fn progress(&self, task: &str, done: u64, total: u64) {
        if lock(&self.tally).cells > 0 {
            return;
        }
        if self.bar.prefix() != task {
            self.bar.reset();
            self.bar.set_prefix(task.to_owned());
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
        if done >= total {
            self.bar.finish_and_clear();
        }
    }

    fn note(&self, text: &str) {
        if lock(&self.tally).notes.insert(text.to_owned()) {
            self.bar.suspend(|| eprintln!("{text}"));
        }
    }
}

impl RunObserver for Bar {
    fn started(&self, cells: usize, kept: usize) {
        *lock(&self.tally) = Tally { cells, ..Tally::default() };
        self.bar.reset();
        self.bar.set_prefix(if kept == 0 { "cells".into() } else { format!("cells ({kept} kept)") });
        self.bar.set_length(cells as u64);
        self.bar.enable_steady_tick(Duration::from_millis(250));
    }

    fn ended(&self, record: &Record) {
        let mut tally = lock(&self.tally);
        let text = tally.count(record);
        self.bar.set_message(tally.live());
        drop(tally);
        self.bar.inc(1);
        if !matches!(record.status, Status::Done { .. }) {
            self.bar.suspend(|| eprintln!("{text}"));
        }
    }

    fn finished(&self) {
        self.bar.finish_and_clear();
        lock(&self.tally).cells = 0;
    }
}

/// One line a cell, and one each tenth of a single task.
#[derive(Default)]
struct Lines {
    tally: Mutex<Tally>,
}

impl Observer for Lines {
    fn progress(&self, task: &str, done: u64, total: u64) {
        let tenth = done * 10 / total.max(1);
        let mut tally = lock(&self.tally);
        let news = tally.told.as_ref().is_none_or(|(t, told)| t != task || *told != tenth);
        if tally.cells == 0 && news {
            tally.told = Some((task.to_owned(), tenth));
            eprintln!("{task}: {done}/{total}");
        }
    }

    fn note(&self, text: &str) {
        if lock(&self.tally).notes.insert(text.to_owned()) {
            eprintln!("{text}");
        }
    }
}

impl RunObserver for Lines {
    fn started(&self, cells: usize, kept: usize) {
        *lock(&self.tally) = Tally { cells, ..Tally::default() };
        eprintln!("{cells} cells to run, {kept} kept");
    }

    fn ended(&self, record: &Record) {
        let mut tally = lock(&self.tally);
        let text = tally.count(record);
        eprintln!("[{}/{}] {text}", tally.ended, tally.cells);
    }

    fn finished(&self) {
        let mut tally = lock(&self.tally);
        let live = tally.live();
        if !live.is_empty() {
            eprintln!("{live}");
        }
        tally.cells = 0;
    }
}
