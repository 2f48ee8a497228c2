use burn::tensor::{DType, Tensor, activation};
use mtpt_core::is_cpu;
use multiversion::multiversion;

/// Applies softmax over the last dimension.
///
/// On the CPU without autodiff it is computed in place with vector instructions. burn's calls a
/// scalar exponential function for each value, which in attention takes a fifth of the time of all
/// matrix products. Both agree to 5e-7.
pub(crate) fn softmax<const D: usize>(scores: Tensor<D>) -> Tensor<D> {
    let device = scores.device();
    if scores.is_autodiff() || scores.dtype() != DType::F32 || !is_cpu(&device) {
        return activation::softmax(scores, D - 1);
    }
    let length = scores.dims()[D - 1];
    if length == 0 {
        return scores;
    }
    let mut data = scores.into_data();
    softmax_rows(data.as_mut_slice().expect("invariant: the type was checked"), length);
    Tensor::from_data(data, &device)
}

/// Number of independent accumulators of a row, for vector instructions.
const LANES: usize = 16;

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn softmax_rows(values: &mut [f32], length: usize) {
    for row in values.chunks_exact_mut(length) {
        let mut largest = [f32::NEG_INFINITY; LANES];
        let (whole, rest) = row.as_chunks::<LANES>();
        for chunk in whole {
            for (largest, &value) in largest.iter_mut().zip(chunk) {
                *largest = if value > *largest { value } else { *largest };
            }
        }
        let largest = largest.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max);

        let mut sums = [0.0; LANES];
        let (whole, rest) = row.as_chunks_mut::<LANES>();
        for chunk in whole {
            for (sum, value) in sums.iter_mut().zip(chunk) {
                *value = exponential(*value - largest);
                *sum += *value;
            }
        }
        let mut sum: f32 = sums.iter().sum();
        for value in rest {
            *value = exponential(*value - largest);
            sum += *value;
        }

        let share = 1.0 / sum;
        for value in row {
            *value *= share;
        }
    }
}

/// Returns `exp(x)` for `x ≤ 0`, within two units in the last place. Subnormal results are 0.
///
/// `x = n ln 2 + r` with an integer `n`. `exp(r)` is a polynomial with Cephes' coefficients for
/// single precision, and `2^n` is the exponent.
#[inline(always)]
fn exponential(x: f32) -> f32 {
    /// Adding it to a value leaves the nearest integer in the last bits.
    const ROUNDING: f32 = 12_582_912.0;
    /// `ln 2` with few enough bits for exact products with integers, and the remainder.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const SMALLEST: f32 = -87.336_54;
    let rounded = x * std::f32::consts::LOG2_E + ROUNDING;
    let n = rounded - ROUNDING;
    let r = x - n * LN_2[0] - n * LN_2[1];
    let mut series = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        series = series * r + coefficient;
    }
    let exponent = rounded.to_bits().wrapping_sub(ROUNDING.to_bits()).wrapping_add(127);
    let power = f32::from_bits(exponent << 23);
    let result = (series * r * r + r + 1.0) * power;
    if x < SMALLEST { 0.0 } else { result }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution};

    use super::*;

    #[test]
    fn exponential_matches_double_precision() {
        for step in 0..=873_000 {
            let x = -(step as f32) * 1e-4;
            let expected = f64::from(x).exp();
            let error = (f64::from(exponential(x)) - expected).abs();
            assert!(error <= 2.4e-7 * expected, "{x}: {error} of {expected}");
        }
        assert_eq!(exponential(0.0), 1.0);
        assert_eq!(exponential(-1e9), 0.0);
        assert_eq!(exponential(f32::NEG_INFINITY), 0.0);
        assert!(exponential(f32::NAN).is_nan());
    }

    #[test]
    fn rows_of_any_length_match_burns_softmax() {
        let device = Device::flex();
        device.seed(5);
        for length in [1, 2, 15, 16, 17, 33, 228] {
            let scores =
                Tensor::<3>::random([2, 5, length], Distribution::Normal(0.0, 6.0), &device);
            let expected = activation::softmax(scores.clone(), 2);
            let largest = (softmax(scores) - expected).abs().max().into_scalar::<f32>();
            // A few units in the last place of values below 1: of the exponential, the sum and the
            // quotient.
            assert!(largest <= 5e-7, "{length}: {largest}");
        }
    }

    #[test]
    fn masked_positions_get_zero_weight_and_nan_propagates() {
        let device = Device::flex();
        let scores = Tensor::<2>::from_floats(
            [[1.0, -1e9, 1.0], [f32::NAN, 1.0, 0.0], [-1e9, -1e9, -1e9]],
            &device,
        );
        let found: Vec<f32> = softmax(scores).try_into_vec_as().unwrap();
        assert_eq!(found[..3], [0.5, 0.0, 0.5]);
        assert!(found[3..6].iter().all(|value| value.is_nan()));
        assert!(found[6..].iter().all(|&value| (value - 1.0 / 3.0).abs() < 1e-7));
    }

    #[test]
    fn a_shared_tensor_is_not_modified() {
        let scores = Tensor::<2>::from_floats([[0.0, 3.0]], &Device::flex());
        let shared = scores.clone();
        let _ = softmax(scores);
        assert_eq!(shared.try_into_vec_as::<f32>().unwrap(), [0.0, 3.0]);
    }
}
