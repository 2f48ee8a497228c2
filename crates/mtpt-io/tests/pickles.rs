//! Pickles that take more memory or time than their size allows.

use std::fs;
use std::io::Write;
use std::path::Path;

use mtpt_io::{PytorchFile, TensorError};

/// Returns a pickle of protocol 2.
fn pickle(operations: &[u8]) -> Vec<u8> {
    [b"\x80\x02".as_slice(), operations, b"."].concat()
}

fn open(bytes: &[u8]) -> Result<PytorchFile, TensorError> {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("model.bin");
    fs::write(&path, bytes).unwrap();
    PytorchFile::open(&path)
}

/// Returns an archive like those of PyTorch, with one storage of four floats.
fn archive(operations: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let entries =
        [("a/data.pkl", pickle(operations)), ("a/data/0", vec![0; 16]), ("a/version", b"3".into())];
    for (name, content) in entries {
        archive.start_file(name, stored).unwrap();
        archive.write_all(&content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn text(text: &[u8]) -> Vec<u8> {
    [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text].concat()
}

/// Returns the operations that push a tensor with a shape and a stride.
fn tensor(shape: &[u8], stride: &[u8]) -> Vec<u8> {
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n((".as_slice(),
        &text(b"storage"),
        b"ctorch\nFloatStorage\n",
        &text(b"0"),
        &text(b"cpu"),
        b"K\x04tQK\x00",
        shape,
        stride,
        b"\x89}tR",
    ]
    .concat()
}

/// Checks that a pickle is rejected because of its objects, however it is stored.
#[track_caller]
fn check_excess(operations: &[u8]) {
    for file in [pickle(operations), archive(operations)] {
        let found = open(&file).unwrap_err().to_string();
        assert!(found.contains("its pickle describes objects of more than"), "{found}");
    }
}

#[test]
fn many_objects_are_rejected() {
    check_excess(&[b"](".as_slice(), &b"N".repeat(4_000_000), b"e"].concat());
    // Empty containers, and entries of one.
    check_excess(&[b"(".as_slice(), &b"}".repeat(1_000_000), b"t"].concat());
    let pairs: Vec<u8> = (0..500_000_u32)
        .flat_map(|key| [b"J".as_slice(), &key.to_le_bytes(), b"Ns"].concat())
        .collect();
    check_excess(&[b"}".as_slice(), &pairs].concat());
}

#[test]
fn copies_of_objects_are_rejected() {
    // A list of lists of lists, each 64 times the one before, from the memo.
    let level =
        |memo: u8| [b"](".as_slice(), &[b'h', memo].repeat(64), b"eq", &[memo + 1]].concat();
    let levels: Vec<u8> = (0..3).flat_map(level).collect();
    check_excess(&[b"]q\x00".as_slice(), &levels, &b"2".repeat(64)].concat());
    // Tuples that contain the one before twice.
    check_excess(&[b")".as_slice(), &b"2\x86".repeat(30)].concat());
    // Texts, names of classes, shapes: not among the copies that the library limits.
    let long = vec![b'a'; 1 << 20];
    check_excess(&[text(&long), b"2".repeat(1000)].concat());
    let class = [b"c".as_slice(), &long, b"\na\n"].concat();
    check_excess(&[class.clone(), b"2".repeat(1000)].concat());
    // One at a time.
    check_excess(&[class, b"20".repeat(1000)].concat());
    let ones = [b"(".as_slice(), &b"K\x01".repeat(10_000), b"t"].concat();
    check_excess(&[tensor(&ones, &ones), b"2".repeat(20_000)].concat());
}

#[test]
fn long_names_of_tensors_are_rejected() {
    // Keys of 200 bytes, 500 levels deep, around 10,000 tensors.
    let key = text(&[b'k'; 200]);
    let outer = [b"}".as_slice(), &key].concat().repeat(500);
    let first = [tensor(b"K\x04\x85", b"K\x01\x85"), b"q\x000".to_vec()].concat();
    let many: Vec<u8> = (0..10_000_u16)
        .flat_map(|key| [b"M".as_slice(), &key.to_le_bytes(), b"h\x00s"].concat())
        .collect();
    let operations = [first, outer, b"}".to_vec(), many, b"s".repeat(500)].concat();
    let found = open(&archive(&operations)).unwrap_err().to_string();
    assert!(found.contains("its pickle describes objects of more than"), "{found}");
}

#[test]
fn tensors_of_usual_files_are_within_the_limit() {
    // As PyTorch writes them: everything is stored in the memo.
    let memo = |index: u32| [b"r".as_slice(), &index.to_le_bytes()].concat();
    let tensors: Vec<u8> = (0..2_000_u32)
        .flat_map(|index| {
            let name = text(format!("encoder.block.{index}.layer.0.weight").as_bytes());
            let shape = [b"K\x04\x85".to_vec(), memo(5 * index)].concat();
            let stride = [b"K\x01\x85".to_vec(), memo(5 * index + 1)].concat();
            let tensor = tensor(&shape, &stride);
            [name, memo(5 * index + 2), tensor, memo(5 * index + 3), b"s".to_vec()].concat()
        })
        .collect();
    let file = open(&archive(&[b"}".as_slice(), &tensors].concat())).unwrap();
    assert_eq!(mtpt_io::TensorSource::names(&file).count(), 2_000);
}

#[test]
fn tar_archives_are_rejected() {
    // The size of an entry with holes is whatever its header claims.
    let mut header = vec![0; 512];
    header[..6].copy_from_slice(b"pickle");
    header[257..263].copy_from_slice(b"ustar ");
    let found = open(&header).unwrap_err().to_string();
    assert!(found.contains("it is a tar archive of a version of PyTorch before"), "{found}");
}

#[test]
fn pickles_execute_nothing() {
    let place = tempfile::tempdir().unwrap();
    let proof = place.path().join("executed");
    let command = format!("touch {}", proof.display());
    for module in ["posix\nsystem", "os\nsystem", "builtins\neval", "subprocess\ncall"] {
        let call = [format!("c{module}\n(").into_bytes(), text(command.as_bytes()), b"tR".to_vec()]
            .concat();
        for file in [call.clone(), [b"}X\x01\0\0\0a".as_slice(), &call, b"s"].concat()] {
            assert!(open(&pickle(&file)).is_err(), "{module}");
            assert!(open(&archive(&file)).is_err(), "{module}");
        }
    }
    assert!(!Path::new(&proof).exists());
}

#[test]
fn structure_of_pickles_is_limited() {
    for operations in [
        b"]".repeat(1_000_000),
        [b"]".repeat(100_000), b"a".repeat(99_999)].concat(),
        [b"(".repeat(100_000), b"t".repeat(100_000)].concat(),
        [b"N".as_slice(), &b"\x85".repeat(100_000)].concat(),
        [b"N".as_slice(), &b"r\xff\xff\xff\xff".repeat(100)].concat(),
        b"X\xff\xff\xff\xffa".to_vec(),
        b"B\xff\xff\xff\xffa".to_vec(),
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\xffa".to_vec(),
        b"\x8b\xff\xff\xff\x7fa".to_vec(),
        b"j\xff\xff\xff\xff".to_vec(),
    ] {
        assert!(open(&pickle(&operations)).is_err());
    }
}
