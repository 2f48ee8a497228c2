//! Files whose headers claim more than they contain.

use std::fs;
use std::io::Write;

use mtpt_io::layout::f32_values;
use mtpt_io::t5x::Checkpoint;
use mtpt_io::{ShardedFiles, TensorError, TensorSource, open};
use tempfile::TempDir;

/// Returns a checkpoint with the array `target.p` in a folder of its own.
fn zarr(description: &str, chunks: &[(&str, Vec<u8>)]) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("checkpoint"), b"\x81\xa6target\x81\xa1p\xafPLACEHOLDER://p")
        .unwrap();
    fs::create_dir(place.path().join("p")).unwrap();
    fs::write(place.path().join("p/.zarray"), description).unwrap();
    for (name, bytes) in chunks {
        fs::write(place.path().join("p").join(name), bytes).unwrap();
    }
    place
}

/// Returns the description of an array of 32-bit floats.
fn description(shape: &str, chunks: &str, compressor: &str, fill_value: &str) -> String {
    format!(
        r#"{{"chunks":{chunks},"compressor":{compressor},"dtype":"<f4","fill_value":{fill_value},
            "filters":null,"order":"C","shape":{shape},"zarr_format":2}}"#
    )
}

const GZIP: &str = r#"{"id":"gzip","level":1}"#;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Returns the message of opening a checkpoint and reading its array, with those of the causes.
#[track_caller]
fn message(place: &TempDir) -> String {
    let error = Checkpoint::open(place.path())
        .and_then(|checkpoint| checkpoint.read("target.p"))
        .expect_err("the array must be rejected");
    chain(&error)
}

