use multiversion::multiversion;

/// Number of independent accumulators of a row, for vector instructions.
const LANES: usize = 16;

/// Bits of positive infinity. Those of larger absolute values belong to NaN.
pub(super) const INFINITY_BITS: u32 = 0x7f80_0000;

/// Ranges below it are rounded to zero: their reciprocal is too large.
const MIN_RANGE: f32 = 1e-36;

/// Rows of a matrix as 8-bit integers, each with its own scale and zero point.
///
/// The value of an integer `q` is `(q - zero_point) * scale`. The range of a row always includes
/// 0, which is exact. Rows without negative values, such as those after a relu, use all integers
/// for positive ones.
pub(super) struct QuantizedRows {
    /// Largest integer, 255 or 127.
    largest: f32,
    /// `[rows, columns]`
    pub(super) values: Vec<u8>,
    rows: Vec<QuantizedRow>,
}

/// Zero point and scale of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct QuantizedRow {
    pub(super) zero_point: i32,
    pub(super) scale: f32,
}

impl QuantizedRows {
    /// Returns no rows, with integers of the given number of bits.
    pub(super) fn new(bits: u32) -> Self {
        let largest = ((1u32 << bits) - 1) as f32;
        Self { largest, values: Vec::new(), rows: Vec::new() }
    }

    /// Replaces the rows by those of a matrix of floats, with the given number of columns.
    ///
    /// A row with an infinity or NaN gets the scale NaN, so that it makes all products NaN.
    pub(super) fn set(&mut self, rows: &[f32], columns: usize) {
        self.values.resize(rows.len(), 0);
        self.rows.clear();
        for (row, values) in rows.chunks_exact(columns).zip(self.values.chunks_exact_mut(columns)) {
            self.rows.push(quantize(row, values, self.largest));
        }
    }

    /// Returns the zero points and scales of the rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = QuantizedRow> {
        self.rows.iter().copied()
    }
}

/// Quantizes a row.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn quantize(row: &[f32], values: &mut [u8], largest: f32) -> QuantizedRow {
    let mut low = [0.0f32; LANES];
    let mut high = [0.0f32; LANES];
    let mut bits = [0u32; LANES];
    let mut add = |lane: usize, value: f32| {
        low[lane] = if value < low[lane] { value } else { low[lane] };
        high[lane] = if value > high[lane] { value } else { high[lane] };
        bits[lane] = bits[lane].max(value.abs().to_bits());
    };
    let (whole, rest) = row.as_chunks::<LANES>();
    for chunk in whole {
        for (lane, &value) in chunk.iter().enumerate() {
            add(lane, value);
        }
    }
    for (lane, &value) in rest.iter().enumerate() {
        add(lane, value);
    }
    if bits.iter().any(|&bits| bits >= INFINITY_BITS) {
        values.fill(0);
        return QuantizedRow { zero_point: 0, scale: f32::NAN };
    }
    let low = low.into_iter().fold(0.0, f32::min);
    let high = high.into_iter().fold(0.0, f32::max);
    // Halves, because the difference may be infinite.
    let range = high * 0.5 - low * 0.5;
    if range < MIN_RANGE {
        values.fill(0);
        return QuantizedRow { zero_point: 0, scale: 0.0 };
    }
    let scale = range / (largest * 0.5);
    let factor = (largest * 0.5) / range;
    let zero_point = (-low * factor).round_ties_even();
    for (quantized, &value) in values.iter_mut().zip(row) {
        *quantized = nearest((value * factor + zero_point).clamp(0.0, largest));
    }
    QuantizedRow { zero_point: zero_point as i32, scale }
}

/// Returns the nearest integer of a value from -128 to 255, in the lowest 8 bits of its two's
/// complement.
#[inline(always)]
pub(super) fn nearest(value: f32) -> u8 {
    /// Adding it to a value leaves the nearest integer in the last bits.
    const ROUNDING: f32 = 12_582_912.0;
    (value + ROUNDING).to_bits() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restored(row: &[f32], bits: u32) -> (Vec<f32>, f32) {
        let mut rows = QuantizedRows::new(bits);
        rows.set(row, row.len());
        let QuantizedRow { zero_point, scale } = rows.rows[0];
        let zero_point = zero_point as f32;
        let restored = rows.values.iter().map(|&value| (f32::from(value) - zero_point) * scale);
        (restored.collect(), scale)
    }

    #[test]
    fn values_are_restored_within_half_a_step() {
        for length in [1, 2, 15, 16, 17, 100] {
            for (offset, bits) in [(0.0, 8), (3.0, 8), (-1.0, 7), (-40.0, 8)] {
                let row: Vec<f32> =
                    (0..length).map(|i| (i as f32 * 2.7).sin() * 2.0 + offset).collect();
                let (restored, scale) = restored(&row, bits);
                for (value, restored) in row.iter().zip(restored) {
                    // Zero point and value are rounded in one step; the ends of the range can
                    // additionally be clamped by half a step.
                    assert!((value - restored).abs() <= scale * 1.001, "{value} {restored}");
                }
            }
        }
    }

    #[test]
    fn zero_is_exact_and_rows_without_negative_values_use_all_integers() {
        let (values, scale) = restored(&[0.0, 5.1, 2.0], 8);
        assert_eq!(values[0], 0.0);
        assert!((scale - 5.1 / 255.0).abs() < 1e-8);
        let (values, _) = restored(&[-3.0, 0.0, 7.0], 8);
        assert_eq!(values[1], 0.0);
        assert_eq!(restored(&[0.0, 0.0], 8).0, [0.0, 0.0]);
        assert_eq!(restored(&[1e-42, -1e-44], 8).0, [0.0, 0.0]);
    }

    #[test]
    fn values_that_are_not_finite_make_their_row_nan() {
        for value in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for position in [0, 16, 20] {
                let mut row = [1.0; 21];
                row[position] = value;
                assert!(restored(&row, 8).1.is_nan(), "{value} at {position}");
            }
        }
        // The difference of these is infinite.
        let (values, _) = restored(&[f32::MAX * 0.9, f32::MIN * 0.9], 8);
        assert!(values.iter().all(|value| value.is_finite()));
    }
}
