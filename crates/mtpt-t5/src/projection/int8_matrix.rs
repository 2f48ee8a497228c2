use std::fmt;
use std::sync::OnceLock;

use burn::tensor::TensorData;
use multiversion::multiversion;
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix, QuantParams};
use rten_tensor::NdTensorView;

use super::quantized_rows::QuantizedRows;

/// Largest absolute integer of a weight. The integers are symmetric, so that the zero point is 0.
const LARGEST: f32 = 127.0;

/// Rows that are multiplied at a time. Their integers, their products and a part of the weights
/// stay in the cache, and more rows make the product no faster.
const ROWS: usize = 64;

/// Rows of the identity by which a packed matrix is multiplied at a time when it is unpacked.
const UNPACKED_ROWS: usize = 256;

/// A constant matrix `W` of 8-bit integers with a scale for each column, packed for products on the
/// CPU.
///
/// The other factor is quantized row by row when it is multiplied. Products of integers are
/// accumulated exactly in 32 bits, so a result doesn't depend on the number of threads or on the
/// other rows.
pub(super) struct Int8Matrix {
    rows: usize,
    columns: usize,
    /// Scale of each column.
    scales: Vec<f32>,
    packed: PackedBMatrix<i8>,
    /// The transposed matrix. It takes as much memory again, and only the backward pass needs it.
    transposed: OnceLock<PackedBMatrix<i8>>,
}

impl Int8Matrix {
    /// Quantizes a matrix of floats in row-major order.
    ///
    /// The largest absolute value of a column becomes ±127.
    pub(super) fn quantize(values: &[f32], [rows, columns]: [usize; 2]) -> Self {
        let mut scales = vec![0.0f32; columns];
        for row in values.chunks_exact(columns) {
            for (scale, value) in scales.iter_mut().zip(row) {
                *scale = scale.max(value.abs());
            }
        }
        let factors: Vec<f32> = scales
            .iter()
            .map(|&largest| if largest > 0.0 { LARGEST / largest } else { 0.0 })
            .collect();
        scales.iter_mut().for_each(|scale| *scale /= LARGEST);
        let mut integers = Vec::with_capacity(values.len());
        for row in values.chunks_exact(columns) {
            let row = row.iter().zip(&factors);
            // The conversion saturates, in case a quotient is rounded up.
            integers.extend(row.map(|(value, factor)| (value * factor).round_ties_even() as i8));
        }
        let packed = pack(&integers, [rows, columns], [columns, 1]);
        Self { rows, columns, scales, packed, transposed: OnceLock::new() }
    }

    /// Returns the number of rows and of columns.
    pub(super) fn shape(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// Returns the values of the integers, in row-major order.
    pub(super) fn dequantize(&self) -> TensorData {
        let integers = self.integers();
        let mut values = Vec::with_capacity(integers.len());
        for row in integers.chunks_exact(self.columns) {
            values.extend(
                row.iter().zip(&self.scales).map(|(&value, scale)| f32::from(value) * scale),
            );
        }
        TensorData::new(values, self.shape())
    }

    /// Returns `X W` for rows in row-major order.
    pub(super) fn product(&self, rows: &[f32]) -> Vec<f32> {
        let product = Product {
            packed: &self.packed,
            inner: self.rows,
            columns: self.columns,
            scales: Some(&self.scales),
        };
        product.of(rows, |rows, quantized| quantized.set(rows, self.rows))
    }

    /// Returns `G Wᵀ` for rows in row-major order.
    ///
    /// The scales belong to the columns of `W`, over which this product sums, so each row is
    /// multiplied by them before it is quantized.
    pub(super) fn transposed_product(&self, rows: &[f32]) -> Vec<f32> {
        let packed = self
            .transposed
            .get_or_init(|| pack(&self.integers(), [self.columns, self.rows], [1, self.columns]));
        let product = Product { packed, inner: self.columns, columns: self.rows, scales: None };
        let mut scaled = Vec::new();
        product.of(rows, |rows, quantized| {
            scaled.clear();
            for row in rows.chunks_exact(self.columns) {
                scaled.extend(row.iter().zip(&self.scales).map(|(value, scale)| value * scale));
            }
            quantized.set(&scaled, self.columns);
        })
    }

    /// Returns the integers in row-major order.
    ///
    /// The packed order is private to the library. The product of the identity and the packed
    /// matrix is exact, and it spares a second copy in memory.
    fn integers(&self) -> Vec<i8> {
        let mut integers = Vec::with_capacity(self.rows * self.columns);
        let mut identity = Vec::new();
        let mut products = Vec::new();
        for start in (0..self.rows).step_by(UNPACKED_ROWS) {
            let count = UNPACKED_ROWS.min(self.rows - start);
            identity.clear();
            identity.resize(count * self.rows, 0u8);
            for row in 0..count {
                identity[row * self.rows + start + row] = 1;
            }
            products.resize(count * self.columns, 0);
            multiply(&identity, [count, self.rows], &vec![0; count], &self.packed, &mut products);
            integers.extend(products.iter().map(|&value| value as i8));
        }
        integers
    }
}

impl fmt::Debug for Int8Matrix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Int8Matrix")
            .field("rows", &self.rows)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

/// The right factor of a product, and the scales of the result.
struct Product<'a> {
    packed: &'a PackedBMatrix<i8>,
    /// Rows of the packed matrix.
    inner: usize,
    /// Columns of the packed matrix.
    columns: usize,
    /// Scale of each column, 1 if absent.
    scales: Option<&'a [f32]>,
}

