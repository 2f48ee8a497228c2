//! Arrays of several tasks in one, along a first dimension, as other programs keep them.

use burn::tensor::TensorData;

/// The numbers of each task: `[tasks, ...]` taken apart into as many arrays.
pub(crate) fn unstack(data: &TensorData) -> Vec<TensorData> {
    let (count, shape) = (data.shape()[0], &data.shape()[1..]);
    let values = floats(data);
    let size = values.len() / count.max(1);
    (0..count)
        .map(|index| TensorData::new(values[index * size..][..size].to_vec(), shape.to_vec()))
        .collect()
}

/// Arrays of one shape in one, along a new first dimension.
pub(crate) fn stack<'a>(parts: impl IntoIterator<Item = &'a TensorData>) -> TensorData {
    let mut shape = Vec::new();
    let mut values = Vec::new();
    let mut count = 0;
    for part in parts {
        shape = part.shape().to_vec();
        values.extend_from_slice(floats(part));
        count += 1;
    }
    shape.insert(0, count);
    TensorData::new(values, shape)
}

/// The numbers of an array, row by row.
pub fn floats(data: &TensorData) -> &[f32] {
    data.as_slice().expect("invariant: prompts and what they are made from are 32-bit floats")
}
