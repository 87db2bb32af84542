use shillproof_defenses::DefenseSpec;

use super::*;
use crate::plan::PlannedCell;
use crate::plan::tests::{grid, plan, record};
use crate::store::{Record, Status};

/// Hit ratio of a cell: 0.02 a target's place, a little for the repeat, and for attacks 0.1 a percent of fakes.
fn hit_ratio(planned: &PlannedCell) -> f64 {
    let cell = &planned.cell;
    let target = cell.threat.target.unwrap_or(0) as f64;
    let fakes = cell.fake_users(planned.data.users) as f64 / planned.data.users as f64;
    let strength = if cell.attack_name() == "average" { 20.0 } else { 10.0 };
    0.02 * target + 0.005 * cell.repeat as f64 + strength * fakes / (1.0 + strength * fakes)
}

fn records() -> Vec<Record> {
    grid().cells.iter().map(|cell| record(cell, hit_ratio(cell))).collect()
}

fn report() -> Report {
    let mut records = records();
    let last = records.len() - 1;
    records[last].status = Status::Failed { error: "out | of <memory>".into() };
    records[last - 1].status = Status::Skipped { reason: "no form for this objective".into() };
    if let Status::Done { notes, .. } = &mut records[0].status {
        notes.push("target t0 was popular already".into());
    }
    Report::of(&records, Some("seed = 7\n".into())).unwrap()
}

#[test]
fn rows_are_means_over_targets_and_repeats_with_the_paired_difference_to_none() {
    let report = Report::of(&records(), None).unwrap();
    let rows: Vec<&Row> = report.rows.iter().filter(|row| row.metric == "hit_ratio").collect();
    assert_eq!(rows.len(), 5, "none, and two attacks at two sizes");
    let clean = rows[0];
    assert!(clean.is_clean() && clean.to_none.is_none());
    assert!((clean.value.mean - 0.0225).abs() < 1e-12, "{}", clean.value.mean);
    assert_eq!(clean.value.n, 6);
    let average = rows[1];
    assert_eq!((average.setting.attack.as_str(), average.setting.size.as_str()), ("average", "1%"));
    assert_eq!(average.setting.fake_users, 2);
    let expected = 0.2 / 1.2;
    assert!((average.value.mean - 0.0225 - expected).abs() < 1e-12);
    let comparison = average.to_none.as_ref().unwrap();
    assert!((comparison.difference.mean - expected).abs() < 1e-12);
    assert_eq!((comparison.difference.n, comparison.unmatched), (6, 0));
    let [lo, hi] = comparison.difference.ci95.unwrap();
    assert!(hi - lo < 1e-9, "targets differ, the pairs do not");
}

#[test]
fn all_targets_together_have_a_spread_an_uplift_and_a_count_of_the_promoted() {
    let report = Report::of(&records(), None).unwrap();
    let of = |attack: &str, metric: &str| {
        let row = report.rows.iter().find(|row| row.setting.attack == attack && row.metric == metric);
        row.map(|row| (row.value.mean, row.value.n))
    };
    // Three targets 0.02 apart.
    let (spread, n) = of("none", "std_over_targets/population").unwrap();
    assert!((spread - 0.02 * (2.0f64 / 3.0).sqrt()).abs() < 1e-12 && n == 3);
    assert!((of("none", "std_over_targets/sample").unwrap().0 - 0.02).abs() < 1e-12);
    assert_eq!(of("average", "promoted_targets"), Some((3.0, 3)));
    let (factor, increase) =
        (of("average", "uplift/factor").unwrap().0, of("average", "uplift/increase").unwrap().0);
    assert!((factor - (0.0225 + 0.2 / 1.2) / 0.0225).abs() < 1e-9);
    assert!((factor - increase - 1.0).abs() < 1e-12);
    assert_eq!(of("none", "uplift/factor"), None, "there is nothing to compare the reference with");
}

