use std::fmt;
use std::sync::OnceLock;

use burn::tensor::TensorData;
use multiversion::multiversion;
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_tensor::NdTensorView;

use super::quantized_rows::{INFINITY_BITS, QuantizedRow, QuantizedRows, nearest};

/// Largest absolute integer of a weight. The integers are symmetric, so that the zero point is 0.
const LARGEST: f32 = 127.0;

/// Maximum number of rows and of columns, for which sums of products of 255 and 127 fit 32 bits.
/// The feed-forward layers of T5-11B have 65,536.
pub(super) const MAX_SIZE: usize = (i32::MAX / (255 * 127)) as usize;

/// Rows that are multiplied at a time. Their integers, their products and a part of the weights
/// stay in the cache, and more rows make the product no faster.
const ROWS: usize = 64;

/// Rows of the identity by which a packed matrix is multiplied at a time when it is unpacked.
const UNPACKED_ROWS: usize = 256;

thread_local! {
    /// The kernel that this CPU supports. Asking the CPU for each product would take longer than
    /// small products.
    static EXECUTOR: GemmExecutor<u8, i8, i32> = GemmExecutor::new();
}

/// A constant matrix `W` of 8-bit integers with a scale for each column, packed for products on the
/// CPU.
///
/// The other factor is quantized row by row when it is multiplied. Products of integers are
/// accumulated exactly in 32 bits, so a result doesn't depend on the number of threads or on the
/// other rows.
pub(super) struct Int8Matrix {
    factor: Factor,
    /// The transposed matrix. It takes as much memory again, and only the backward pass needs it.
    transposed: OnceLock<Factor>,
}

impl Int8Matrix {
    /// Quantizes a matrix of floats in row-major order.
    ///
    /// The largest absolute value of a column becomes ±127. There are at most [`MAX_SIZE`] rows and
    /// columns.
    /// A column with an infinity or NaN gets the scale NaN, which makes all its products NaN.
    pub(super) fn quantize(values: &[f32], [rows, columns]: [usize; 2]) -> Self {
        let mut largest = vec![0u32; columns];
        for row in values.chunks_exact(columns) {
            for (largest, value) in largest.iter_mut().zip(row) {
                // The bits have the order of the absolute values, and NaN is the largest.
                *largest = value.abs().to_bits().max(*largest);
            }
        }
        let largest: Vec<f32> = largest
            .into_iter()
            .map(|bits| if bits < INFINITY_BITS { f32::from_bits(bits) } else { f32::NAN })
            .collect();
        let factor = |&largest: &f32| if largest > 0.0 { LARGEST / largest } else { 0.0 };
        let factors: Vec<f32> = largest.iter().map(factor).collect();
        let scales = largest.into_iter().map(|largest| largest / LARGEST).collect();
        let mut integers = Vec::with_capacity(values.len());
        for row in values.chunks_exact(columns) {
            quantize_weights(row, &factors, &mut integers);
        }
        let factor = Factor::pack(&integers, [rows, columns], [columns, 1], scales);
        Self { factor, transposed: OnceLock::new() }
    }

    /// Returns the number of rows and of columns.
    pub(super) fn shape(&self) -> [usize; 2] {
        self.factor.shape()
    }

    /// Returns the values of the integers, in row-major order.
    pub(super) fn dequantize(&self) -> TensorData {
        let integers = self.factor.integers();
        let mut values = Vec::with_capacity(integers.len());
        let scales = &self.factor.scales;
        for row in integers.chunks_exact(scales.len()) {
            let row = row.iter().zip(scales);
            values.extend(row.map(|(&value, scale)| f32::from(value) * scale));
        }
        TensorData::new(values, self.shape())
    }

    /// Returns `X W` for rows in row-major order.
    pub(super) fn product(&self, rows: &[f32]) -> Vec<f32> {
        let [inner, _] = self.shape();
        let quantize = |rows: &[f32], quantized: &mut QuantizedRows| quantized.set(rows, inner);
        self.factor.product(rows, quantize)
    }

    /// Returns `G Wᵀ` for rows in row-major order.
    ///
    /// The scales belong to the columns of `W`, over which this product sums, so each row is
    /// multiplied by them before it is quantized.
    pub(super) fn transposed_product(&self, rows: &[f32]) -> Vec<f32> {
        let [count, columns] = self.shape();
        let scales = &self.factor.scales;
        let transposed = self.transposed.get_or_init(|| {
            let integers = self.factor.integers();
            Factor::pack(&integers, [columns, count], [1, columns], vec![1.0; count])
        });
        let mut scaled = Vec::new();
        transposed.product(rows, |rows, quantized| {
            scaled.clear();
            for row in rows.chunks_exact(columns) {
                scaled.extend(row.iter().zip(scales).map(|(value, scale)| value * scale));
            }
            quantized.set(&scaled, columns);
        })
    }
}

impl fmt::Debug for Int8Matrix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Int8Matrix").field("shape", &self.shape()).finish_non_exhaustive()
    }
}

