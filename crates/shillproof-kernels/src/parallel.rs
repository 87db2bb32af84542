//! Work cut so that the result does not depend on the number of threads.

use std::ops::Range;

use rayon::prelude::*;

/// Pieces a pass over sparse rows is cut into: enough for many threads, few enough to cost nothing.
const PIECES: usize = 256;

/// Cuts rows into ranges of nearly equal work, counting `row_cost` for a row on top of its entries.
/// One long row makes one range.
///
/// # Shapes
/// `row_start`: ascending, one entry more than there are rows.
///
/// ```
/// let ranges = shillproof_kernels::parallel::balanced(&[0, 3, 3, 1000, 1001], 1);
/// assert_eq!(ranges.first().map(|r| r.start), Some(0));
/// assert_eq!(ranges.last().map(|r| r.end), Some(4));
/// ```
pub fn balanced(row_start: &[usize], row_cost: usize) -> Vec<Range<usize>> {
    let rows = row_start.len().saturating_sub(1);
    let cost = |row: usize| row_start[row] - row_start[0] + row * row_cost;
    let piece = cost(rows).div_ceil(PIECES).max(1);
    let (mut ranges, mut start) = (Vec::new(), 0);
    for row in 0..rows {
        if cost(row + 1) - cost(start) >= piece || row + 1 == rows {
            ranges.push(start..row + 1);
            start = row + 1;
        }
    }
    ranges
}

/// Calls `work` on each range with that range's part of `out`, in parallel. `buffers` makes what `work` may
/// scribble on; it must not carry anything from one range to the next.
///
/// # Shapes
/// `ranges`: adjacent, from 0. `out`: `width` cells a row.
pub fn for_each_range<T: Send, B>(
    ranges: &[Range<usize>],
    width: usize,
    out: &mut [T],
    buffers: impl Fn() -> B + Sync + Send,
    work: impl Fn(&mut B, Range<usize>, &mut [T]) + Sync + Send,
) {
    let mut parts = Vec::with_capacity(ranges.len());
    let mut rest = out;
    for range in ranges {
        let (part, tail) = rest.split_at_mut(range.len() * width);
        parts.push((range.clone(), part));
        rest = tail;
    }
    parts.into_par_iter().for_each_init(buffers, |buffers, (range, part)| work(buffers, range, part));
}

/// As [`for_each_range`], where `work` also gets what belongs to the range of `cells`: one entry a stored cell.
///
/// # Shapes
/// `ranges`: adjacent, from 0. `row_start`: as in [`balanced`]. `out`: `width` cells a row. `cells`: one for each stored cell.
pub fn for_each_range_with_cells<T: Send, C: Send>(
    ranges: &[Range<usize>],
    width: usize,
    out: &mut [T],
    row_start: &[usize],
    cells: &mut [C],
    work: impl Fn(Range<usize>, &mut [T], &mut [C]) + Sync + Send,
) {
    let mut parts = Vec::with_capacity(ranges.len());
    let (mut rest, mut rest_cells) = (out, cells);
    for range in ranges {
        let (part, tail) = rest.split_at_mut(range.len() * width);
        let (part_cells, tail_cells) = rest_cells.split_at_mut(row_start[range.end] - row_start[range.start]);
        parts.push((range.clone(), part, part_cells));
        (rest, rest_cells) = (tail, tail_cells);
    }
    parts.into_par_iter().for_each(|(range, part, part_cells)| work(range, part, part_cells));
}

/// The sum of `part` over all ranges, computed in parallel and added up in order.
pub fn sum(ranges: &[Range<usize>], part: impl Fn(Range<usize>) -> f64 + Sync) -> f64 {
    ranges.par_iter().map(|range| part(range.clone())).collect::<Vec<_>>().into_iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_are_a_partition_and_balanced(lengths in prop::collection::vec(0usize..50, 0..2000)) {
            let mut starts = vec![0];
            for n in &lengths {
                starts.push(starts[starts.len() - 1] + n);
            }
            let ranges = balanced(&starts, 2);
            let rows: Vec<usize> = ranges.iter().flat_map(Clone::clone).collect();
            prop_assert_eq!(rows, (0..lengths.len()).collect::<Vec<_>>());
            let total = starts[lengths.len()] + 2 * lengths.len();
            for range in ranges {
                let cost = starts[range.end] - starts[range.start] + 2 * range.len();
                prop_assert!(cost <= total / PIECES + 1 + 52, "{cost} of {total}");
            }
        }
    }

    #[test]
    fn every_range_gets_its_own_rows() {
        let ranges = balanced(&[0, 5, 5, 9], 1);
        let mut out = vec![0.0; 6];
        for_each_range(
            &ranges,
            2,
            &mut out,
            || (),
            |(), range, part| {
                for (row, cells) in range.zip(part.chunks_exact_mut(2)) {
                    cells.fill(row as f32);
                }
            },
        );
        assert_eq!(out, [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
        assert_eq!(sum(&ranges, |range| range.len() as f64), 3.0);
    }
}
