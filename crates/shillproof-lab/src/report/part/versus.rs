//! Our numbers beside published ones.

use maud::{Markup, html};

use crate::report::html::{number, with_interval};

/// One cell of a table of two numbers.
pub(crate) struct Pair {
    /// Ours; none where nothing could be measured.
    pub(crate) ours: Option<f64>,
    /// Its 95 % interval.
    pub(crate) ci95: Option<[f64; 2]>,
    /// Values behind it.
    pub(crate) n: usize,
    /// The published number.
    pub(crate) published: Option<f64>,
    /// Why there is no number of ours.
    pub(crate) note: Option<String>,
}

/// Where a published number lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Within our interval.
    Within,
    /// Above it: ours is smaller.
    Above,
    /// Below it: ours is larger.
    Below,
}

impl Pair {
    /// Where the published number lies; none where one of the two is missing, or ours has no interval.
    pub(crate) fn side(&self) -> Option<Side> {
        let (published, [low, high]) = (self.published?, self.ci95?);
        Some(match () {
            () if published < low => Side::Below,
            () if published > high => Side::Above,
            () => Side::Within,
        })
    }
}

/// A table of pairs with names of rows on the left.
pub(crate) fn versus(columns: &[String], rows: &[(String, Vec<Pair>)]) -> Markup {
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr {
                    th scope="col" { "ours [95 %] over published" }
                    @for column in columns { th.num scope="col" { (column) } }
                } }
                tbody {
                    @for (name, pairs) in rows {
                        tr {
                            th scope="row" { (name) }
                            @for pair in pairs { (cell(pair)) }
                        }
                    }
                }
            }
        }
    }
}

fn cell(pair: &Pair) -> Markup {
    html! {
        td.num {
            @match pair.ours {
                Some(ours) => {
                    (with_interval(ours, pair.ci95))
                    span.soft { "n = " (pair.n) }
                }
                None => span.soft { (pair.note.as_deref().unwrap_or("nothing measured")) }
            }
            @if let Some(published) = pair.published {
                @let (class, word) = match pair.side() {
                    Some(Side::Within) => ("inside", "within"),
                    Some(Side::Above) => ("outside", "ours is smaller"),
                    Some(Side::Below) => ("outside", "ours is larger"),
                    None => ("soft", "no interval"),
                };
                span class=(class) { (number(published)) " (" (word) ")" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_number_lies_within_our_interval_or_on_one_side_of_it() {
        let pair = |published, ci95| Pair { ours: Some(0.5), ci95, n: 5, published, note: None };
        let ends = Some([0.4, 0.6]);
        assert_eq!(pair(Some(0.4), ends).side(), Some(Side::Within));
        assert_eq!(pair(Some(0.39), ends).side(), Some(Side::Below));
        assert_eq!(pair(Some(0.7), ends).side(), Some(Side::Above));
        assert_eq!(pair(None, ends).side(), None);
        assert_eq!(pair(Some(0.5), None).side(), None);
        let rows = [("s-attack".to_owned(), vec![pair(Some(0.7), ends)])];
        let text = versus(&["1 %".into()], &rows).into_string();
        assert!(text.contains("0.70 (ours is smaller)") || text.contains("0.7 (ours is smaller)"), "{text}");
    }
}
