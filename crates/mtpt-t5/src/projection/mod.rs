//! Linear layers without bias, in floating point or int8.

mod int8_matrix;
mod layer;
mod quantized_rows;

pub(crate) use layer::Projection;