/// A matrix of integers as the right factor of products.
struct Factor {
    packed: PackedBMatrix<i8>,
    /// Scale of each column.
    scales: Vec<f32>,
    /// Sum of each column, by which the zero point of a row is subtracted from its products.
    sums: Vec<i32>,
}

impl Factor {
    /// Packs a matrix of the given shape and strides.
    fn pack(integers: &[i8], shape: [usize; 2], strides: [usize; 2], scales: Vec<f32>) -> Self {
        let [rows, columns] = shape;
        let mut sums = vec![0; columns];
        for row in 0..rows {
            let row = integers[row * strides[0]..].iter().step_by(strides[1]);
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i32::from(value);
            }
        }
        let matrix = NdTensorView::from_data_with_strides(shape, integers, strides)
            .expect("invariant: the strides cover the data");
        Self { packed: EXECUTOR.with(|executor| executor.prepack_b(matrix)), scales, sums }
    }

    fn shape(&self) -> [usize; 2] {
        [self.packed.rows(), self.packed.cols()]
    }

    /// Returns the integers in row-major order.
    ///
    /// The packed order is private to the library. The product of the identity and the packed
    /// matrix is exact, and it spares a second copy in memory.
    fn integers(&self) -> Vec<i8> {
        let [rows, columns] = self.shape();
        let mut integers = Vec::with_capacity(rows * columns);
        let mut identity = Vec::new();
        let mut products = Vec::new();
        for start in (0..rows).step_by(UNPACKED_ROWS) {
            let count = UNPACKED_ROWS.min(rows - start);
            identity.clear();
            identity.resize(count * rows, 0u8);
            for row in 0..count {
                identity[row * rows + start + row] = 1;
            }
            products.resize(count * columns, 0);
            self.multiply(&identity, &mut products);
            integers.extend(products.iter().map(|&value| value as i8));
        }
        integers
    }

    /// Returns the product of rows and this matrix, given a function that quantizes some of them.
    fn product(
        &self,
        rows: &[f32],
        mut quantize: impl FnMut(&[f32], &mut QuantizedRows),
    ) -> Vec<f32> {
        let [inner, columns] = self.shape();
        let count = rows.len() / inner;
        let mut result = vec![0.0; count * columns];
        let mut quantized = QuantizedRows::new(activation_bits());
        let mut products = vec![0; ROWS.min(count) * columns];
        let parts = rows.chunks(ROWS * inner).zip(result.chunks_mut(ROWS * columns));
        for (rows, result) in parts {
            quantize(rows, &mut quantized);
            let products = &mut products[..result.len()];
            self.multiply(&quantized.values, products);
            let rows = result.chunks_exact_mut(columns).zip(products.chunks_exact(columns));
            for ((output, products), row) in rows.zip(quantized.rows()) {
                scale(products, &self.sums, row, &self.scales, output);
            }
        }
        result
    }

    /// Computes products of unsigned rows and this matrix.
    ///
    /// The library would subtract a zero point for each row too, but only those of the first rows
    /// are right: see the book's chapter on robustness.
    fn multiply(&self, values: &[u8], products: &mut [i32]) {
        let [inner, _] = self.shape();
        let rows = NdTensorView::from_data([values.len() / inner, inner], values);
        let (rows, packed) = (GemmInputA::Unpacked(rows), GemmInputB::Packed(&self.packed));
        EXECUTOR
            .with(|executor| executor.gemm(products, rows, packed, GemmOptions::default()))
            .expect("invariant: the shapes agree, and every thread chooses the same kernel");
    }
}

/// Appends the integers of a row of weights, which are within ±127.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn quantize_weights(row: &[f32], factors: &[f32], integers: &mut Vec<i8>) {
    let row = row.iter().zip(factors);
    integers.extend(row.map(|(value, factor)| nearest(value * factor) as i8));
}

/// Returns the number of bits of activations, with which no kernel saturates.
///
/// Without VNNI, x86-64 adds two products in 16 bits.
fn activation_bits() -> u32 {
    if EXECUTOR.with(GemmExecutor::may_saturate) { 7 } else { 8 }
}

