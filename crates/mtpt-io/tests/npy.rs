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

/// Returns a file of version 1, 2 or 3 with a header and the bytes of the elements.
fn npy(version: u8, descr: &str, is_fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if is_fortran { "True" } else { "False" };
    let descr = if descr.starts_with('[') { descr.to_owned() } else { format!("'{descr}'") };
    let header = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    match version {
        1 => bytes.extend((header.len() as u16).to_le_bytes()),
        _ => bytes.extend((header.len() as u32).to_le_bytes()),
    }
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// Values that are exact in bfloat16.
const VALUES: [f32; 6] = [1.0, -2.5, 0.125, 3.0, -96.0, 0.0];

fn expected() -> TensorData {
    TensorData::new(VALUES.to_vec(), [2, 3])
}

fn bytes_of<const N: usize>(to_bytes: impl Fn(f32) -> [u8; N]) -> Vec<u8> {
    VALUES.into_iter().flat_map(to_bytes).collect()
}

fn parse(bytes: &[u8]) -> Result<TensorData, TensorError> {
    mtpt_io::npy::parse_npy(bytes, std::path::Path::new("prompt.npy"))
}

#[test]
fn every_kind_of_floats_is_read_exactly() {
    use half::{bf16, f16};
    let plain = bytes_of(f32::to_le_bytes);
    let column_major: Vec<u8> = [0, 3, 1, 4, 2, 5]
        .into_iter()
        .flat_map(|index: usize| VALUES[index].to_le_bytes())
        .collect();
    for (what, file) in [
        ("f4", npy(1, "<f4", false, "(2, 3)", &plain)),
        ("a list as shape", npy(1, "<f4", false, "[2, 3]", &plain)),
        ("version 2", npy(2, "<f4", false, "(2, 3)", &plain)),
        ("version 3", npy(3, "<f4", false, "(2, 3)", &plain)),
        ("column-major", npy(1, "<f4", true, "(2, 3)", &column_major)),
        ("big-endian", npy(1, ">f4", false, "(2, 3)", &bytes_of(f32::to_be_bytes))),
        ("f8", npy(1, "<f8", false, "(2, 3)", &bytes_of(|x| f64::from(x).to_le_bytes()))),
        (
            "big-endian f8",
            npy(1, ">f8", false, "(2, 3)", &bytes_of(|x| f64::from(x).to_be_bytes())),
        ),
        ("f2", npy(1, "<f2", false, "(2, 3)", &bytes_of(|x| f16::from_f32(x).to_le_bytes()))),
        (
            "big-endian f2",
            npy(1, ">f2", false, "(2, 3)", &bytes_of(|x| f16::from_f32(x).to_be_bytes())),
        ),
        (
            "bfloat16",
            npy(1, "<V2", false, "(2, 3)", &bytes_of(|x| bf16::from_f32(x).to_le_bytes())),
        ),
        (
            "bfloat16",
            npy(1, "|V2", false, "(2, 3)", &bytes_of(|x| bf16::from_f32(x).to_le_bytes())),
        ),
    ] {
        assert_eq!(parse(&file).unwrap(), expected(), "{what}");
    }
    let scalar = parse(&npy(1, "<f4", false, "()", &7.0_f32.to_le_bytes())).unwrap();
    assert!(scalar.shape().is_empty());
}

#[test]
fn other_elements_are_rejected_by_their_type() {
    let data = [0; 96];
    for (descr, found) in [
        ("<i4", "'<i4'"),
        ("<i8", "'<i8'"),
        ("|b1", "'|b1'"),
        ("<c8", "'<c8'"),
        ("<f16", "'<f16'"),
        ("|V4", "'|V4'"),
        ("<U4", "'<U4'"),
        ("|O", "`|O`, pickled Python objects"),
        ("[('a', '<f4'), ('b', '<f4')]", "[('a', '<f4'), ('b', '<f4')]"),
    ] {
        let message = parse(&npy(1, descr, false, "(2, 3)", &data)).unwrap_err().to_string();
        let expected = "expected floats of 16, 32 or 64 bits, or bfloat16, found";
        assert_eq!(message, format!("`prompt.npy`: {expected} {found}"));
    }
}

#[test]
fn damaged_and_foreign_files_are_described() {
    let file = npy(1, "<f4", false, "(2, 3)", &bytes_of(f32::to_le_bytes));
    let check = |bytes: &[u8], expected: &str| {
        let message = parse(bytes).unwrap_err().to_string();
        assert!(message.contains(expected), "`{expected}` is not in: {message}");
    };
    let length = file.len();
    check(&file[..length - 1], &format!("expected {length} bytes, found {}", length - 1));
    check(&[file.as_slice(), b"x"].concat(), &format!("found {}", length + 1));
    check(&file[..40], "its header is truncated");
    check(&npy(7, "<f4", false, "(2, 3)", &[]), "found 7");
    check(&npy(1, "<f4", false, "(2, 'x')", &[]), "its header is malformed");
    check(&npy(1, "<f4", false, "(-2, 3)", &[]), "its header is malformed");
    let huge = npy(1, "<f4", false, "(9223372036854775807, 3)", &[]);
    check(&huge, "its shape has too many elements");
    check(&npy(1, "<f4", false, "(4294967296, 3)", &[]), "is truncated or damaged");
    let mut long_header = npy(2, "<f4", false, "(2, 3)", &[]);
    long_header[8..12].fill(0xff);
    check(&long_header, "its header is truncated");
    check(b"version https://git-lfs.github.com/spec/v1\nsize 160\n", "a Git LFS pointer");
    check(b"<html></html>", "an HTML page");
    check(b"", "an empty file");
    check(&[0x80, 2, 7], "it doesn't start like one");
    let large = npy(1, "<f8", false, "(1,)", &1e300_f64.to_le_bytes());
    check(&large, "in the range of 32-bit floats, found a larger one at [0]");
    let infinite = npy(1, "<f2", false, "(1,)", &[0x00, 0x7c]);
    check(&infinite, "expected finite values, found inf at [0]");
}

/// Returns an archive of arrays as `numpy.savez` writes it.
fn npz(arrays: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn archives_are_read_if_they_have_one_array() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompt.npz");
    let array = npy(1, "<f4", false, "(2, 3)", &bytes_of(f32::to_le_bytes));
    fs::write(&path, npz(&[("arr_0.npy", &array)])).unwrap();
    assert_eq!(read_npy(&path).unwrap(), expected());
    assert_eq!(mtpt_io::open(&path).unwrap().read("").unwrap(), expected());
    let message = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        read_npy(&path).unwrap_err().to_string()
    };
    let two = message(&npz(&[("a.npy", &array), ("b.npy", &array)]));
    assert!(two.contains("one array, found `a.npy`, `b.npy`; save one array"), "{two}");
    let none = message(&npz(&[("archive/data.pkl", b"x")]));
    assert!(none.contains("one array, found `archive/data.pkl`"), "{none}");
    let whole = npz(&[("arr_0.npy", &array)]);
    let truncated = message(&whole[..whole.len() - 9]);
    assert!(truncated.contains("its zip archive is truncated or damaged"), "{truncated}");
}
