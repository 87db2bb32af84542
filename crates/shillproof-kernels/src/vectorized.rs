//! Plain code compiled for the vectors of this machine.

/// Runs a closure, written out in the call, compiled for the vectors of this machine.
///
/// The closure is compiled once for each instruction set: one that two places call (which a function that takes
/// closures cannot avoid) is often inlined into neither, and then runs with the vectors that every x86-64 has.
///
/// ```
/// let (a, mut sum) = ([1.0, 2.0, 4.0], 0.0);
/// shillproof_kernels::vectorized!(|| {
///     for x in a {
///         sum += x;
///     }
/// });
/// assert_eq!(sum, 7.0);
/// ```
#[cfg(target_arch = "x86_64")]
#[macro_export]
macro_rules! vectorized {
    ($work:expr) => {
        match $crate::V3::try_new() {
            Some(simd) => simd.vectorize($work),
            None => ($work)(),
        }
    };
}

/// Runs a closure, written out in the call.
#[cfg(not(target_arch = "x86_64"))]
#[macro_export]
macro_rules! vectorized {
    ($work:expr) => {
        ($work)()
    };
}
