//! Rows of padded blocks, 8 numbers at a time: plain loops that become vector code inside of [`vectorized!`](crate::vectorized), with the
//! same bits for every instruction set.

/// Numbers taken at a time.
const GROUP: usize = 8;

/// `aᵀb`, summed in 8 chains.
///
/// # Shapes
/// Of one length, a multiple of 8.
#[inline(always)]
pub fn dot_padded(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; GROUP];
    for (a, b) in a.as_chunks::<GROUP>().0.iter().zip(b.as_chunks::<GROUP>().0) {
        for k in 0..GROUP {
            sums[k] += a[k] * b[k];
        }
    }
    total(sums)
}

/// `‖a − b‖²`, summed in 8 chains.
///
/// # Shapes
/// Of one length, a multiple of 8.
#[inline(always)]
pub fn squared_distance_padded(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; GROUP];
    for (a, b) in a.as_chunks::<GROUP>().0.iter().zip(b.as_chunks::<GROUP>().0) {
        for k in 0..GROUP {
            sums[k] += (a[k] - b[k]) * (a[k] - b[k]);
        }
    }
    total(sums)
}

#[inline(always)]
fn total(mut sums: [f32; GROUP]) -> f32 {
    let mut half = GROUP / 2;
    while half > 0 {
        for k in 0..half {
            sums[k] += sums[k + half];
        }
        half /= 2;
    }
    sums[0]
}
