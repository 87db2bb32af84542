//! Strip plots: every value of every group as a mark, its mean as a bar. A mean alone would hide how few are behind it.

use maud::{Markup, html};

use super::figure::{Figure, Mark, color, marks};
use super::number::number;
use super::table::{Column, Data};

/// Values of groups along one axis that starts at 0.
#[derive(Clone, Debug, PartialEq)]
pub struct StripChart<'a> {
    /// What the chart shows; also its name for screen readers.
    pub title: &'a str,
    /// Title of the axis, with its unit.
    pub x_title: &'a str,
    /// What one mark is, such as `target`.
    pub unit: &'a str,
    /// From top to bottom.
    pub groups: Vec<Strip>,
}

/// One group.
#[derive(Clone, Debug, PartialEq)]
pub struct Strip {
    /// What the group is.
    pub name: String,
    /// Its values, with what each is read out as.
    pub values: Vec<(f64, String)>,
    /// Mean with its 95 % interval; none leaves the bar out.
    pub mean: Option<(f64, Option<[f64; 2]>)>,
}

const WIDTH: f64 = 520.0;
const ROW: f64 = 30.0;
const LEFT: f64 = 156.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 6.0;
const BOTTOM: f64 = 48.0;

/// The chart with its table. Nothing where no group has a value.
pub fn strip_chart(chart: &StripChart<'_>) -> Markup {
    let groups: Vec<&Strip> = chart.groups.iter().filter(|g| !g.values.is_empty()).collect();
    if groups.is_empty() {
        return html! {};
    }
    let ends = groups.iter().filter_map(|g| g.mean?.1).map(|[_, high]| high);
    let values = groups.iter().flat_map(|g| &g.values).map(|(value, _)| *value);
    let most = values.chain(ends).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let axis = Axis::to(most);
    let unit = format!("{} values", chart.unit);
    let rows = groups.iter().map(|group| {
        let mean = group.mean.map_or_else(Data::gap, |(mean, ci95)| Data::interval(mean, ci95));
        let mut values: Vec<f64> = group.values.iter().map(|(value, _)| *value).collect();
        values.sort_by(|a, b| b.total_cmp(a));
        let listed: Vec<String> = values.iter().map(|v| number(*v)).collect();
        let n = values.len();
        vec![Data::text(&group.name), mean, Data::count(n), Data::text(listed.join(", "))]
    });
    let rows = rows.collect();
    Figure {
        title: chart.title,
        svg: svg(chart, &groups, &axis).into_string(),
        legend: vec![html! { "one mark a " (chart.unit) }, html! { "bar: mean and 95 % interval" }],
        columns: vec![
            Column::text("group"),
            Column::number("mean [95 %]"),
            Column::number("n"),
            Column::prose(&unit),
        ],
        rows,
    }
    .markup()
}

fn svg(chart: &StripChart<'_>, groups: &[&Strip], axis: &Axis) -> Markup {
    let height = TOP + ROW * groups.len() as f64 + BOTTOM;
    let floor = height - BOTTOM;
    let middle = |row: usize| TOP + ROW * (row as f64 + 0.5);
    let read = |(row, group): (usize, &&Strip)| {
        let place = |(at, (value, label)): (usize, &(f64, String))| Mark {
            // Equal values would hide each other: they step up and down around the middle of their row.
            at: (axis.pixel(*value), middle(row) + (at % 5) as f64 * 3.0 - 6.0),
            series: row,
            label: format!("{}: {label}", group.name),
        };
        group.values.iter().enumerate().map(place).collect::<Vec<_>>()
    };
    let all: Vec<Mark> = groups.iter().enumerate().flat_map(read).collect();
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {height}")) role="group" aria-label=(format!("{}: {} by group", chart.title, chart.x_title)) {
            @for tick in axis.ticks() {
                @let x = axis.pixel(tick);
                line x1=(x) x2=(x) y1=(TOP) y2=(floor) stroke="var(--line)" {}
                text x=(x) y=(floor + 18.0) text-anchor="middle" font-size="13" fill="var(--ink)" { (number(tick)) }
            }
            text x=((LEFT + WIDTH - RIGHT) / 2.0) y=(height - 8.0) text-anchor="middle" font-size="13" fill="var(--ink)" { (chart.x_title) }
            @for (row, group) in groups.iter().enumerate() {
                @let y = middle(row);
                text x=(LEFT - 10.0) y=(y + 4.5) text-anchor="end" font-size="13" fill="var(--ink)" { (group.name) }
                @if let Some((mean, ci95)) = group.mean {
                    @if let Some([low, high]) = ci95 {
                        line x1=(axis.pixel(low.max(0.0))) x2=(axis.pixel(high)) y1=(y) y2=(y) stroke=(color(row)) stroke-width="2" {}
                    }
                    line x1=(axis.pixel(mean)) x2=(axis.pixel(mean)) y1=(y - 11.0) y2=(y + 11.0) stroke=(color(row)) stroke-width="3" {}
                }
            }
            (marks(&all))
        }
    }
}

/// From 0 to a round number.
struct Axis {
    step: f64,
    steps: usize,
}

impl Axis {
    /// An axis on which `most` has a place, in at most six steps of 1, 2 or 5 times a power of ten.
    fn to(most: f64) -> Self {
        let most = if most > 0.0 { most } else { 0.01 };
        let power = 10f64.powf((most / 5.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| most / step <= 5.0);
        let step = step.unwrap_or(10.0 * power);
        Self { step, steps: (most / step - 1e-9).ceil().max(1.0) as usize }
    }

    fn pixel(&self, value: f64) -> f64 {
        let share = value / (self.step * self.steps as f64);
        ((LEFT + (WIDTH - RIGHT - LEFT) * share) * 10.0).round() / 10.0
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        (0..=self.steps).map(|at| at as f64 * self.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers_that_hold_every_value() {
        for most in [0.0, 1e-4, 0.013, 0.05, 0.5, 1.0, 7.3, 1234.0] {
            let axis = Axis::to(most);
            let ticks: Vec<f64> = axis.ticks().collect();
            assert!(ticks.len() <= 7 && ticks.len() >= 2, "{most}: {ticks:?}");
            assert!(*ticks.last().unwrap() >= most * (1.0 - 1e-9), "{most}: {ticks:?}");
        }
        let ticks: Vec<String> = Axis::to(0.043).ticks().map(number).collect();
        assert_eq!(ticks, ["0", "0.01", "0.02", "0.03", "0.04", "0.05"]);
    }

    #[test]
    fn every_value_is_a_mark_and_a_group_without_values_is_left_out() {
        let strip = |name: &str, values: &[f64]| Strip {
            name: name.into(),
            values: values.iter().map(|v| (*v, format!("sku: {v}"))).collect(),
            mean: Some((0.02, Some([0.01, 0.03]))),
        };
        let groups = vec![strip("short <profile>", &[0.01, 0.02, 0.02]), strip("long profile", &[])];
        let chart = StripChart { title: "Users", x_title: "hit ratio", unit: "target", groups };
        let text = strip_chart(&chart).into_string();
        assert_eq!(text.matches("class=\"mark\"").count(), 3);
        assert_eq!(text.matches("tabindex=\"0\"").count(), 2, "the first mark, and the table");
        assert!(text.contains("short &lt;profile&gt;: sku: 0.02") && !text.contains("long profile"));
        let none = StripChart { groups: vec![strip("a", &[])], ..chart };
        assert_eq!(strip_chart(&none).into_string(), "");
    }
}
