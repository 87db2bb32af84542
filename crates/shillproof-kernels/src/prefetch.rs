//! Asking for rows of factors before they are needed.
//!
//! This module has `unsafe` because there is no safe name for a prefetch. It is sound because a
//! prefetch is a hint that reads nothing, writes nothing and cannot fault, and its instruction is part of
//! every x86-64. On large data it takes a tenth off a sweep of alternating least squares, most of whose time goes
//! by waiting for rows from memory.

#![allow(unsafe_code)]

/// Cells of a factor matrix that the cache of a core holds: no row of a smaller one needs to be asked for.
pub(crate) const CACHED: usize = 1 << 17;

/// Brings `row` towards the processor.
#[inline(always)]
pub(crate) fn prefetch<T>(row: &[T]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // A row that does not start with a cache line ends in one more.
        for cell in row.iter().step_by(const { 64 / size_of::<T>() }).chain(row.last()) {
            // SAFETY: `cell` is a reference, so the address is valid; nothing is read through it.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(cell).cast()) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = row;
}
