use std::collections::VecDeque;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;
use mtpt_tasks::corpus::DocumentFormat;
use mtpt_tasks::data::{CompressionError, DataError};
use mtpt_tasks::{Error, Format, LabelsConfig, Layout, Reader, Split, Task, TaskConfig};

use crate::message;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    // As the program `zstd` does; without it, other text may be decompressed unnoticed.
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Returns the texts and the lines of the rows of a file.
fn rows(path: &Path) -> Vec<(String, usize)> {
    let rows = Layout::of_file(path, None).unwrap().open(path).unwrap();
    rows.map(|row| {
        let row = row.unwrap();
        (row.get("text").unwrap().to_owned(), row.location().line())
    })
    .collect()
}

const CSV: &str = "text,label\n\"two\nlines\",a\none,b\n";

#[test]
fn every_format_may_be_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    let utf16: Vec<u8> =
        "\u{feff}text;label\né;a\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, expected) in [
        (CSV.as_bytes(), vec![("two\nlines", 2), ("one", 4)]),
        (b"text\tlabel\na\tx\n", vec![("a", 2)]),
        (b"\"text\"\t\"label\"\n\"a \"\"b\"\"\"\t\"x\"\n", vec![("a \"b\"", 2)]),
        (b"\n{\"text\": \"a\"}\n{\"text\": \"b\"}\n", vec![("a", 2), ("b", 3)]),
        (b"[{\"text\": \"a\"},\n{\"text\": \"b\"}]", vec![("a", 1), ("b", 2)]),
        (&utf16, vec![("é", 2)]),
    ] {
        for compressed in [gzip(bytes), zstd(bytes)] {
            fs::write(&path, &compressed).unwrap();
            let expected: Vec<_> = expected.iter().map(|&(row, line)| (row.into(), line)).collect();
            assert_eq!(rows(&path), expected);
        }
    }
}

#[test]
fn first_bytes_decide_whatever_the_name() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("rows.csv", gzip(CSV.as_bytes())),
        ("rows.csv.gz", zstd(CSV.as_bytes())),
        ("rows.gz", CSV.as_bytes().to_vec()),
        // Several members or frames are one file, as `cat a.gz b.gz` writes them.
        ("two.gz", [gzip(&CSV.as_bytes()[..13]), gzip(&CSV.as_bytes()[13..])].concat()),
        ("two.zst", [zstd(&CSV.as_bytes()[..13]), zstd(&CSV.as_bytes()[13..])].concat()),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        assert_eq!(rows(&path).len(), 2, "{name}");
    }
}

#[test]
fn tasks_read_compressed_files() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..20).map(|row| format!("text {row},{}\n", ["a", "b"][row % 2])).collect();
    let text = format!("text,label\n{text}");
    let task = |bytes: &[u8]| {
        let path = folder.path().join("train.csv");
        fs::write(&path, bytes).unwrap();
        let config = TaskConfig {
            train: Some(path),
            hold_out: Some(0.2),
            template: Some("{text}".into()),
            labels: Some(LabelsConfig::Verbatim),
            ..TaskConfig::new("t".parse().unwrap(), Format::Csv)
        };
        let task = Task::new(&config).unwrap();
        let streamed = task.stream(Split::Train).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
        (streamed, task.read(Split::Dev).unwrap())
    };
    let plain = task(text.as_bytes());
    assert_eq!((plain.0.len(), plain.1.len()), (16, 4));
    assert_eq!(task(&gzip(text.as_bytes())), plain);
    assert_eq!(task(&zstd(text.as_bytes())), plain);
}

#[test]
fn documents_may_be_compressed() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("a.txt.gz", gzip(b"one\n\ntwo\n")),
        ("a.jsonl.zst", zstd(b"{\"text\": \"one\"}\n{\"text\": \"two\"}\n")),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let documents = DocumentFormat::of(&path).open(&path, None).unwrap();
        let documents: Vec<String> = documents.map(|document| document.unwrap().0).collect();
        assert_eq!(documents, ["one", "two"], "{name}");
    }
}

/// Returns rows that compress badly, so that a part of the compressed bytes holds some of them.
fn noisy_rows() -> String {
    let mut state = 1_u64;
    let mut number = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state >> 20
    };
    let rows: String = (0..20_000).map(|_| format!("{:x},a\n", number())).collect();
    format!("text,label\n{rows}")
}

#[test]
fn damaged_archives_are_located() {
    let text = noisy_rows();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv.gz");
    for (compressed, name) in [(gzip(text.as_bytes()), "gzip"), (zstd(text.as_bytes()), "zstd")] {
        let read = |bytes: &[u8]| -> Result<usize, Error> {
            fs::write(&path, bytes).unwrap();
            Ok(Reader::open(Format::Csv, &path)?.collect::<Result<Vec<_>, _>>()?.len())
        };
        assert_eq!(read(&compressed).unwrap(), 20_000);
        let half = compressed.len() / 2;
        let error = read(&compressed[..half]).unwrap_err();
        let Error::Compression(CompressionError::Incomplete { location, .. }) = &error else {
            panic!("{error}")
        };
        assert!((1_000..20_000).contains(&location.line()), "{error}");
        let expected = format!(
            "{location}: the {name} data ends early, as after an incomplete download or copy; \
             download or copy the file again"
        );
        assert_eq!(error.to_string(), expected);
        let mut other = compressed.clone();
        other[half..half + 64].fill(0x55);
        // Damaged data may decompress to other text, whose rows are invalid, before it is noticed.
        let found = read(&other).unwrap_err().to_string();
        let expected = format!("the {name} data is damaged in or before this line (");
        assert!(found.contains(&expected), "{found}");
        let stream =
            Reader::detect_stream(io::Cursor::new(compressed[..half].to_vec()), &path, None);
        assert!(message(stream.unwrap().collect::<Result<Vec<_>, _>>()).contains("ends early"));
    }
    // An invalid row of an intact file is located as usual.
    fs::write(&path, gzip(b"text,label\na\n")).unwrap();
    let found = message(Reader::open(Format::Csv, &path).unwrap().collect::<Result<Vec<_>, _>>());
    assert!(found.contains("rows.csv.gz:2: expected 2 fields"), "{found}");
}