impl Product<'_> {
    /// Returns the product of rows, given a function that quantizes some of them.
    fn of(&self, rows: &[f32], mut quantize: impl FnMut(&[f32], &mut QuantizedRows)) -> Vec<f32> {
        let count = rows.len() / self.inner;
        let mut result = vec![0.0; count * self.columns];
        let mut quantized = QuantizedRows::new(activation_bits());
        let mut products = vec![0; ROWS.min(count) * self.columns];
        let parts = rows.chunks(ROWS * self.inner).zip(result.chunks_mut(ROWS * self.columns));
        for (rows, result) in parts {
            quantize(rows, &mut quantized);
            let products = &mut products[..result.len()];
            let shape = [quantized.scales.len(), self.inner];
            multiply(&quantized.values, shape, &quantized.zero_points, self.packed, products);
            let outputs = result.chunks_exact_mut(self.columns);
            let products = products.chunks_exact(self.columns);
            for ((output, products), &scale) in outputs.zip(products).zip(&quantized.scales) {
                match self.scales {
                    Some(scales) => scale_columns(products, scale, scales, output),
                    None => scale_row(products, scale, output),
                }
            }
        }
        result
    }
}

/// Returns the number of bits of activations, with which no kernel saturates.
///
/// Without VNNI, x86-64 adds two products in 16 bits.
fn activation_bits() -> u32 {
    if GemmExecutor::<u8, i8, i32>::new().may_saturate() { 7 } else { 8 }
}

/// Packs a matrix of the given shape and strides.
fn pack(integers: &[i8], shape: [usize; 2], strides: [usize; 2]) -> PackedBMatrix<i8> {
    let matrix = NdTensorView::from_data_with_strides(shape, integers, strides)
        .expect("invariant: the strides cover the data");
    GemmExecutor::<u8, i8, i32>::new().prepack_b(matrix)
}

/// Computes products of unsigned rows, `[rows, inner]`, and a packed matrix.
fn multiply(
    values: &[u8],
    shape: [usize; 2],
    zero_points: &[u8],
    packed: &PackedBMatrix<i8>,
    products: &mut [i32],
) {
    let rows = NdTensorView::from_data(shape, values);
    let options = GemmOptions {
        a_quant: Some(QuantParams { zero_point: zero_points }),
        ..GemmOptions::default()
    };
    let (rows, packed) = (GemmInputA::Unpacked(rows), GemmInputB::Packed(packed));
    GemmExecutor::new()
        .gemm(products, rows, packed, options)
        .expect("invariant: the shapes agree, and every thread chooses the same kernel");
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn scale_columns(products: &[i32], scale: f32, scales: &[f32], output: &mut [f32]) {
    for ((output, &product), column) in output.iter_mut().zip(products).zip(scales) {
        *output = product as f32 * (scale * column);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn scale_row(products: &[i32], scale: f32, output: &mut [f32]) {
    for (output, &product) in output.iter_mut().zip(products) {
        *output = product as f32 * scale;
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
            // 4 standard deviations, are off by 0.29 of a step in the mean: 0.8 % and 0.8 %.
            assert!(error < 0.015, "{count} x {rows} x {columns}: {error}");
            let (gradients, gradient) = random([count, columns], 1e-5);
            let found = matrix.transposed_product(&gradients);
            let error = relative_error(found, gradient.matmul(weight.transpose()));
            assert!(error < 0.015, "{count} x {columns} x {rows}: {error}");
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
        let integers = matrix.integers();
        for row in 0..count {
            for column in 0..columns {
                let sum: i64 = (0..rows)
                    .map(|inner| {
                        let value = i64::from(quantized.values[row * rows + inner]);
                        let zero = i64::from(quantized.zero_points[row]);
                        (value - zero) * i64::from(integers[inner * columns + column])
                    })
                    .sum();
                let scale = quantized.scales[row] * matrix.scales[column];
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
                let scale = matrix.scales[index % shape[1]];
                assert!((value - found).abs() <= 0.5001 * scale, "{value} {found}");
            }
            // Values that are integers already keep them.
            let again = Int8Matrix::quantize(&found, shape);
            assert_eq!(again.integers(), matrix.integers());
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
        assert!(matrix.product(&[]).is_empty());
    }
}
