//! A filled table for the terminal.

use std::fmt::Write;

use super::{Entry, Reproduction, Verdict};

/// Least width of the names of rows, and width of the kind of number and of a number.
const WIDTHS: [usize; 3] = [15, 10, 17];

impl Reproduction {
    /// The table with ours, its interval and the published number in three lines a row, and the claims.
    pub fn text(&self) -> String {
        let table = &self.layout.table;
        let mut out = format!("{}, {}: {}\n", table.paper, table.reference, table.title);
        let _ = writeln!(out, "scale {}; {}", self.scale(), table.note);
        for block in &table.blocks {
            let entries: Vec<&Entry> = self.entries.iter().filter(|e| e.block == block.name).collect();
            let Some(place) = self.layout.places.iter().find(|p| p.block == block.name) else { continue };
            let data = &place.data;
            let _ = write!(
                out,
                "\n{}: here {}, {} users, {} items, {} interactions",
                block.name, data.name, data.users, data.items, data.interactions
            );
            let stand_in = place.stand_in.as_ref().map_or_else(String::new, |text| format!(" ({text})"));
            let _ = writeln!(out, "{stand_in}");
            let names = entries.iter().map(|e| e.row.chars().count()).max().unwrap_or_default();
            let names = names.max(WIDTHS[0]);
            out += &head(names, &entries);
            for row in entries.chunk_by(|a, b| a.row == b.row) {
                out += &lines(names, row);
            }
        }
        if !self.claims.is_empty() {
            out += "\nclaims of the paper\n";
        }
        for judged in &self.claims {
            let verdict = match judged.verdict {
                Verdict::Holds => "holds",
                Verdict::Fails => "does not hold",
                Verdict::Undecided => "undecided",
            };
            let _ = writeln!(out, "  {verdict:14} {}\n                 {}", judged.claim, judged.evidence);
        }
        out
    }
}

fn line(names: usize, name: &str, kind: &str, cells: impl Iterator<Item = String>) -> String {
    let [_, kind_width, width] = WIDTHS;
    let mut line = format!("{name:names$} {kind:kind_width$}");
    for cell in cells {
        let _ = write!(line, "{cell:>width$}");
    }
    line.trim_end().to_owned() + "\n"
}

fn head(names: usize, entries: &[&Entry]) -> String {
    let row = entries.chunk_by(|a, b| a.row == b.row).next().unwrap_or_default();
    line(names, "", "", row.iter().map(|e| e.column.clone()))
}

/// Four decimals; one digit and its exponent where they would all be zeros.
pub(super) fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 5e-5 { format!("{value:.0e}") } else { format!("{value:.4}") }
}

fn lines(names: usize, row: &[&Entry]) -> String {
    let Some(first) = row.first() else { return String::new() };
    let known = |value: Option<f64>| value.map_or_else(|| "n/a".into(), number);
    let interval = |ci: Option<[f64; 2]>| {
        ci.map_or_else(|| "-".into(), |[l, h]| format!("[{},{}]", number(l), number(h)))
    };
    let mut out = line(names, &first.row, "ours", row.iter().map(|e| known(e.ours)));
    if row.iter().any(|e| e.ci95.is_some()) {
        let n = row.iter().map(|e| e.n).min().unwrap_or_default();
        out += &line(names, "", &format!("95%, n={n}"), row.iter().map(|e| interval(e.ci95)));
    }
    if row.iter().any(|e| e.published.is_some()) {
        out += &line(names, "", "published", row.iter().map(|e| known(e.published)));
    }
    for entry in row.iter().filter(|e| e.ours.is_none()) {
        let _ = writeln!(out, "  {}: {}", entry.column, entry.note.as_deref().unwrap_or("nothing measured"));
    }
    out
}
