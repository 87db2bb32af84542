//! The boards for the terminal.

use std::fmt::Write;

use super::{Board, Leaderboard};
use crate::report::{html::number, seconds};
use crate::stats::Summary;

/// Width that lines keep to.
const WIDTH: usize = 80;

impl Leaderboard {
    /// All boards, each as up to three tables of at most 80 columns.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for board in &self.boards {
            out += &board.text();
        }
        out += "Attacks of one place cannot be told apart from its first: paired t-test over\ntargets, Holm over the board, 5 %. Intervals: 95 %, bootstrap.\n";
        if self.unsettled > 0 {
            let _ = writeln!(
                out,
                "{} cells were skipped or failed; `shillproof report` says why.",
                self.unsettled
            );
        }
        out
    }
}

impl Board {
    fn text(&self) -> String {
        let t = &self.terms;
        let mut out = format!("{}, victim {}\n", t.dataset, t.victim);
        let _ = writeln!(
            out,
            "targets {}, {} fake users ({}), {} fillers, knowledge {}\n",
            t.targets, t.fake_users, t.size, t.profile_size, t.knowledge
        );
        let mut rows =
            vec![["", "attack", "hit ratio", "95 %", "over none", "clicks", "seconds"].map(str::to_owned)];
        rows.extend(self.attacks.iter().map(|s| {
            let gain = s.gain.as_ref().map_or_else(|| "-".into(), |gain| number(gain.difference.mean));
            let cost = [number(s.cost.clicks), seconds(s.cost.seconds)];
            let [clicks, time] = cost;
            [
                s.place.to_string(),
                s.attack.clone(),
                number(s.hit_ratio.mean),
                interval(&s.hit_ratio),
                gain,
                clicks,
                time,
            ]
        }));
        out += &columns(&rows);
        if self.defenses.len() > 1 {
            let mut rows = vec![["defense", "worst attack", "hit ratio", "95 %", "ndcg"].map(str::to_owned)];
            rows.extend(self.defenses.iter().map(|g| {
                let ndcg = g.ndcg.as_ref().map_or_else(|| "-".into(), |ndcg| number(ndcg.mean));
                [g.defense.clone(), g.worst.clone(), number(g.hit_ratio.mean), interval(&g.hit_ratio), ndcg]
            }));
            out += "\n";
            out += &columns(&rows);
        }
        if !self.detectors.is_empty() {
            let mut rows =
                vec![["detector", "finds least of", "at 1 % false", "95 %", "mean auroc"].map(str::to_owned)];
            rows.extend(self.detectors.iter().map(|w| {
                let auroc = w.auroc.map_or_else(|| "-".into(), number);
                [w.detector.clone(), w.worst.clone(), number(w.recall.mean), interval(&w.recall), auroc]
            }));
            out += "\n";
            out += &columns(&rows);
        }
        out + "\n"
    }
}

fn interval(of: &Summary) -> String {
    of.ci95.map_or_else(|| format!("n = {}", of.n), |[l, h]| format!("[{}, {}]", number(l), number(h)))
}

/// Columns two blanks apart; names that make a line too long end in `…`.
fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |k: usize| rows.iter().map(|row| row[k].chars().count()).max().unwrap_or(0);
    let mut widths: [usize; N] = std::array::from_fn(width);
    let total: usize = widths.iter().sum::<usize>() + 2 * (N - 1);
    if let Some(widest) = (0..N).max_by_key(|&k| widths[k]) {
        widths[widest] = widths[widest].saturating_sub(total.saturating_sub(WIDTH)).max(8);
    }
    let mut out = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| {
            let cut: String = if cell.chars().count() > width {
                cell.chars().take(width - 1).chain(['…']).collect()
            } else {
                cell.clone()
            };
            format!("{cut:width$}")
        });
        out += cells.collect::<Vec<_>>().join("  ").trim_end();
        out.push('\n');
    }
    out
}
