//! A filled table as one self-contained HTML page.

use maud::{Markup, html};

use super::{Entry, Reproduction, Verdict};
use crate::plan::DatasetFacts;
use crate::report::html::{Column, Curve, CurveChart, Data, Download, Point, Section, page as shell, table};
use crate::report::part::curves::curves;
use crate::report::part::measured::Measured;
use crate::report::part::verdict::{Headline, verdict};
use crate::report::part::versus::{Pair, Side, versus};
use crate::store::Versions;

impl Reproduction {
    /// The page: our numbers beside the published ones, and what became of the paper's claims. `command` repeats it.
    pub fn page(&self, command: &str) -> String {
        let paper = &self.layout.table;
        let part = |id, title: &str, body| Section { id, title: title.into(), body };
        let sections = [
            part("versus", "Our numbers and the published ones", self.blocks()),
            part("claims", "Claims of the paper", self.judged()),
            part("curves", "The same as a picture", self.pictures()),
            part("measured", "How this was measured", self.measured(command)),
        ];
        let warnings = [format!("{} (scale: {})", paper.note, self.scale())];
        let lead = verdict(&self.sentence(), &self.headlines(), &warnings);
        shell(&format!("{}, {}: {}", paper.paper, paper.reference, paper.title), &lead, &sections)
    }

    fn sides(&self, side: Side) -> usize {
        self.entries.iter().filter(|entry| pair(entry).side() == Some(side)).count()
    }

    fn judged_as(&self, verdict: Verdict) -> usize {
        self.claims.iter().filter(|claim| claim.verdict == verdict).count()
    }

    fn sentence(&self) -> String {
        let compared = self.entries.iter().filter(|entry| pair(entry).side().is_some()).count();
        let numbers = if compared == 0 {
            "No published number has one of ours with an interval beside it".to_owned()
        } else {
            format!(
                "{} of {compared} published numbers lie within our 95 % intervals",
                self.sides(Side::Within)
            )
        };
        if self.claims.is_empty() {
            return format!("{numbers}.");
        }
        format!(
            "{numbers}; of {} claims {} hold, {} do not, and {} are undecided at this n.",
            self.claims.len(),
            self.judged_as(Verdict::Holds),
            self.judged_as(Verdict::Fails),
            self.judged_as(Verdict::Undecided)
        )
    }

    fn headlines(&self) -> Vec<Headline> {
        let measured = self.entries.iter().filter(|entry| entry.ours.is_some()).count();
        let least = self.entries.iter().filter(|e| e.ours.is_some()).map(|e| e.n).min().unwrap_or(0);
        vec![
            Headline {
                label: "Published numbers",
                value: format!("{} within", self.sides(Side::Within)),
                detail: format!(
                    "{} where ours is smaller, {} where ours is larger",
                    self.sides(Side::Above),
                    self.sides(Side::Below)
                ),
            },
            Headline {
                label: "Claims",
                value: format!("{} of {} hold", self.judged_as(Verdict::Holds), self.claims.len()),
                detail: "by paired differences, five independent units or more".into(),
            },
            Headline {
                label: "Measured",
                value: format!("{measured} of {} cells", self.entries.len()),
                detail: format!("n = {least} or more in each"),
            },
        ]
    }

