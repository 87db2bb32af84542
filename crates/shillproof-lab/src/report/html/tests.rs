use super::*;

fn chart() -> CurveChart<'static> {
    let curve = |name: &str, ys: &[f64]| Curve {
        name: name.into(),
        points: [0.3, 0.5, 1.0, 3.0, 5.0]
            .into_iter()
            .zip(ys)
            .map(|(x, &y)| Point { x, y, ci95: Some([y * 0.7, y * 1.2]), n: 10, x_label: format!("{x} %") })
            .collect(),
    };
    CurveChart {
        title: "A <title>",
        x_title: "fake users, % of genuine users",
        y_title: "hit ratio",
        log_x: true,
        curves: vec![
            curve("random", &[0.001, 0.002, 0.003, 0.01, 0.02]),
            curve("average", &[0.0, 0.01, 0.04, 0.2, 0.4]),
        ],
        level: Some(Level { name: "no attack".into(), y: 0.0005 }),
    }
}

#[test]
fn every_point_of_a_chart_can_be_read_and_no_fixed_color_is_left() {
    let text = curve_chart(&chart()).into_string();
    assert_eq!(text.matches("class=\"mark\"").count(), 10);
    assert!(text.contains("random, 0.3 %: 0.00100 [0.00070, 0.00120], n = 10"), "{text}");
    assert!(!text.contains("#01"), "a stand-in color is left");
    assert!(text.contains("A &lt;title&gt;") && !text.contains("A <title>"));
    assert!(!text.contains("NaN"));
    for tick in ["0.3", "0.5", "1", "3", "5"] {
        assert!(text.contains(&format!("\n{tick}\n</text>")), "the axis names the measured sizes: {tick}");
    }
    assert!(text.contains("(n = 10)"));
    assert_eq!(text.matches("tabindex=\"0\"").count(), 2, "one stop for all marks, and one for the table");
    assert!(
        text.contains("<details>") && text.matches("<td>random</td>").count() == 5,
        "the table has every point"
    );
}

#[test]
fn charts_without_points_are_left_out_and_a_single_point_is_drawn() {
    let mut one = chart();
    for curve in &mut one.curves {
        curve.points.truncate(1);
        curve.points[0].x = 0.0;
    }
    assert_eq!(curve_chart(&one).into_string(), "", "0 has no place on a logarithmic axis");
    one.log_x = false;
    assert_eq!(curve_chart(&one).into_string().matches("class=\"mark\"").count(), 2);
}

#[test]
fn pages_stand_alone_and_escape_what_they_show() {
    let rows = vec![vec![Data::text("<b>"), Data::number(0.5, "0.5")], vec![Data::text("x"), Data::gap()]];
    let body = table(&[Column::text("name"), Column::number("hit ratio")], &rows);
    let sections = [
        Section { id: "numbers", title: "Numbers".into(), body },
        Section { id: "nothing", title: "Nothing".into(), body: html! {} },
    ];
    let text = page("Report & more", &html! {}, &sections);
    assert!(text.contains("id=\"numbers\"") && !text.contains("nothing"), "an empty part is left out");
    assert!(text.starts_with("<!DOCTYPE html>") && text.contains("Report &amp; more"));
    assert!(text.contains("&lt;b&gt;") && text.contains("data-sort=\"0.5\""));
    for outside in ["http:", "https:", "src=", "@import", "url("] {
        assert!(!text.contains(outside), "{outside}");
    }
}

#[test]
fn files_are_packed_into_the_page_and_come_out_as_they_were() {
    use base64::Engine;
    use std::io::Read;
    let text = "a,b\n1,<2>\n".repeat(500);
    let shown = downloads(&[Download::text("rows.csv", "text/csv", text.clone())]).into_string();
    let packed = shown.split("data-gzip=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(packed.len() < text.len() / 10, "{} bytes", packed.len());
    let bytes = base64::engine::general_purpose::STANDARD.decode(packed).unwrap();
    let mut back = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut back).unwrap();
    assert_eq!(back, text);
    assert_eq!(downloads(&[]).into_string(), "");
}