/// Subtracts the zero point of a row from its products, and multiplies them by its scale and those
/// of the columns.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn scale(products: &[i32], sums: &[i32], row: QuantizedRow, scales: &[f32], output: &mut [f32]) {
    let inputs = products.iter().zip(sums).zip(scales);
    for (output, ((&product, &sum), column)) in output.iter_mut().zip(inputs) {
        *output = (product - row.zero_point * sum) as f32 * (row.scale * column);
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution, Tensor};

    use super::*;

    fn random(shape: [usize; 2], std: f64) -> (Vec<f32>, Tensor<2>) {
        let distribution = Distribution::Normal(0.0, std);
        let tensor = Tensor::<2>::random(shape, distribution, &Device::flex());
        (tensor.clone().try_into_vec_as().unwrap(), tensor)
    }

    fn relative_error(found: Vec<f32>, expected: Tensor<2>) -> f32 {
        let found = TensorData::new(found, expected.dims());
        let found = Tensor::<2>::from_data(found, &expected.device());
        let norm = |tensor: Tensor<2>| tensor.square().sum().sqrt().into_scalar::<f32>();
        norm(found - expected.clone()) / norm(expected)
    }

    #[test]
    fn products_match_those_of_floats() {
        Device::flex().seed(1);
        for [count, rows, columns] in [[1, 7, 5], [3, 64, 33], [70, 129, 300], [200, 32, 16]] {
            let (weights, weight) = random([rows, columns], 0.3);
            let matrix = Int8Matrix::quantize(&weights, [rows, columns]);
            let (inputs, input) = random([count, rows], 2.0);
            let error = relative_error(matrix.product(&inputs), input.matmul(weight.clone()));
            // Steps of 1/127 and 1/255 of the largest of some hundred normal values, which is 3 to
            // 4 standard deviations, are off by 0.29 of a step in the mean: 0.8 % and 0.8 %. With 7
            // bits the second is twice as large.
            let bound = if activation_bits() == 8 { 0.015 } else { 0.025 };
            assert!(error < bound, "{count} x {rows} x {columns}: {error}");
            let (gradients, gradient) = random([count, columns], 1e-5);
            let found = matrix.transposed_product(&gradients);
            let error = relative_error(found, gradient.matmul(weight.transpose()));
            assert!(error < bound, "{count} x {columns} x {rows}: {error}");
        }
    }

    /// Computes the same in exact integers, including the rounding of the factors.
    #[test]
    fn integers_are_multiplied_exactly() {
        Device::flex().seed(2);
        let [count, rows, columns] = [67, 300, 40];
        let (weights, _) = random([rows, columns], 1.0);
        let (inputs, _) = random([count, rows], 1.0);
        let matrix = Int8Matrix::quantize(&weights, [rows, columns]);
        let found = matrix.product(&inputs);
        let mut quantized = QuantizedRows::new(activation_bits());
        quantized.set(&inputs, rows);
        let quantized_rows: Vec<QuantizedRow> = quantized.rows().collect();
        let integers = matrix.factor.integers();
        for row in 0..count {
            for column in 0..columns {
                let sum: i64 = (0..rows)
                    .map(|inner| {
                        let value = i64::from(quantized.values[row * rows + inner]);
                        let zero = i64::from(quantized_rows[row].zero_point);
                        (value - zero) * i64::from(integers[inner * columns + column])
                    })
                    .sum();
                let scale = quantized_rows[row].scale * matrix.factor.scales[column];
                assert_eq!(found[row * columns + column], sum as f32 * scale);
            }
        }
    }

    /// Without VNNI, sums of two products saturate at 16 bits unless one factor is smaller.
    #[test]
    fn extreme_values_do_not_saturate() {
        let matrix = Int8Matrix::quantize(&[1.0; 64 * 8], [64, 8]);
        for input in [1.0, -1.0] {
            for value in matrix.product(&[input; 64]) {
                assert!((value - 64.0 * input).abs() < 1e-3, "{value}");
            }
        }
    }

    #[test]
    fn a_packed_matrix_is_unpacked_to_the_same_integers() {
        Device::flex().seed(3);
        for shape in [[5, 3], [256, 40], [300, 65], [1, 1]] {
            let (weights, weight) = random(shape, 1.0);
            let matrix = Int8Matrix::quantize(&weights, shape);
            let found: Vec<f32> = matrix.dequantize().try_into_vec().unwrap();
            for (index, (value, found)) in weights.iter().zip(&found).enumerate() {
                let scale = matrix.factor.scales[index % shape[1]];
                assert!((value - found).abs() <= 0.5001 * scale, "{value} {found}");
            }
            // Values that are integers already keep them.
            let again = Int8Matrix::quantize(&found, shape);
            assert_eq!(again.factor.integers(), matrix.factor.integers());
            assert!(relative_error(found, weight) < 0.01);
        }
    }

    #[test]
    fn columns_of_zeros_and_rows_of_nan_stay_what_they_are() {
        let matrix = Int8Matrix::quantize(&[0.0, 1.0, 0.0, -2.0], [2, 2]);
        assert_eq!(matrix.product(&[3.0, 0.0])[0], 0.0);
        let found = matrix.product(&[f32::NAN, 1.0, 0.0, 2.0]);
        assert!(found[0].is_nan() && found[1].is_nan());
        assert!((found[3] + 4.0).abs() < 0.05);
        assert!(matrix.transposed_product(&[1.0, f32::INFINITY])[0].is_nan());
        for weight in [f32::NAN, f32::INFINITY] {
            let found = Int8Matrix::quantize(&[1.0, weight, 1.0, 1.0], [2, 2]).product(&[1.0, 2.0]);
            assert!((found[0] - 3.0).abs() < 0.05 && found[1].is_nan(), "{found:?}");
        }
        assert!(matrix.product(&[]).is_empty());
    }
}