#[test]
fn every_cell_is_in_the_report_whatever_became_of_it() {
    let report = report();
    assert_eq!((report.cells, report.done, report.unsettled.len()), (30, 28, 2));
    let statuses: Vec<_> = report.unsettled.iter().map(|c| c.status).collect();
    assert!(statuses.contains(&"failed") && statuses.contains(&"skipped"));
    for format in [Format::Html, Format::Markdown, Format::Csv, Format::Json] {
        let text = String::from_utf8(report.write(format).unwrap()).unwrap();
        assert!(text.contains("no form for this objective"), "{format}");
        assert!(text.contains(report.unsettled[0].key.as_str()), "{format}");
    }
    assert!(matches!(Report::of(&[], None), Err(ReportError::Empty)));
}

#[test]
fn csv_is_tidy_and_reads_back_to_the_same_numbers() {
    let report = report();
    let bytes = report.write(Format::Csv).unwrap();
    let mut reader = csv::Reader::from_reader(&bytes[..]);
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|h| h == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), report.rows.len() + report.unsettled.len());
    for (row, line) in report.rows.iter().zip(&rows) {
        assert_eq!(line[at("mean")].parse::<f64>().unwrap(), row.value.mean);
        assert_eq!(line[at("attack")], row.setting.attack);
        assert_eq!(&line[at("status")], "done");
    }
    assert_eq!(&rows[rows.len() - 1][at("mean")], "");
}

#[test]
fn markdown_says_once_what_all_rows_share() {
    let text = String::from_utf8(report().write(Format::Markdown).unwrap()).unwrap();
    assert_eq!(text.matches("random:3").count(), 1, "{text}");
    assert!(
        text.contains("| attack | size | metric | mean [95 % interval] | n | minus `none` | p |"),
        "{text}"
    );
    assert!(text.contains("out \\| of <memory>"), "a bar in a reason does not break the table");
    assert!(text.contains("target t0 was popular already (1 cells)"));
}

#[test]
fn the_page_has_a_curve_and_prices_where_sizes_vary_and_escapes_reasons() {
    let text = String::from_utf8(report().write(Format::Html).unwrap()).unwrap();
    let part = |id: &str| {
        let from = text.split(&format!("<section id=\"{id}\"")).nth(1).unwrap_or_default();
        from.split("</section>").next().unwrap_or_default().to_owned()
    };
    assert_eq!(part("curves").matches("<figure>").count(), 1);
    assert_eq!(part("curves").matches("class=\"mark\"").count(), 4, "two attacks at two sizes");
    assert_eq!(part("weak").matches("class=\"mark\"").count(), 9, "three targets, two attacks and none");
    assert!(part("price").contains("2 fake users (1 %)"), "{}", part("price"));
    assert!(part("unsettled").contains("of &lt;memory&gt;") && !text.contains("<memory>"));
    assert!(part("measured").contains("seed = 7"));
    assert!(part("curves").contains("random, 2 fake users (1 %)"));
    assert_eq!((part("caught"), part("defenses")), (String::new(), String::new()), "nobody was asked");
    assert!(text.contains("28 of 30 cells"), "the verdict says what is missing");

    let one_size = "dataset = { demo = {} }\nvictim = \"popularity\"\nattack = [\"none\", \"random\"]";
    let records: Vec<Record> = plan(one_size).cells.iter().map(|c| record(c, 0.5)).collect();
    let text = String::from_utf8(Report::of(&records, None).unwrap().write(Format::Html).unwrap()).unwrap();
    assert!(!text.contains("id=\"curves\"") && !text.contains("id=\"price\""), "one size is no curve");
}

#[test]
fn what_an_attack_reports_of_its_course_is_drawn() {
    let mut records = records();
    let attacked = records.iter_mut().filter(|r| r.cell.attack_name() == "random");
    for record in attacked {
        if let Status::Done { curves, .. } = &mut record.status {
            curves.insert("reward".into(), vec![0.0, 0.25, 0.5]);
        }
    }
    let report = Report::of(&records, None).unwrap();
    assert_eq!(report.courses.len(), 12, "three targets, two repeats, two sizes");
    let text = String::from_utf8(report.write(Format::Html).unwrap()).unwrap();
    let part = text.split("<section id=\"learning\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert_eq!(part.matches("class=\"mark\"").count(), 6, "two settings, three steps: {part}");
    assert!(part.contains("random, 1%, 100 %: 0.500"), "{part}");
}

