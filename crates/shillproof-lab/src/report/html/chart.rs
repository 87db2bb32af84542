//! Curves with bands as SVG inside the page.

use maud::{Markup, html};
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

use super::figure::{COLORS, Figure, Mark, color, marks};
use super::number::{number, with_interval};
use super::table::{Column, Data};

/// Curves over one axis.
#[derive(Clone, Debug, PartialEq)]
pub struct CurveChart<'a> {
    /// What the chart shows; also its name for screen readers.
    pub title: &'a str,
    /// Title of the horizontal axis, with its unit.
    pub x_title: &'a str,
    /// Title of the vertical axis, with its unit.
    pub y_title: &'a str,
    /// Logarithmic horizontal axis; points at 0 or below are left out.
    pub log_x: bool,
    /// Told apart by color and dashes.
    pub curves: Vec<Curve>,
    /// A level to compare with, such as that without attack.
    pub level: Option<Level>,
}

/// One curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// What the legend calls it.
    pub name: String,
    /// From left to right.
    pub points: Vec<Point>,
}

/// One measured point.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Where.
    pub x: f64,
    /// Mean.
    pub y: f64,
    /// Its 95 % interval: the band.
    pub ci95: Option<[f64; 2]>,
    /// Number of values behind the mean.
    pub n: usize,
    /// How `x` is read out, such as `1 % (9 fake users)`.
    pub x_label: String,
}

/// A horizontal line.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// What the legend calls it.
    pub name: String,
    /// Where.
    pub y: f64,
}

const SIZE: (u32, u32) = (520, 350);
const DASHES: [&str; 4] = ["", "7 4", "2 3", "10 3 2 3"];

// Colors that stand for the page's own, which differ between light and dark.
const INK: RGBColor = RGBColor(1, 2, 3);
const GRID: RGBColor = RGBColor(1, 2, 4);
const LEVEL: RGBColor = RGBColor(1, 2, 5);

fn stand_in(curve: usize) -> RGBColor {
    RGBColor(1, 3, curve as u8)
}

/// Colors come back after [`COLORS`] curves, with other dashes.
fn dash(curve: usize) -> &'static str {
    DASHES[(curve + curve / COLORS) % DASHES.len()]
}

/// The chart with its legend and its table, as a figure whose points can be pointed at or reached by keyboard.
/// Nothing where there is no point.
pub fn curve_chart(chart: &CurveChart<'_>) -> Markup {
    let mut chart = chart.clone();
    for curve in &mut chart.curves {
        curve.points.retain(|p| p.x.is_finite() && p.y.is_finite() && (!chart.log_x || p.x > 0.0));
    }
    chart.curves.retain(|curve| !curve.points.is_empty());
    chart.curves.truncate(usize::from(u8::MAX));
    if chart.curves.is_empty() {
        return html! {};
    }
    let mut legend: Vec<Markup> = Vec::new();
    for (c, curve) in chart.curves.iter().enumerate() {
        legend.push(html! {
            (swatch(&color(c), dash(c))) (curve.name) span.soft { " (n = " (behind(curve)) ")" }
        });
    }
    legend.extend(chart.level.iter().map(|level| html! { (swatch("var(--soft)", "1 4")) (level.name) }));
    let mean = format!("{} [95 %]", chart.y_title);
    Figure {
        title: chart.title,
        svg: svg(&chart),
        legend,
        columns: vec![
            Column::text("curve"),
            Column::number("at"),
            Column::number(&mean),
            Column::number("n"),
        ],
        rows: chart.curves.iter().flat_map(|curve| curve.points.iter().map(|p| row(curve, p))).collect(),
    }
    .markup()
}

fn row(curve: &Curve, point: &Point) -> Vec<Data> {
    vec![
        Data::text(&curve.name),
        Data::number(point.x, &point.x_label),
        Data::interval(point.y, point.ci95),
        Data::count(point.n),
    ]
}

/// Values behind the points of a curve: `30`, or `24 to 30`.
fn behind(curve: &Curve) -> String {
    let counts = || curve.points.iter().map(|p| p.n);
    match (counts().min(), counts().max()) {
        (Some(least), Some(most)) if least < most => format!("{least} to {most}"),
        (Some(n), _) => n.to_string(),
        _ => "0".into(),
    }
}

fn swatch(color: &str, dash: &str) -> Markup {
    html! {
        svg viewBox="0 0 34 12" aria-hidden="true" {
            line x1="0" y1="6" x2="34" y2="6" stroke=(color) stroke-width="2.5" stroke-dasharray=(dash) {}
        }
    }
}

fn svg(chart: &CurveChart<'_>) -> String {
    let points = || chart.curves.iter().flat_map(|c| &c.points);
    let (mut x_min, mut x_max) = ends(points().map(|p| p.x));
    let levels = chart.level.iter().map(|l| l.y);
    let bands = points().flat_map(|p| p.ci95.into_iter().flatten());
    let (mut y_min, mut y_max) = ends(points().map(|p| p.y).chain(levels).chain(bands));
    // Shares and other quantities that cannot be negative start at 0.
    y_min = if y_min >= 0.0 { 0.0 } else { y_min - 0.06 * (y_max - y_min) };
    y_max += if y_max > y_min { 0.08 * (y_max - y_min) } else { 1.0 };
    let drawn = if chart.log_x {
        (x_min, x_max) = (x_min / 1.15, x_max * 1.15);
        let ticks = ticks(points().map(|p| p.x), (x_max / x_min).ln());
        draw(chart, (x_min..x_max).log_scale().with_key_points(ticks), y_min..y_max)
    } else {
        let margin = if x_max > x_min { 0.03 * (x_max - x_min) } else { 0.5 };
        (x_min, x_max) = (x_min - margin, x_max + margin);
        draw(chart, x_min..x_max, y_min..y_max)
    };
    let (text, marks) = drawn.expect("invariant: writing SVG into memory does not fail");
    themed(text, chart, &marks)
}

fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)))
}

/// Labels of a logarithmic axis: the measured places, without those too near the one before to be read.
fn ticks(xs: impl Iterator<Item = f64>, width: f64) -> Vec<f64> {
    let mut xs: Vec<f64> = xs.collect();
    xs.sort_by(f64::total_cmp);
    let mut ticks: Vec<f64> = Vec::new();
    for x in xs {
        if ticks.last().is_none_or(|last| (x / last).ln() > width / 12.0) {
            ticks.push(x);
        }
    }
    ticks
}

/// Pixel of every point, with its curve.
type Marks = Vec<(usize, (i32, i32))>;

fn draw<X>(
    chart: &CurveChart<'_>,
    x_range: X,
    y_range: std::ops::Range<f64>,
) -> Result<(String, Marks), Box<dyn std::error::Error>>
where
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64> + Ranged<ValueType = f64>,
{
    let mut text = String::new();
    let mut marks = Vec::new();
    {
        let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        let bottom = y_range.start;
        let mut axes = ChartBuilder::on(&root)
            .margin(6)
            .margin_right(14)
            .x_label_area_size(50)
            .y_label_area_size(64)
            .build_cartesian_2d::<X, std::ops::Range<f64>>(x_range, y_range)?;
        let font = ("sans-serif", 15).into_font().color(&INK);
        axes.configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .x_labels(6)
            .y_labels(6)
            .x_label_formatter(&|x| number(*x))
            .y_label_formatter(&|y| number((y * 1e9).round() / 1e9))
            .label_style(font.clone())
            .axis_desc_style(font)
            .x_desc(chart.x_title)
            .y_desc(chart.y_title)
            .draw()?;
        if let Some(level) = &chart.level {
            let ends = [axes.x_range().start, axes.x_range().end].map(|x| (x, level.y));
            axes.draw_series([PathElement::new(ends.to_vec(), LEVEL.stroke_width(2))])?;
        }
        for (c, curve) in chart.curves.iter().enumerate() {
            let bands: Vec<_> = curve.points.iter().filter_map(|p| Some((p.x, p.ci95?))).collect();
            let upper = bands.iter().map(|(x, [_, hi])| (*x, *hi));
            let lower = bands.iter().rev().map(|(x, [lo, _])| (*x, lo.max(bottom)));
            let outline: Vec<_> = upper.chain(lower).collect();
            if bands.len() > 1 {
                axes.draw_series([Polygon::new(outline, stand_in(c).mix(0.14))])?;
            } else if let [end, start] = outline[..] {
                axes.draw_series([PathElement::new(vec![start, end], stand_in(c).stroke_width(1))])?;
            }
        }
        for (c, curve) in chart.curves.iter().enumerate() {
            let line: Vec<_> = curve.points.iter().map(|p| (p.x, p.y)).collect();
            marks.extend(line.iter().map(|at| (c, axes.backend_coord(at))));
            axes.draw_series([PathElement::new(line, stand_in(c).stroke_width(2))])?;
        }
        root.present()?;
    }
    Ok((text, marks))
}

/// The drawing with the page's colors, dashes, marks that can be read, and a name.
fn themed(mut text: String, chart: &CurveChart<'_>, places: &Marks) -> String {
    let hex = |c: RGBColor| format!("#{:02X}{:02X}{:02X}", c.0, c.1, c.2);
    text = text.replace(&format!("\"{}\"", hex(INK)), "\"var(--ink)\"");
    text = text.replace(&format!("\"{}\"", hex(GRID)), "\"var(--line)\"");
    text = text.replace(
        &format!("stroke=\"{}\"", hex(LEVEL)),
        "stroke=\"var(--soft)\" stroke-dasharray=\"1 4\" stroke-linecap=\"round\"",
    );
    for c in 0..chart.curves.len() {
        let (ours, theirs) = (color(c), hex(stand_in(c)));
        let stroke = format!("stroke=\"{ours}\" stroke-dasharray=\"{}\" stroke-linejoin=\"round\"", dash(c));
        text = text.replace(&format!("stroke=\"{theirs}\""), &stroke);
        text = text.replace(&format!("\"{theirs}\""), &format!("\"{ours}\""));
    }
    let points = chart.curves.iter().flat_map(|curve| curve.points.iter().map(move |p| (curve, p)));
    let read = |series: usize, (x, y): (i32, i32), curve: &Curve, point: &Point| Mark {
        at: (f64::from(x), f64::from(y)),
        series,
        label: format!(
            "{}, {}: {}, n = {}",
            curve.name,
            point.x_label,
            with_interval(point.y, point.ci95),
            point.n
        ),
    };
    let read_all =
        places.iter().zip(points).map(|((series, at), (curve, point))| read(*series, *at, curve, point));
    let places: Vec<Mark> = read_all.collect();
    let name = format!("{}: {} against {}", chart.title, chart.y_title, chart.x_title);
    // The drawing is a group of marks to a screen reader, under this name.
    let group = html! { svg role="group" aria-label=(name) {} }.into_string();
    text = text.replacen("<svg", group.trim_end_matches("></svg>"), 1);
    text.replace("</svg>", &format!("{}</svg>", marks(&places).into_string()))
}