    fn of_block(&self, name: &str) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| entry.block == name).collect()
    }

    fn blocks(&self) -> Markup {
        html! {
            p { "A published number is “within” if it lies in our 95 % interval over targets and repeats; an interval says nothing of what another protocol would change." }
            @for block in &self.layout.table.blocks {
                @let entries = self.of_block(&block.name);
                @if !entries.is_empty() {
                    h3 { (block.name) }
                    (table_of(&entries))
                }
            }
        }
    }

    fn judged(&self) -> Markup {
        if self.claims.is_empty() {
            return html! {};
        }
        let columns = [Column::text("Verdict"), Column::prose("Claim"), Column::prose("Evidence")];
        let rows = self.claims.iter().map(|judged| {
            let word = match judged.verdict {
                Verdict::Holds => "holds",
                Verdict::Fails => "does not hold",
                Verdict::Undecided => "undecided",
            };
            vec![Data::text(word), Data::text(&judged.claim), Data::text(&judged.evidence)]
        });
        html! {
            p { "A claim holds if every interval of a paired difference behind it lies on its side, and does not hold if one lies on the other." }
            (table(&columns, &rows.collect::<Vec<_>>()))
        }
    }

    /// A chart a data set, where the columns are amounts of something.
    fn pictures(&self) -> Markup {
        let charts: Vec<(String, String, Vec<Curve>)> = self
            .layout
            .table
            .blocks
            .iter()
            .filter_map(|block| {
                let entries = self.of_block(&block.name);
                let metric = entries.first()?.metric.clone();
                Some((block.name.clone(), metric, lines(&entries)?))
            })
            .collect();
        let charts: Vec<CurveChart<'_>> = charts
            .iter()
            .map(|(title, metric, lines)| CurveChart {
                title,
                x_title: "column of the table",
                y_title: metric,
                log_x: false,
                curves: lines.clone(),
                level: None,
            })
            .collect();
        curves("Ours with 95 % bands, and the published numbers as curves of their own.", &charts)
    }

    fn measured(&self, command: &str) -> Markup {
        let table = &self.layout.table;
        let stand_ins: Vec<String> = table
            .blocks
            .iter()
            .filter_map(|b| {
                let place = self.layout.places.iter().find(|p| p.block == b.name)?;
                Some(format!("{}: {}", b.name, place.stand_in.clone()?))
            })
            .collect();
        let mut datasets: Vec<DatasetFacts> = self.layout.places.iter().map(|p| p.data.clone()).collect();
        datasets.sort();
        datasets.dedup();
        let json = serde_json::json!({ "table": table.name, "scale": self.scale().to_string(), "entries": self.entries, "claims": self.claims });
        let json = serde_json::to_vec_pretty(&json).expect("invariant: a filled table is plain values");
        Measured {
            facts: &[
                ("Paper", table.paper.clone()),
                ("Shows", table.reference.clone()),
                ("Scale", self.scale().to_string()),
                ("Trainings", self.layout.plan.cells.len().to_string()),
                ("Shillproof", Versions::current().shillproof),
            ],
            protocol: &table.note,
            datasets: &datasets,
            notes: &stand_ins,
            more: html! {},
            sources: &[
                ("The command that repeats it", command),
                (
                    "What all cells have in common, as an experiment file has it",
                    &table.experiment.to_string(),
                ),
            ],
            files: &[
                Download { name: "reproduction.json".into(), media: "application/json", bytes: json },
                Download { name: "reproduction.csv".into(), media: "text/csv", bytes: self.csv() },
            ],
        }
        .markup()
    }

    fn csv(&self) -> Vec<u8> {
        let mut out = csv::Writer::from_writer(Vec::new());
        for entry in &self.entries {
            let [low, high] = entry.ci95.map_or([None; 2], |ends| ends.map(Some));
            let row = (
                (&entry.block, &entry.data, &entry.row, &entry.column, &entry.metric),
                (entry.ours, low, high, entry.n, entry.published, &entry.note),
            );
            out.serialize(row).expect("invariant: memory takes every row");
        }
        let rows = out.into_inner().expect("invariant: memory takes every row");
        [b"block,data,row,column,metric,ours,ci95_low,ci95_high,n,published,note\n", &rows[..]].concat()
    }
}

fn pair(entry: &Entry) -> Pair {
    Pair {
        ours: entry.ours,
        ci95: entry.ci95,
        n: entry.n,
        published: entry.published,
        note: if entry.ours.is_none() { entry.note.clone() } else { None },
    }
}

fn table_of(entries: &[&Entry]) -> Markup {
    let mut columns: Vec<String> = Vec::new();
    for entry in entries {
        if !columns.contains(&entry.column) {
            columns.push(entry.column.clone());
        }
    }
    let rows: Vec<(String, Vec<Pair>)> = entries
        .chunk_by(|a, b| a.row == b.row)
        .map(|row| (row[0].row.clone(), row.iter().map(|entry| pair(entry)).collect()))
        .collect();
    versus(&columns, &rows)
}

/// Ours and the published numbers by row; none where a column is no amount.
fn lines(entries: &[&Entry]) -> Option<Vec<Curve>> {
    let mut curves = Vec::new();
    for row in entries.chunk_by(|a, b| a.row == b.row) {
        let at = |entry: &Entry| amount(&entry.column);
        if row.len() < 2 || row.iter().any(|entry| at(entry).is_none()) {
            return None;
        }
        let point = |entry: &&Entry, y: Option<f64>, ci95, n| {
            Some(Point { x: at(entry)?, y: y?, ci95, n, x_label: entry.column.clone() })
        };
        let ours = row.iter().filter_map(|e| point(e, e.ours, e.ci95, e.n)).collect();
        curves.push(Curve { name: row[0].row.clone(), points: ours });
        let published: Vec<Point> = row.iter().filter_map(|e| point(e, e.published, None, 1)).collect();
        if !published.is_empty() {
            curves.push(Curve { name: format!("{}, published", row[0].row), points: published });
        }
    }
    Some(curves)
}

/// The number that a column's name begins with: `0.5 %`, `20`.
fn amount(column: &str) -> Option<f64> {
    let number: String = column.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    number.parse().ok()
}
