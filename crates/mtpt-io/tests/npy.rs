use std::fs;

use burn::tensor::TensorData;
use mtpt_io::npy::{is_npy, npy_bytes, read_npy};
use mtpt_io::{TensorError, first_non_finite};

#[test]
fn written_file_is_read_bit_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("array");
    let values = [1.0_f32, -0.0, f32::MIN_POSITIVE / 2.0, f32::MAX, 0.1, -7.5];
    for shape in [vec![6], vec![2, 3], vec![1, 3, 2]] {
        let data = TensorData::new(values.to_vec(), shape.clone());
        fs::write(&path, npy_bytes(&data)).unwrap();
        let read = read_npy(&path).unwrap();
        assert_eq!(read.shape().to_vec(), shape);
        let bits = |data: &TensorData| data.iter::<f32>().map(f32::to_bits).collect::<Vec<u32>>();
        assert_eq!(bits(&read), bits(&data));
    }
    assert!(is_npy(&fs::read(&path).unwrap()));
    assert!(!is_npy(b"\x93NUMP"));
}

#[test]
fn non_finite_value_is_rejected_with_its_index() {
    let mut values = vec![0.0_f32; 24];
    let finite = TensorData::new(values.clone(), [2, 3, 4]);
    assert_eq!(first_non_finite(&finite), None);
    values[12 + 2 * 4 + 3] = f32::NEG_INFINITY;
    let data = TensorData::new(values, [2, 3, 4]);
    assert_eq!(first_non_finite(&data), Some((vec![1, 2, 3], f32::NEG_INFINITY)));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("array.npy");
    fs::write(&path, npy_bytes(&data)).unwrap();
    let error = read_npy(&path).unwrap_err();
    assert!(matches!(error, TensorError::NotFinite { .. }));
    let expected = format!("`{}`: expected finite values, found -inf at [1, 2, 3]", path.display());
    assert_eq!(error.to_string(), expected);
}
