//! The page of a run.

mod caught;
mod curves;
mod learning;
mod numbers;

use maud::{Markup, html};

use super::export::{Settings, csv, json};
use super::html::{Download, Section, number, page, percent, seconds, with_interval};
use super::part::measured::Measured;
use super::part::verdict::{Headline, verdict};
use super::{Report, ReportError, Row, Setting};

/// The whole page.
pub(super) fn html(report: &Report) -> Result<String, ReportError> {
    let view = View::of(report);
    let title = match &report.datasets[..] {
        [data] => format!("Experiment on {}", data.name),
        several => format!("Experiment on {} data sets", several.len()),
    };
    let part = |id, title: &str, body| Section { id, title: title.into(), body };
    let sections = [
        part("curves", "How far each attack gets", view.curves()),
        part("price", "What a reach costs", view.prices()),
        part("weak", "Who is weak", view.weak()),
        part("caught", "What would have caught it", view.caught()),
        part("defenses", "What defenses leave", view.guards()),
        part("learning", "How attacks learned", view.learning()),
        part("numbers", "All numbers", view.numbers()),
        part("unsettled", "Skipped and failed cells", view.unsettled()),
        part("measured", "How this was measured", view.measured()?),
    ];
    let notes: Vec<String> =
        report.notes.iter().map(|(note, cells)| format!("{note} ({cells} cells)")).collect();
    let lead = verdict(&view.sentence(), &view.headlines(), &notes);
    Ok(page(&title, &lead, &sections))
}

/// A report, and what all parts of its page look at.
pub(super) struct View<'a> {
    report: &'a Report,
    settings: Settings,
    /// Hit ratios at the shortest list.
    hits: Vec<&'a Row>,
    /// Of these the attack that gained most on no attack, without a defense.
    strongest: Option<&'a Row>,
}

impl<'a> View<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let all = || report.rows.iter().filter(|r| r.metric == "hit_ratio");
        let k = all().filter_map(|r| r.k).min();
        let hits: Vec<&Row> = all().filter(|r| r.k == k).collect();
        let gain = |row: &&&Row| match &row.to_none {
            Some(change) => change.difference.mean.abs(),
            None => row.value.mean,
        };
        let attacked = hits.iter().filter(|r| !r.is_clean() && r.setting.defense == "none");
        let strongest = attacked.max_by(|a, b| gain(a).total_cmp(&gain(b))).copied();
        Self { report, settings: Settings::of(report), hits, strongest }
    }

    /// What tells this setting from others, but for what is the attacker's: `als, unpopular:5`.
    fn context(&self, setting: &Setting) -> Vec<String> {
        let fields = setting.fields();
        let own = |name: &&String| !ATTACKER.contains(&name.as_str());
        let value =
            |name: &String| fields.iter().find(|(n, _)| n == name).map(|(_, v)| super::export::plain(v));
        self.settings.varying.iter().filter(own).filter_map(value).collect()
    }

    /// Names of what [`View::context`] says.
    fn context_names(&self) -> Vec<&str> {
        self.settings.varying.iter().map(String::as_str).filter(|name| !ATTACKER.contains(name)).collect()
    }

    /// Fake users of this setting as a share of its genuine users.
    fn share(&self, setting: &Setting) -> f64 {
        let data = self.report.datasets.iter().find(|d| d.checksum == setting.checksum);
        data.map_or(0.0, |d| setting.fake_users as f64 / d.users.max(1) as f64)
    }

    fn fake_users(&self, setting: &Setting) -> String {
        let users = if setting.fake_users == 1 { "fake user" } else { "fake users" };
        format!("{} {users} ({})", setting.fake_users, percent(self.share(setting)))
    }

    fn sentence(&self) -> String {
        let report = self.report;
        let cells = format!("{} of {} cells were measured", report.done, report.cells);
        let Some(row) = self.strongest else {
            return format!("{cells}; no attack with a hit ratio is among them.");
        };
        let s = &row.setting;
        let clean = row.to_none.as_ref().map(|change| row.value.mean - change.difference.mean);
        let from = clean.map_or_else(String::new, |clean| format!(" from {}", percent(clean)));
        let what = if s.objective == "demote" { "take" } else { "bring" };
        let noise = row.to_none.as_ref().and_then(|change| change.difference.ci95);
        let noise = match noise {
            Some([low, high]) if low > 0.0 || high < 0.0 => "",
            _ => "; that is not more than chance can do at this n",
        };
        format!(
            "{} {what} the targets ({}){from} to {} of the users' top {} ({} attack on {}, {}){noise}.",
            self.fake_users(s),
            s.targets,
            percent(row.value.mean),
            row.k.unwrap_or_default(),
            s.attack,
            s.victim,
            s.dataset
        )
    }

    fn headlines(&self) -> Vec<Headline> {
        let report = self.report;
        let mut headlines = Vec::new();
        if let Some(row) = self.strongest {
            headlines.push(Headline {
                label: "Furthest",
                value: row.setting.attack.clone(),
                detail: format!(
                    "{} {}, n = {}{}",
                    row.metric_at_k(),
                    with_interval(row.value.mean, row.value.ci95),
                    row.value.n,
                    row.to_none
                        .as_ref()
                        .and_then(|c| c.t_test)
                        .map_or_else(String::new, |t| format!("; against no attack p = {}", number(t.p)))
                ),
            });
            headlines.extend(self.best_catch(&row.setting));
        }
        headlines.push(Headline {
            label: "Measured",
            value: format!("{} of {} cells", report.done, report.cells),
            detail: format!(
                "{} of computing{}",
                seconds(report.seconds),
                if report.unsettled.is_empty() {
                    String::new()
                } else {
                    format!("; {} skipped or failed, listed below", report.unsettled.len())
                }
            ),
        });
        headlines
    }

    fn measured(&self) -> Result<Markup, ReportError> {
        let report = self.report;
        let mut facts: Vec<(&str, String)> = self
            .settings
            .common
            .iter()
            .filter(|(name, _)| name != "checksum")
            .map(|(n, v)| (n.as_str(), v.clone()))
            .collect();
        facts.push((
            "shillproof",
            report.versions.iter().map(|v| v.shillproof.clone()).collect::<Vec<_>>().join(", "),
        ));
        facts.push((
            "format of records",
            report.versions.iter().map(|v| v.format.to_string()).collect::<Vec<_>>().join(", "),
        ));
        let mut files = vec![
            Download { name: "report.json".into(), media: "application/json", bytes: json(report)? },
            Download { name: "rows.csv".into(), media: "text/csv", bytes: csv(report)? },
        ];
        let mut sources = Vec::new();
        if let Some(spec) = &report.spec {
            files.push(Download::text("experiment.toml", "application/toml", spec.clone()));
            sources.push(("The experiment, with every default written out", spec.as_str()));
            sources.push(("The command that repeats it", "shillproof run experiment.toml --out results"));
        }
        Ok(Measured {
            facts: &facts,
            protocol: "An attack sees the training part of the data, or what its knowledge leaves of it, and nothing that is held out. Items \
                that a user has in the training part are masked from the lists; users who have the target stay in the denominator. Clean and \
                attacked trainings share their seeds. Intervals are 95 % bootstrap intervals over targets and repeats.",
            datasets: &report.datasets,
            notes: &[],
            more: html! {},
            sources: &sources,
            files: &files,
        }
        .markup())
    }
}

/// Settings that are the attacker's and not the situation's.
const ATTACKER: [&str; 8] = [
    "attack",
    "size",
    "fake_users",
    "profile_size",
    "knowledge",
    "black_box",
    "surrogate",
    "targets_clicked",
];
