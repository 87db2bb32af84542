//! A report to paste into a text.

use super::export::{Settings, plain};
use super::html::{number, with_interval};
use super::{Report, Setting};

/// What varies as columns of tables, the rest above them.
pub(super) fn markdown(report: &Report) -> String {
    let settings = Settings::of(report);
    let mut out = vec!["# Experiment\n".to_owned()];
    out.extend(report.datasets.iter().map(|d| {
        let counts = format!("{} users, {} items, {} interactions", d.users, d.items, d.interactions);
        format!("- {}: {counts} (`{}`)", d.name, d.checksum)
    }));
    let common = settings.common.iter().filter(|(name, _)| name != "checksum" && name != "dataset");
    out.extend(common.map(|(name, value)| format!("- {name}: {value}")));
    out.push(format!("- cells: {} of {} measured\n", report.done, report.cells));
    numbers(report, &settings, &mut out);
    if !report.unsettled.is_empty() {
        out.push("\n## Skipped and failed cells\n".into());
        unsettled(report, &settings, &mut out);
    }
    if !report.notes.is_empty() {
        out.push("\n## Notes\n".into());
        out.extend(report.notes.iter().map(|(note, cells)| format!("- {note} ({cells} cells)")));
    }
    out.join("\n") + "\n"
}

fn numbers(report: &Report, settings: &Settings, out: &mut Vec<String>) {
    heading(settings, &["metric", "mean [95 % interval]", "n", "minus `none`", "p"], out);
    out.extend(report.rows.iter().map(|row| {
        let difference = row.to_none.as_ref();
        let mut cells = varying(&row.setting, settings);
        cells.extend([
            row.metric_at_k(),
            with_interval(row.value.mean, row.value.ci95),
            row.value.n.to_string(),
            difference.map_or_else(String::new, |c| with_interval(c.difference.mean, c.difference.ci95)),
            difference.and_then(|c| c.t_test).map_or_else(String::new, |t| number(t.p)),
        ]);
        line(&cells)
    }));
}

fn unsettled(report: &Report, settings: &Settings, out: &mut Vec<String>) {
    heading(settings, &["target", "repeat", "status", "reason", "key"], out);
    out.extend(report.unsettled.iter().map(|cell| {
        let mut cells = varying(&cell.setting, settings);
        cells.extend([
            cell.target.map_or_else(|| "all".into(), |t| (t + 1).to_string()),
            cell.repeat.to_string(),
            cell.status.to_owned(),
            cell.reason.clone(),
            format!("`{}`", cell.key),
        ]);
        line(&cells)
    }));
}

fn heading(settings: &Settings, more: &[&str], out: &mut Vec<String>) {
    let cells: Vec<String> =
        settings.varying.iter().cloned().chain(more.iter().map(|m| (*m).to_owned())).collect();
    out.push(line(&cells));
    out.push(line(&vec!["---".to_owned(); cells.len()]));
}

fn varying(setting: &Setting, settings: &Settings) -> Vec<String> {
    let fields = setting.fields();
    let value = |name: &String| fields.iter().find(|(field, _)| field == name).map(|(_, value)| plain(value));
    settings.varying.iter().filter_map(value).collect()
}

fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|c| c.replace('|', "\\|").replace('\n', " ")).collect();
    format!("| {} |", cells.join(" | "))
}
