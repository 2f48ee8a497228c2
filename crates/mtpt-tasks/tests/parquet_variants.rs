//! Files in all encodings, and files that expand without limit. Written by
//! `scripts/generate_parquet_variants.py`.

use std::path::{Path, PathBuf};

use mtpt_tasks::{Example, Format, Reader};

use crate::message;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn read(name: &str) -> mtpt_tasks::Result<Vec<Example>> {
    let path = folder("parquet").join(format!("{name}.parquet"));
    Reader::open(Format::Parquet, &path)?.collect()
}

fn names(row: usize) -> Vec<String> {
    (0..row % 4).map(|item| format!("name {item}")).collect()
}

/// Checks the values of a row, which are a function of its number.
fn check_row(row: usize, found: &Example, context: &str) {
    let number = i64::try_from(row).unwrap();
    let text = |name: &str| found.get(name).map(str::to_owned);
    let checks = [
        ("id", Some((number * number * 7919 - 5000).to_string())),
        ("small", (!row.is_multiple_of(3)).then(|| (-number).to_string())),
        ("text", (row % 7 != 6).then(|| format!("common start {row} é").repeat(row % 3))),
        ("flag", Some(row.is_multiple_of(3).to_string())),
        ("single", Some(format!("{:?}", row as f32 / 4.0))),
        ("double", Some(format!("{:?}", row as f64 / 3.0))),
        ("half", Some(format!("{:?}", row as f32 / 2.0))),
    ];
    for (name, expected) in checks {
        assert_eq!(text(name), expected, "{context}, row {row}, {name}");
    }
    let cents = number - 5;
    let sign = if cents < 0 { "-" } else { "" };
    let price = format!("\"{sign}{}.{:02}\"", cents.abs() / 100, cents.abs() % 100);
    assert_eq!(found.to_json()["price"].to_string(), price, "{context}, row {row}");
    if row % 5 == 4 {
        assert!(message(found.require("names")).ends_with("found null"));
    } else {
        assert_eq!(found.require_texts("names").unwrap(), names(row), "{context}, row {row}");
    }
    if row % 4 == 3 {
        assert!(message(found.require("answers")).ends_with("found null"));
    } else {
        assert_eq!(found.numbers("answers.start").unwrap(), [row.to_string()]);
        if row % 5 != 4 {
            assert_eq!(found.require_texts("answers").unwrap(), names(row));
            assert_eq!(found.require_texts("answers.text").unwrap(), names(row));
        }
    }
    let other = if row.is_multiple_of(2) { "an array" } else { "a list of other values" };
    let nested = message(found.require("nested"));
    assert!(nested.contains(other), "{context}, row {row}: {nested}");
    assert!(message(found.require("map")).ends_with("found a map"));
    assert!(message(found.require("image")).ends_with("found bytes"));
}

#[test]
fn all_encodings_and_compressions_yield_the_same_rows() {
    let codecs = ["none", "snappy", "gzip", "zstd"];
    let variants = codecs.iter().flat_map(|codec| [format!("{codec}-v1"), format!("{codec}-v2")]);
    for name in variants.chain(["deltas-unpaged".to_owned()]) {
        let rows = read(&name).unwrap();
        assert_eq!(rows.len(), 30, "{name}");
        for (row, found) in rows.iter().enumerate() {
            check_row(row, found, &name);
        }
    }
}

#[test]
fn odd_but_valid_files_are_read() {
    assert!(read("no-rows").unwrap().is_empty());
    assert!(read("no-columns").unwrap().is_empty());
    let rows = read("empty-groups").unwrap();
    assert_eq!(rows.len(), 2);
    rows.iter().enumerate().for_each(|(row, found)| check_row(row, found, "empty groups"));
    let rows = read("nulls").unwrap();
    assert!(rows.len() == 1000 && rows.iter().all(|row| row.get("text").is_none()));
    let rows = read("one-value").unwrap();
    assert!(rows.len() == 100_000 && rows.iter().all(|row| row.get("text") == Some("same")));
    let name = ["a"; 101].join(".");
    assert_eq!(read("nested-100").unwrap()[0].get(&name), Some("7"));
}

#[test]
fn unsupported_compressions_are_named() {
    for (name, codec) in [("brotli", "Brotli"), ("lz4", "LZ4")] {
        let found = message(read(name));
        let expected =
            format!("the column `id` of row group 1 is compressed with {codec}; save it");
        assert!(found.contains(&expected), "{found}");
    }
}

#[test]
fn files_that_expand_without_limit_are_rejected() {
    for (name, expected) in [
        ("million-rows", "it has 9000000 values in "),
        ("repeated-text", "bytes of text in "),
        ("long-text", "bytes of decompressed pages in "),
        ("nested-400", "it is nested in more than 128 structures"),
    ] {
        let found = message(read(name));
        assert!(found.contains(expected), "{name}: {found}");
    }
}

/// Reads a file to its end, whatever is in it.
fn read_bytes(path: &Path, bytes: &[u8]) -> mtpt_tasks::Result<Vec<Example>> {
    std::fs::write(path, bytes).unwrap();
    Reader::open(Format::Parquet, path)?.collect()
}

/// Each file made the crate `parquet` 60.1.0 panic, abort or hang.
#[test]
fn damaged_files_are_rejected() {
    for path in mtpt_io::fs::read_dir(&folder("parquet-damaged")).unwrap() {
        let rows =
            Reader::open(Format::Parquet, &path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        if let Err(error) = rows {
            let found = error.to_string();
            assert!(found.contains(": expected a Parquet file, but "), "{found}");
        }
    }
}

#[test]
fn any_damage_yields_rows_or_errors() {
    let folder_of_copy = tempfile::tempdir().unwrap();
    let copy = folder_of_copy.path().join("rows.parquet");
    let mut rejected = 0;
    // All positions would take half a minute.
    for (name, step) in [("deltas-unpaged", 17), ("nulls", 5)] {
        let whole = std::fs::read(folder("parquet").join(format!("{name}.parquet"))).unwrap();
        for position in (0..whole.len()).step_by(step) {
            for byte in [0, 0xff, whole[position] ^ 1 << (position % 8)] {
                let mut damaged = whole.clone();
                damaged[position] = byte;
                rejected += usize::from(read_bytes(&copy, &damaged).is_err());
            }
            rejected += usize::from(read_bytes(&copy, &whole[..position]).is_err());
        }
    }
    assert!(rejected > 300, "{rejected}");
}