#[test]
fn a_defense_is_compared_with_the_same_trials_without_it() {
    let spec = "seed = 7\ndataset = { demo = {} }\nvictim = \"popularity\"\nattack = [\"none\", \"random\"]\n\
                defense = [\"none\", { remove-flagged = { detector = { pca = {} } } }]";
    let value = |cell: &PlannedCell| if cell.cell.defense == DefenseSpec::default() { 0.5 } else { 0.125 };
    let records: Vec<Record> = plan(spec).cells.iter().map(|c| record(c, value(c))).collect();
    let report = Report::of(&records, None).unwrap();
    let compared: Vec<f64> =
        report.rows.iter().filter_map(|r| Some(r.to_undefended.as_ref()?.difference.mean)).collect();
    assert!(!compared.is_empty() && compared.iter().all(|c| (c + 0.375).abs() < 1e-12), "{compared:?}");
    let text = String::from_utf8(report.write(Format::Html).unwrap()).unwrap();
    assert!(
        text.contains("Who knows remove-flagged"),
        "the page says what an informed attacker is left with"
    );
}

#[test]
fn an_experiment_that_came_to_measure_more_is_still_one_experiment() {
    let more = "seed = 7\ndataset = { demo = {} }\nvictim = \"popularity\"\nattack = [\"none\", \"random\"]\n[measure]\nhit_ratio = ";
    let cells = |lengths: &str| plan(&format!("{more}{lengths}")).cells;
    let (few, many) = (cells("[10]"), cells("[10, 50]"));
    assert!(few.iter().all(|a| many.iter().all(|b| a.key != b.key)));
    let records = |n: f64| {
        few.iter().map(|c| record(c, 0.5)).chain(many.iter().map(|c| record(c, n))).collect::<Vec<_>>()
    };
    let report = Report::of(&records(0.5), None).unwrap();
    let rows = report.rows.iter().filter(|row| row.metric == "hit_ratio").count();
    assert_eq!(rows, 2, "the same number twice is one number");
    let error = Report::of(&records(0.6), None).unwrap_err();
    assert!(
        matches!(error, ReportError::Grouping { .. }) && error.hint().is_some(),
        "two numbers for one thing are an error"
    );
    let sampled = plan(&format!("{more}[10]\nsampled = 99")).cells;
    let both: Vec<Record> =
        few.iter().map(|c| record(c, 0.5)).chain(sampled.iter().map(|c| record(c, 0.6))).collect();
    let report = Report::of(&both, None).unwrap();
    let hit_ratios = report.rows.iter().filter(|row| row.metric == "hit_ratio");
    let protocols: Vec<_> = hit_ratios.map(|row| row.setting.protocol.as_str()).collect();
    assert_eq!(protocols, ["default", "sampled=99", "default", "sampled=99"]);
}

#[test]
fn formats_by_name() {
    for format in [Format::Html, Format::Markdown, Format::Csv, Format::Json, Format::Parquet] {
        assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
    }
    assert!(matches!("pdf".parse::<Format>(), Err(ReportError::UnknownFormat(_))));
}

#[cfg(not(feature = "parquet"))]
#[test]
fn parquet_says_when_it_was_left_out() {
    let error = report().write(Format::Parquet).unwrap_err();
    assert!(error.hint().unwrap().contains("--features parquet"));
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_reads_back_to_the_same_numbers() {
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::{Field, Row as ParquetRow, RowAccessor};
    let is_gap =
        |row: &ParquetRow, at: usize| row.get_column_iter().nth(at).is_some_and(|(_, f)| *f == Field::Null);
    let report = report();
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &report.write(Format::Parquet).unwrap()).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let columns = reader.metadata().file_metadata().schema_descr().columns().to_vec();
    let at = |name: &str| columns.iter().position(|c| c.name() == name).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), report.rows.len() + report.unsettled.len());
    for (row, ours) in rows.iter().zip(&report.rows) {
        assert_eq!(row.get_double(at("mean")).unwrap(), ours.value.mean);
        assert_eq!(row.get_string(at("attack")).unwrap(), &ours.setting.attack);
        assert_eq!(row.get_long(at("fake_users")).unwrap(), ours.setting.fake_users as i64);
        assert!(row.get_bool(at("each")).unwrap());
    }
    assert!(is_gap(&rows[rows.len() - 1], at("mean")));
}