#[test]
fn other_archives_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    for (bytes, expected) in [
        (
            b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46".as_slice(),
            "found an xz archive; unpack it, or compress it with gzip or zstd",
        ),
        (b"BZh91AY&SY\x01\x02\xff", "found a bzip2 archive; unpack it"),
        (b"PK\x03\x04\x14\0\0\0", "found a ZIP archive or a workbook; extract it"),
    ] {
        fs::write(&path, bytes).unwrap();
        let found = message(Layout::of_file(&path, None));
        assert!(found.contains(expected), "{found}");
    }
    // Parquet compresses its columns.
    fs::write(&path, gzip(b"PAR1\x15\0")).unwrap();
    assert!(message(Layout::of_file(&path, None)).contains("found a Parquet file in gzip data"));
    let error = Reader::detect_stream(&b"PAR1\x15\0"[..], Path::new("standard input"), None);
    assert!(matches!(error, Err(Error::Data(DataError::ParquetStream { .. }))), "{error:?}");
}

#[test]
fn data_that_expands_too_much_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv.gz");
    let line = [b"text,label\n".as_slice(), &b"a".repeat(10 << 20)].concat();
    let quoted = [b"text,label\n\"".as_slice(), &b"a".repeat(10 << 20)].concat();
    for bytes in [line, quoted] {
        for compressed in [gzip(&bytes), zstd(&bytes)] {
            fs::write(&path, compressed).unwrap();
            let expected = "expands to a line of more than 10 times its size; decompress it";
            let found = message(
                Reader::open(Format::Csv, &path)
                    .and_then(|mut rows| rows.try_for_each(|row| row.map(|_| ()))),
            );
            assert!(found.contains(expected), "{found}");
        }
    }
}

#[test]
fn large_windows_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv.zst");
    for (window_log, is_read) in [(20, true), (26, true), (27, false), (31, false)] {
        // A frame without size and with one block of its bytes.
        let window = ((window_log - 10) << 3) as u8;
        let header = [0x28, 0xb5, 0x2f, 0xfd, 0, window];
        let block = ((CSV.len() as u32) << 3 | 1).to_le_bytes();
        fs::write(&path, [&header[..], &block[..3], CSV.as_bytes()].concat()).unwrap();
        let rows = Reader::open(Format::Csv, &path)
            .and_then(|mut rows| rows.try_for_each(|row| row.map(|_| ())));
        assert_eq!(rows.is_ok(), is_read, "{window_log}: {rows:?}");
    }
}

/// A pipe that returns one part per read, and counts the reads.
struct Pipe {
    parts: VecDeque<&'static [u8]>,
    reads: Arc<Mutex<usize>>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        *self.reads.lock().unwrap() += 1;
        let Some(part) = self.parts.pop_front() else { return Ok(0) };
        buffer[..part.len()].copy_from_slice(part);
        Ok(part.len())
    }
}

#[test]
fn streams_are_read_once_and_line_by_line() {
    for (parts, format, expected) in [
        (vec![b"text,label\n".as_slice(), b"a,x\n", b"b,", b"y\n"], Format::Csv, vec!["a", "b"]),
        (vec![b"te", b"xt;label\n", b"a;x\n"], Format::CsvSemicolon, vec!["a"]),
        (vec![b"\n", b"text\tlabel\r\n", b"a\tx\r\n"], Format::Tsv, vec!["a"]),
        (
            vec![b"{\"text\": \"a\"}\n", b"{\"text\":", b" \"b\"}\n"],
            Format::JsonLines,
            vec!["a", "b"],
        ),
        (vec![b" ", b"[{\"text\": \"a\"}", b"]"], Format::JsonLines, vec!["a"]),
    ] {
        let (parts, reads) = (VecDeque::from(parts), Arc::new(Mutex::new(0)));
        let (header, pipe) = (parts.len(), Pipe { parts, reads: Arc::clone(&reads) });
        let rows = Reader::detect_stream(pipe, Path::new("standard input"), None).unwrap();
        assert_eq!(rows.layout().format, format);
        // The first row has not been waited for.
        assert!(*reads.lock().unwrap() < header);
        let rows = rows.map(|row| row.unwrap().get("text").unwrap().to_owned());
        assert_eq!(rows.collect::<Vec<_>>(), expected);
    }
    let empty = Reader::detect_stream(io::empty(), Path::new("standard input"), None);
    assert!(matches!(empty, Err(Error::Data(DataError::NoRows { .. }))), "{empty:?}");
}

#[test]
fn quotes_of_a_stream_are_detected_by_its_first_lines() {
    let quoted: &[u8] = b"\"text\"\t\"label\"\n\"a \"\"b\"\"\"\t\"x\"\n\"open\nline\"\t\"y\"\n";
    let rows = Reader::detect_stream(quoted, Path::new("standard input"), None).unwrap();
    let rows: Vec<_> = rows.map(|row| row.unwrap().get("text").unwrap().to_owned()).collect();
    assert_eq!(rows, ["a \"b\"", "open\nline"]);
}
