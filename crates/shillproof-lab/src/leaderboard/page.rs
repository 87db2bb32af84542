//! The boards as one self-contained HTML page.

use maud::{Markup, html};

use super::{Board, Leaderboard, Standing};
use crate::plan::DatasetFacts;
use crate::report::html::{
    Column, Data, Download, Section, Strip, StripChart, number, page as shell, seconds, table, with_interval,
};
use crate::report::part::measured::Measured;
use crate::report::part::verdict::{Headline, verdict};
use crate::report::part::weak::strips;
use crate::stats::Summary;
use crate::store::Versions;

/// What a page of boards tells besides the boards.
#[derive(Clone, Copy, Debug)]
pub struct Behind<'a> {
    /// The data that they are about.
    pub datasets: &'a [DatasetFacts],
    /// The resolved experiment file.
    pub experiment: &'a str,
    /// The command that repeats it.
    pub command: &'a str,
}

impl Leaderboard {
    /// The page.
    pub fn page(&self, behind: Behind<'_>) -> String {
        let bodies = self.boards.iter().enumerate().map(|(at, board)| {
            html! {
                h3 id=(format!("board-{}", at + 1)) { (board.name()) }
                (board.markup())
            }
        });
        let boards = html! {
            p { "Attacks that share a place cannot be told apart from its first: paired t-tests over targets, Holm over the board, 5 %. A defense or a detector is judged by the attack that is worst for it. Costs are the attacker's." }
            @for body in bodies { (body) }
        };
        let sections = [
            Section { id: "boards", title: "Boards".into(), body: boards },
            Section { id: "measured", title: "How this was measured".into(), body: self.measured(behind) },
        ];
        let missing = (self.unsettled > 0).then(|| {
            format!("{} cells were skipped or failed: what they would have shown is missing", self.unsettled)
        });
        let lead = verdict(&self.sentence(), &self.headlines(), missing.as_slice());
        shell("Leaderboard", &lead, &sections)
    }

    fn sentence(&self) -> String {
        let leaders = self.boards.iter().map(|board| {
            let first: Vec<&str> = board.first().map(|s| s.attack.as_str()).collect();
            match &first[..] {
                [one] => format!("{one} is strongest on {}", board.name()),
                several => format!("{} share the first place on {}", several.join(", "), board.name()),
            }
        });
        let text = leaders.take(3).collect::<Vec<_>>().join("; ");
        match self.boards.len() {
            0..=3 => format!("{text}."),
            more => format!("{text}; and {} boards more.", more - 3),
        }
    }

    fn headlines(&self) -> Vec<Headline> {
        let board = |board: &Board| {
            let first = board.first().next()?;
            Some(Headline {
                label: "First place",
                value: first.attack.clone(),
                detail: format!(
                    "{}: hit ratio {}, {} interactions",
                    board.name(),
                    with_interval(first.hit_ratio.mean, first.hit_ratio.ci95),
                    number(first.cost.clicks)
                ),
            })
        };
        self.boards.iter().filter_map(board).take(6).collect()
    }

    fn measured(&self, behind: Behind<'_>) -> Markup {
        let json = serde_json::to_vec_pretty(self).expect("invariant: boards are plain values");
        Measured {
            facts: &[
                ("Boards", self.boards.len().to_string()),
                ("Shillproof", Versions::current().shillproof),
            ],
            protocol: "All attacks of a board have the same data, victim, targets, number of fake users, fillers and knowledge, and are \
                measured over the same targets and trainings. Intervals are 95 % bootstrap intervals over targets and repeats.",
            datasets: behind.datasets,
            notes: &[],
            more: html! {},
            sources: &[
                ("The command that repeats it", behind.command),
                ("The experiment, with every default written out", behind.experiment),
            ],
            files: &[
                Download { name: "leaderboard.json".into(), media: "application/json", bytes: json },
                Download::text("experiment.toml", "application/toml", behind.experiment),
            ],
        }
        .markup()
    }
}

impl Board {
    /// What tells the board from others, in words.
    fn name(&self) -> String {
        let t = &self.terms;
        format!("{} with {}, {} targets, {} fake users", t.dataset, t.victim, t.targets, t.fake_users)
    }

    /// Those on the first place.
    fn first(&self) -> impl Iterator<Item = &Standing> {
        self.attacks.iter().filter(|standing| standing.place == 1)
    }

    fn markup(&self) -> Markup {
        let groups = self.attacks.iter().map(|s| Strip {
            name: s.attack.clone(),
            values: s
                .per_target
                .iter()
                .map(|(target, hit)| (*hit, format!("{target}: {}", number(*hit))))
                .collect(),
            mean: Some((s.hit_ratio.mean, s.hit_ratio.ci95)),
        });
        let chart = StripChart {
            title: "Attacks, strongest first",
            x_title: "hit ratio, share of users",
            unit: "target",
            groups: groups.collect(),
        };
        html! {
            (strips("Each mark is one target.", &[chart]))
            (self.attack_table())
            (self.defense_table())
            (self.detector_table())
        }
    }

    fn attack_table(&self) -> Markup {
        let columns = [
            Column::number("Place"),
            Column::text("Attack"),
            Column::number("Hit ratio [95 %]"),
            Column::number("n"),
            Column::number("Over no attack [95 %]"),
            Column::number("p to the place above (Holm)"),
            Column::number("Fake users"),
            Column::number("Interactions"),
            Column::number("Trainings of copies"),
            Column::number("Queries"),
            Column::number("Crafting"),
        ];
        let rows = self.attacks.iter().map(|s| {
            let gain = s.gain.as_ref().map_or_else(Data::gap, |gain| shown(&gain.difference));
            let amount = |x: f64| Data::number(x, number(x));
            vec![
                Data::count(s.place),
                Data::text(&s.attack),
                shown(&s.hit_ratio),
                Data::count(s.hit_ratio.n),
                gain,
                s.p_holm.map_or_else(Data::gap, |p| Data::number(p, number(p))),
                amount(s.cost.fake_users),
                amount(s.cost.clicks),
                amount(s.cost.trainings),
                amount(s.cost.queries),
                Data::number(s.cost.seconds, seconds(s.cost.seconds)),
            ]
        });
        table(&columns, &rows.collect::<Vec<_>>())
    }

    fn defense_table(&self) -> Markup {
        if self.defenses.len() < 2 {
            return html! {};
        }
        let columns = [
            Column::text("Defense"),
            Column::text("Worst attack"),
            Column::number("Hit ratio [95 %]"),
            Column::number("NDCG without attack"),
        ];
        let rows = self.defenses.iter().map(|g| {
            vec![
                Data::text(&g.defense),
                Data::text(&g.worst),
                shown(&g.hit_ratio),
                g.ndcg.as_ref().map_or_else(Data::gap, shown),
            ]
        });
        table(&columns, &rows.collect::<Vec<_>>())
    }

    fn detector_table(&self) -> Markup {
        if self.detectors.is_empty() {
            return html! {};
        }
        let columns = [
            Column::text("Detector"),
            Column::text("Finds least of"),
            Column::number("Caught of it at 1 % false alarms"),
            Column::number("Mean AUROC"),
        ];
        let rows = self.detectors.iter().map(|w| {
            let auroc = w.auroc.map_or_else(Data::gap, |auroc| Data::number(auroc, number(auroc)));
            vec![Data::text(&w.detector), Data::text(&w.worst), shown(&w.recall), auroc]
        });
        table(&columns, &rows.collect::<Vec<_>>())
    }
}

fn shown(summary: &Summary) -> Data {
    Data::interval(summary.mean, summary.ci95)
}