fn chain(error: &TensorError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

#[test]
fn shapes_of_zarr_arrays_are_compared_with_their_chunks() {
    for (shape, chunks, expected) in [
        ("[1048576,256]", "[1048576,256]", "fits its chunk files of 0 bytes"),
        ("[2147483647,2]", "[1,2]", "fits its chunk files of 0 bytes"),
        ("[46116860,2]", "[1,2]", "fits its chunk files of 0 bytes"),
        ("[4611686018427387904,2]", "[1,2]", "`shape` has too many elements"),
        ("[18446744073709551615,4]", "[1,2]", "`shape` has too many elements"),
        ("[0,18446744073709551615,4]", "[1,1,2]", "`shape` has too many elements"),
        ("[18446744073709551616]", "[1]", "the description of array"),
        ("[2,4]", "[2,9223372036854775807]", "`chunks` have too many elements"),
        ("[2,4]", "[0,4]", "`chunks` must be sizes above zero"),
        ("[2,4]", "[2]", "one for each of the 2 axes"),
    ] {
        for (compressor, fill_value) in [(GZIP, "1.5"), ("null", "1.5"), (GZIP, "null")] {
            let place = zarr(&description(shape, chunks, compressor, fill_value), &[]);
            let message = message(&place);
            assert!(message.contains(expected), "{shape} {chunks}: {message}");
        }
    }
}

#[test]
fn chunks_expand_in_proportion_to_their_files() {
    let large = vec![0; 64 << 20];
    let chunk = gzip(&large);
    assert!(chunk.len() < 1 << 20);
    // The claim is true, but the file was made to fill the memory.
    let place =
        zarr(&description("[16777216]", "[16777216]", GZIP, "null"), &[("0", chunk.clone())]);
    assert!(message(&place).contains("expected a shape that fits its chunk files"));
    // A large chunk of a small array.
    let place = zarr(&description("[4]", "[16777216]", GZIP, "null"), &[("0", chunk.clone())]);
    assert!(
        message(&place).contains("`target.p` is truncated or damaged: expected 67108864 bytes")
    );
    // More than the chunk may have.
    let place = zarr(&description("[4]", "[4]", GZIP, "null"), &[("0", chunk)]);
    assert!(message(&place).contains("expected 16 bytes, found 17"));
    let plain = |length: usize| {
        let place = zarr(&description("[4]", "[4]", "null", "null"), &[("0", vec![0; length])]);
        Checkpoint::open(place.path()).unwrap().read("target.p").map_err(|error| chain(&error))
    };
    assert!(plain(16).is_ok());
    assert!(plain(15).unwrap_err().contains("expected 16 bytes, from a file of 15"));
    assert!(plain(17).unwrap_err().contains("expected 16 bytes, from a file of 17"));
}

#[test]
fn chunks_of_every_layout_are_joined() {
    let read = |place: &TempDir| Checkpoint::open(place.path()).unwrap().read("target.p").unwrap();
    // Chunks at the ends of both axes are partly outside the array.
    let chunks = [
        ("0.0", gzip(&floats(&[0.0, 1.0, 3.0, 4.0]))),
        ("0.1", gzip(&floats(&[2.0, 9.0, 5.0, 9.0]))),
        ("1.0", gzip(&floats(&[6.0, 7.0, 9.0, 9.0]))),
        ("1.1", gzip(&floats(&[8.0, 9.0, 9.0, 9.0]))),
        // No chunks of this array.
        ("0.2", vec![1]),
        ("00.0", vec![1]),
        ("0", vec![1]),
    ];
    let place = zarr(&description("[3,3]", "[2,2]", GZIP, "null"), &chunks);
    assert_eq!(f32_values(&read(&place)), (0..9).map(|value| value as f32).collect::<Vec<_>>());
    fs::remove_file(place.path().join("p/1.0")).unwrap();
    assert!(message(&place).contains("p/1.0` of array `target.p` is missing"));
    let place = zarr(&description("[]", "[]", "null", "null"), &[("0", floats(&[2.5]))]);
    assert_eq!(f32_values(&read(&place)), [2.5]);
    let place = zarr(&description("[0,4]", "[1,4]", GZIP, "null"), &[]);
    assert!(f32_values(&read(&place)).is_empty());
    let big_endian = description("[2]", "[2]", "null", "null").replace("<f4", ">f4");
    let bytes = [1.0_f32, -2.0].iter().flat_map(|value| value.to_be_bytes()).collect();
    assert_eq!(f32_values(&read(&zarr(&big_endian, &[("0", bytes)]))), [1.0, -2.0]);
}

#[test]
fn unsupported_zarr_arrays_are_named() {
    let valid = description("[2]", "[2]", "null", "null");
    for (from, to, expected) in [
        (r#""order":"C""#, r#""order":"F""#, "`order` must be `C`, but is `F`"),
        (
            r#""compressor":null"#,
            r#""compressor":{"id":"blosc"}"#,
            "`gzip` or none, but is `blosc`",
        ),
        (r#""filters":null"#, r#""filters":[{"id":"delta"}]"#, "`filters` are not supported"),
        (r#""filters":null"#, r#""dimension_separator":"/""#, "must be `.`, but is `/`"),
        (r#""fill_value":null"#, r#""fill_value":"AAAA""#, "`fill_value` must be a number"),
    ] {
        let message = message(&zarr(&valid.replace(from, to), &[("0", floats(&[1.0, 2.0]))]));
        assert!(message.contains(expected), "{message}");
    }
}

/// Opens a checkpoint with a msgpack file.
fn msgpack(bytes: &[u8]) -> Result<Checkpoint, TensorError> {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("checkpoint"), bytes).unwrap();
    Checkpoint::open(place.path())
}

#[test]
fn nesting_of_msgpack_files_is_limited() {
    for depth in [100, 100_000] {
        for nested in [b"\x81\xa1a".repeat(depth), vec![0x91; depth]] {
            let error = msgpack(&[b"\x81\xa6target".as_slice(), &nested, b"\x01"].concat());
            assert!(chain(&error.unwrap_err()).contains("depth limit exceeded"));
        }
    }
    assert!(
        msgpack(&[b"\x81\xa6target".as_slice(), &b"\x81\xa1a".repeat(20), b"\x01"].concat())
            .is_ok()
    );
}

#[test]
fn lengths_of_msgpack_files_are_claims() {
    for claim in [
        b"\xdf\xff\xff\xff\xff".as_slice(),
        b"\xdd\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
    ] {
        let error = msgpack(&[b"\x81\xa6target\x81\xa1a".as_slice(), claim].concat()).unwrap_err();
        assert!(error.to_string().contains("is truncated: it ends after"), "{error}");
    }
}

#[test]
fn long_names_of_branches_are_limited() {
    for letter in ["x", "é", "語"] {
        // Every array's name contains that of its branch.
        let text = letter.repeat((1 << 20) / letter.len());
        let length = (text.len() as u32).to_be_bytes();
        let name = [b"\xdb".as_slice(), &length, text.as_bytes()].concat();
        let arrays: Vec<u8> = (0..99_u8).flat_map(|number| [0xa1, number, 1]).collect();
        let file = [b"\x81\xa6target\x81".as_slice(), &name, b"\xde\0\x63", &arrays].concat();
        let error = msgpack(&file).unwrap_err().to_string();
        assert!(
            error.contains("names that aren't too long, found more than 16777216 bytes"),
            "{error}"
        );
        assert!(error.len() < 1000);
    }
}

#[test]
fn pieces_of_dictionaries_are_found_in_linear_time() {
    // {"__msgpack_chunked_array__": true, "shape": {}, "chunks": {"0": 1, "1": 1, ...}}
    let count = 200_000_u32;
    let entries = (0..count).flat_map(|number| {
        let key = number.to_string();
        [vec![0xa0 | key.len() as u8], key.into_bytes(), vec![1]].concat()
    });
    let file: Vec<u8> =
        b"\x81\xa6target\x81\xa1a\x83\xb9__msgpack_chunked_array__\xc3\xa5shape\x80"
            .iter()
            .chain(b"\xa6chunks\xdf")
            .copied()
            .chain(count.to_be_bytes())
            .chain(entries)
            .collect();
    let error = msgpack(&file).unwrap_err().to_string();
    assert!(error.contains("expected parts that are arrays"), "{error}");
}

#[test]
fn archives_of_arrays_expand_in_proportion() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("prompt.npz");
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (8388608,), }";
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    archive.start_file("a.npy", zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(b"\x93NUMPY\x01\0").unwrap();
    archive.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
    archive.write_all(header.as_bytes()).unwrap();
    archive.write_all(&vec![0; 32 << 20]).unwrap();
    archive.finish().unwrap();
    assert!(fs::metadata(&path).unwrap().len() < 1 << 20);
    let error = open(&path).err().unwrap().to_string();
    assert!(error.contains("`a.npy` expands to more than"), "{error}");
}

/// Writes a safetensors file of a header and returns the message of opening it.
fn safetensors(header: &str, data: &[u8]) -> String {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.safetensors");
    let length = (header.len() as u64).to_le_bytes();
    fs::write(&path, [&length, header.as_bytes(), data].concat()).unwrap();
    open(&path).err().unwrap().to_string()
}

#[test]
fn headers_of_safetensors_files_are_checked() {
    let tensor = |shape: &str, start: u64, end: u64| {
        format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":[{start},{end}]}}}}"#)
    };
    for header in [
        tensor("[4611686018427387903]", 0, 18_446_744_073_709_551_612),
        tensor("[1152921504606846975]", 0, 4_611_686_018_427_387_900),
        tensor("[4611686018427387904,4]", 0, 0),
        tensor("[0,4611686018427387904,4]", 0, 0),
        tensor(&format!("[{}1]", "1,".repeat(100_000)), 0, 4),
        tensor("[1]", 4, 8),
        tensor("[1]", 4, 0),
        "[".repeat(100_000),
        format!(r#"{{"a":{}}}"#, "[".repeat(100_000)),
    ] {
        let message = safetensors(&header, &[0; 4]);
        let is_described = message.contains("damaged: ");
        assert!(is_described && message.len() < 500, "{message}");
    }
}

#[test]
fn shards_are_files_next_to_their_index() {
    let place = tempfile::tempdir().unwrap();
    let index = place.path().join("model.safetensors.index.json");
    let message = |text: &str| {
        fs::write(&index, text).unwrap();
        ShardedFiles::open(&index, open).err().unwrap().to_string()
    };
    for name in ["../a", "/etc/passwd", "a/b", "..", ".", "", "a/", "a/.."] {
        let found = message(&format!(r#"{{"weight_map": {{"t": "{name}"}}}}"#));
        assert!(found.contains("expected the name of a file next to it"), "{name}: {found}");
    }
    let names: Vec<String> = (0..300_000).map(|n| format!(r#""{n}":"{n}.safetensors""#)).collect();
    let found = message(&format!(r#"{{"weight_map": {{{}}}}}"#, names.join(",")));
    assert!(found.contains("300000 of the 300000 files it lists are missing"), "{found}");
    assert!(found.len() < 1000);
}
