use std::path::Path;

use mtpt_tasks::{Dialect, Encoding, Example, Format, Layout, Result, Split, TaskFile};

use crate::message;

fn layout(format: Format, encoding: Option<&str>, dialect: Option<Dialect>) -> Layout {
    Layout { format, encoding: encoding.map(|name| name.parse().unwrap()), dialect }
}

fn read(layout: Layout, bytes: &[u8]) -> Result<Vec<Example>> {
    layout.read(bytes, Path::new("rows")).collect()
}

fn csv(bytes: &[u8]) -> Result<Vec<Example>> {
    read(Format::Csv.into(), bytes)
}

fn tsv(bytes: &[u8]) -> Result<Vec<Example>> {
    read(Format::Tsv.into(), bytes)
}

const QUOTED: Option<Dialect> = Some(Dialect { separator: None, quotes: Some(true) });
const LITERAL: Option<Dialect> = Some(Dialect { separator: None, quotes: Some(false) });

/// Returns the texts of two columns.
#[track_caller]
fn columns(rows: Result<Vec<Example>>) -> Vec<(String, String)> {
    let text = |row: &Example, field: &str| row.require(field).unwrap().to_owned();
    rows.unwrap().iter().map(|row| (text(row, "text"), text(row, "label"))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|&(text, label)| (text.to_owned(), label.to_owned())).collect()
}

/// Returns a text in UTF-16 with a byte order mark.
fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    let unit = |unit: u16| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() };
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(unit).collect()
}

#[test]
fn byte_order_marks_select_the_encoding() {
    let text = "\"text\",\"label\"\r\n\"a, b\",\"pos\"\r\n\"two\r\nlines \u{1f680}\",\"neg\"\r\n";
    let expected = pairs(&[("a, b", "pos"), ("two\nlines \u{1f680}", "neg")]);
    for bytes in [
        text.as_bytes().to_vec(),
        format!("\u{feff}{text}").into_bytes(),
        utf16(text, false),
        utf16(text, true),
    ] {
        assert_eq!(columns(csv(&bytes)), expected);
    }
    // A mark that was written twice, as by an editor for a file that has one.
    let twice = "\u{feff}\u{feff}text,label\na,pos\n".as_bytes();
    assert_eq!(columns(csv(twice)), pairs(&[("a", "pos")]));
    let json = utf16("{\"text\": \"é\", \"label\": 1}\n", false);
    assert_eq!(columns(read(Format::JsonLines.into(), &json)), pairs(&[("é", "1")]));
    let tabs = utf16("text\tlabel\nü\tpos\n", true);
    assert_eq!(columns(tsv(&tabs)), pairs(&[("ü", "pos")]));
}

#[test]
fn encodings_are_chosen_by_name() {
    let latin = b"text,label\ncaf\xe9 \x80,pos\n";
    let found = columns(read(layout(Format::Csv, Some("latin-1"), None), latin));
    assert_eq!(found, pairs(&[("café €", "pos")]));
    let japanese = b"text\tlabel\n\x93\xfa\x96\x7b\tpos\n";
    let found = columns(read(layout(Format::Tsv, Some("shift_jis"), None), japanese));
    assert_eq!(found, pairs(&[("日本", "pos")]));
    // Without a mark.
    let little: Vec<u8> = "text,label\né,a\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(columns(csv(&little)), pairs(&[("é", "a")]));
}

#[test]
fn other_bytes_are_located() {
    for (format, bytes) in [
        (Format::Csv, &b"text,label\nok,pos\ncaf\xe9,pos\n"[..]),
        (Format::Tsv, b"text\tlabel\nok\tpos\ncaf\xe9\tpos\n"),
        (Format::JsonLines, b"{}\n{}\n{\"text\": \"caf\xe9\"}\n"),
    ] {
        let found = message(read(format.into(), bytes));
        assert!(found.starts_with("rows:3: expected text in UTF-8, found other bytes"), "{found}");
        assert!(found.contains("`encoding = \"windows-1252\"`"), "{found}");
    }
    // Half of a surrogate pair in the second line.
    let mut broken = utf16("text,label\na", false);
    broken.extend(b"\x3d\xd8,\0b\0\n\0");
    let found = message(csv(&broken));
    assert_eq!(
        found,
        "rows:2: expected text in UTF-16LE, found other bytes; set another `encoding`, or save the file as UTF-8"
    );
}

#[test]
fn files_of_other_kinds_are_named() {
    for (bytes, expected) in [
        (&b"\x1f\x8b\x08\0"[..], "a gzip archive; unpack it"),
        (b"PK\x03\x04..", "a ZIP archive or a workbook"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"\n<!DOCTYPE html>\n", "an HTML page"),
        (b"\x93NUMPY\x01\0", "a NumPy array; convert it to CSV"),
        (b"\xff\xfe\0\0t\0\0\0", "text in UTF-32"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"SQLite format 3\0", "a SQLite database"),
    ] {
        for format in [Format::Csv, Format::Tsv, Format::JsonLines, Format::GlueSst2] {
            let found = message(read(format.into(), bytes));
            assert!(found.starts_with("rows: expected rows as text, found "), "{found}");
            assert!(found.contains(expected), "{found}");
        }
    }
}

#[test]
fn lines_end_in_any_way() {
    let expected = pairs(&[("one", "pos"), ("two", "neg"), ("three", "pos")]);
    for ends in ["\n", "\r\n", "\r"] {
        for last in ["", ends] {
            let rows = ["text,label", "one,pos", "two,neg", "three,pos"].join(ends) + last;
            assert_eq!(columns(csv(rows.as_bytes())), expected, "{rows:?}");
            assert_eq!(columns(tsv(rows.replace(',', "\t").as_bytes())), expected, "{rows:?}");
        }
    }
    let mixed = b"\r\n\ntext,label\r\none,pos\ntwo,neg\rthree,pos";
    let rows = csv(mixed).unwrap();
    let lines: Vec<usize> = rows.iter().map(|row| row.location().line()).collect();
    assert_eq!(lines, [4, 5, 6]);
    assert_eq!(columns(Ok(rows)), expected);
    // Texts of tables without quotes may contain carriage returns.
    let found = columns(tsv(b"text\tlabel\na\rb\tpos\n"));
    assert_eq!(found, pairs(&[("a\rb", "pos")]));
}

#[test]
fn line_separators_of_unicode_are_text() {
    for sign in ['\u{2028}', '\u{2029}', '\u{85}', '\u{b}', '\u{c}', '\0'] {
        let text = format!("a{sign}b");
        let expected = pairs(&[(&text, "pos")]);
        assert_eq!(columns(csv(format!("text,label\n{text},pos\n").as_bytes())), expected);
        assert_eq!(columns(tsv(format!("text\tlabel\n{text}\tpos\n").as_bytes())), expected);
    }
}

#[test]
fn blanks_around_header_names_are_ignored() {
    for header in ["text , label", " \"text\", \"label\" ", "\u{a0}text,\u{feff}label\t"] {
        let rows = format!("{header}\none, pos\n").into_bytes();
        let row = csv(&rows).unwrap().remove(0);
        assert_eq!((row.get("text"), row.get("label")), (Some("one"), Some(" pos")), "{header:?}");
        // Definitions that contain the blanks remain valid.
        assert_eq!(row.get(" label"), Some(" pos"));
    }
}

#[test]
fn columns_without_a_name_are_ignored() {
    let expected = pairs(&[("a", "pos"), ("b", "neg")]);
    for rows in [
        "text,label,\na,pos,\nb,neg,\n",
        "text,label,,\na,pos,,\nb,neg,,\n",
        "text,label,,\na,pos\nb,neg,\n",
        "text,label,\na,pos,note\nb,neg\n",
        ",text,label\n0,a,pos\n1,b,neg\n",
        ",,text,,label\n0,1,a,,pos\n2,3,b,,neg\n",
        "id,text,id,label\n1,a,2,pos\n3,b,4,neg\n",
    ] {
        assert_eq!(columns(csv(rows.as_bytes())), expected, "{rows}");
        let tabs = rows.replace(',', "\t");
        assert_eq!(columns(tsv(tabs.as_bytes())), expected, "{rows}");
    }
    let row = csv(b",text,label\n0,a,pos\n").unwrap().remove(0);
    assert_eq!(row.fields().count(), 2);
    let found = message(row.require("txet").map(str::len));
    assert!(found.contains("found `text`, `label`; did you mean `text`?"), "{found}");
}

#[test]
fn repeated_columns_are_errors_if_they_are_used() {
    let rows = csv(b"\ntext,label,text\na,pos,x\n").unwrap();
    assert_eq!(rows[0].get("label"), Some("pos"));
    assert_eq!(
        message(rows[0].require("text").map(str::len)),
        "rows:2: expected the field `text` once, found it again; rename one of them"
    );
    // Names that differ only in blanks are the same.
    let rows = csv(b"text,label,text \na,pos,x\n").unwrap();
    assert!(rows[0].require("text").is_err());
}

#[test]
fn rows_of_separators_alone_are_skipped() {
    let expected = pairs(&[("a", "pos"), ("b", "neg")]);
    for rows in ["text,label\na,pos\n,\nb,neg\n,\n", "text,label\n,\n\n   \na,pos\n,,,\nb,neg\n"] {
        assert_eq!(columns(csv(rows.as_bytes())), expected, "{rows}");
        assert_eq!(columns(tsv(rows.replace(',', "\t").as_bytes())), expected, "{rows}");
    }
    // An empty text is a row if it is quoted, or has a label.
    assert_eq!(columns(csv(b"text,label\n\"\",\n,pos\n")), pairs(&[("", ""), ("", "pos")]));
}

#[test]
fn additional_separators_are_ignored_but_not_fields() {
    let found = columns(csv(b"text,label\na,pos,\nb,neg,,\nc,pos\n"));
    assert_eq!(found, pairs(&[("a", "pos"), ("b", "neg"), ("c", "pos")]));
    for (rows, found) in [("text,label\na,pos,x\n", 3), ("text,label,x\na,pos\n", 2)] {
        let message = message(csv(rows.as_bytes()));
        assert!(message.starts_with("rows:2: expected "), "{message}");
        assert!(message.ends_with(&format!("fields separated by commas, found {found}")));
    }
}

#[test]
fn first_lines_of_spreadsheets_name_the_separator() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    for (text, format, separator) in [
        ("sep=;\ntext;label\na, b;pos\n", Format::CsvSemicolon, None),
        ("SEP=,\r\ntext,label\r\na, b,pos\r\n", Format::Csv, None),
        ("\u{feff}\"sep=|\"\ntext|label\na, b|pos\n", Format::Csv, Some('|')),
        ("text|label\na, b|pos\n", Format::Csv, Some('|')),
        ("sep=\t\ntext\tlabel\na, b\tpos\n", Format::Tsv, None),
    ] {
        let text = if format == Format::Csv && separator.is_none() {
            text.replace("a, b", "\"a, b\"")
        } else {
            text.to_owned()
        };
        std::fs::write(&path, &text).unwrap();
        let layout = Layout::of_file(&path, None).unwrap();
        assert_eq!(
            (layout.format, layout.dialect.and_then(|it| it.separator)),
            (format, separator)
        );
        let rows = layout.open(&path).unwrap().collect();
        assert_eq!(columns(rows), pairs(&[("a, b", "pos")]), "{text}");
    }
    assert_eq!(
        message(csv(b"sep=;\ntext;label\na;pos\n")),
        "rows:1: the fields seem to be separated by `;`, which is `format = \"csv_semicolon\"`"
    );
    assert_eq!(
        message(csv(b"text|label\na|pos\n")),
        "rows:1: the fields seem to be separated by `|`, which is `dialect = { separator = \"|\" }`"
    );
}

const LOOSE: &[u8] = b"text\tlabel\nfirst\tpos\n\"second\tneg\nthird \"quoted\" word\tpos\n\
                       four\" inches\tneg\n\"all of it\"\tpos\n\"\"\tneg\n";

#[test]
fn loose_quotes_of_tabs_are_text() {
    let expected = pairs(&[
        ("first", "pos"),
        ("\"second", "neg"),
        ("third \"quoted\" word", "pos"),
        ("four\" inches", "neg"),
        ("\"all of it\"", "pos"),
        ("\"\"", "neg"),
    ]);
    assert_eq!(columns(tsv(LOOSE)), expected);
    assert_eq!(columns(read(layout(Format::Tsv, None, LITERAL), LOOSE)), expected);
    // GLUE's files are never quoted.
    let glue = b"sentence\tlabel\n\"she said \"\"hi\"\"\"\t1\n";
    assert_eq!(read(Format::GlueSst2.into(), glue).unwrap()[0].get("sentence").unwrap().len(), 17);
}

#[test]
fn quoted_tabs_are_read_by_the_dialect_or_refused() {
    // As written by pandas and by Python's `csv`, with `QUOTE_ALL` for the last.
    for (rows, expected, line) in [
        ("text\tlabel\n\"she said \"\"hi\"\"\"\tpos\n", "she said \"hi\"", 2),
        ("text\tlabel\n\"\"\"quoted\"\" k2\"\tpos\n", "\"quoted\" k2", 2),
        ("text\tlabel\n\"tab\there\"\tpos\n", "tab\there", 2),
        ("text\tlabel\n\"two\nlines\"\tpos\n", "two\nlines", 2),
        ("\"text\"\t\"label\"\n\"plain\"\t\"pos\"\n", "plain", 1),
    ] {
        let found = message(tsv(rows.as_bytes()));
        assert!(found.starts_with(&format!("rows:{line}: ")), "{found}");
        assert!(found.contains("dialect = { quotes = true }"), "{found}");
        let found = columns(read(layout(Format::Tsv, None, QUOTED), rows.as_bytes()));
        assert_eq!(found, pairs(&[(expected, "pos")]));
    }
}

#[test]
fn quoting_of_files_with_tabs_is_detected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.tsv");
    for (rows, quoted) in [
        (&b"text\tlabel\nplain\tneg\n\"two\nlines\"\tpos\n"[..], true),
        (b"\"text\"\t\"label\"\n\"plain\"\t\"pos\"\n", true),
        (b"text\tlabel\n\"she said \"\"hi\"\"\"\tpos\n", true),
        (LOOSE, false),
        // Neither reading is possible; the default one reports the error.
        (b"text\tlabel\n\"two\tlines\tpos\n", false),
    ] {
        std::fs::write(&path, rows).unwrap();
        let layout = Layout::of_file(&path, None).unwrap();
        assert_eq!(layout.dialect, QUOTED.filter(|_| quoted), "{layout:?}");
    }
}

#[test]
fn quoted_fields_of_a_row_are_limited() {
    let lines = |count: usize| format!("{}\n", "a".repeat(1 << 20)).repeat(count);
    let table = |rows: String| csv(format!("text,label\n{rows}").as_bytes());
    assert_eq!(table(format!("\"{}\",b\n", lines(15))).unwrap().len(), 1);
    for rows in [format!("\"{}\",b\n", lines(17)), format!("\"{}\",\"{}\"\n", lines(9), lines(9))] {
        assert!(message(table(rows)).contains("only after 16 MiB"));
    }
}

#[test]
fn quotes_have_their_place() {
    let found = columns(csv(b"text,label\n\"a\" , \"pos\"\nb \"c\" d,\"neg\"\n \"e\" f,pos\n"));
    assert_eq!(found, pairs(&[("a", "pos"), ("b \"c\" d", "neg"), (" \"e\" f", "pos")]));
    for (rows, expected) in [
        (
            "text,label\na,b\n\"c,d\ne,f\n",
            "rows:3: a quote that opens in this line is never closed",
        ),
        // The quote opens behind a field of two lines.
        (
            "text,label\n\"a\nb\",\"c\nd\n",
            "rows:3: a quote that opens in this line is never closed",
        ),
        (
            "text,label\n\"she said \"hi\" to me\",pos\n",
            "rows:2: expected a separator after the closing quote of a field, found `hi\" to me\",pos`",
        ),
        (
            "text,label\na,\"open\nb,\"c\"\n",
            "rows:2: expected a separator after the closing quote of a field (in line 3), found `c\"`",
        ),
    ] {
        let found = message(csv(rows.as_bytes()));
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn long_fields_are_read() {
    let long = "word ".repeat(60_000);
    let rows = format!("text,label\n\"{long}\",pos\n{long},neg\n");
    let found = columns(csv(rows.as_bytes()));
    assert_eq!(found.iter().map(|row| row.0.len()).collect::<Vec<_>>(), [300_000; 2]);
}

/// Parses a task with one file.
fn task(rows: &[u8], keys: &str) -> Result<Vec<mtpt_tasks::Instance>> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rows"), rows).unwrap();
    let text = format!(
        "[[tasks]]\nname = \"t\"\ndev = \"rows\"\ntemplate = \"{{text}}\"\nlabels = [\"pos\", \"neg\"]\n{keys}"
    );
    let file = TaskFile::parse(&text, &folder.path().join("tasks.toml"))?;
    file.tasks()[0].read(Split::Dev)
}

#[test]
fn tasks_have_an_encoding_and_a_dialect() {
    let keys = "format = \"csv\"\nencoding = \"latin1\"\ndialect = { separator = \"|\" }";
    let rows = task(b"text|label\ncaf\xe9, th\xe9|pos\n", keys).unwrap();
    assert_eq!(rows[0].input, "café, thé");
    let keys = "format = \"tsv\"\ndialect = { quotes = true }";
    assert_eq!(task(b"text\tlabel\n\"a\tb\"\tneg\n", keys).unwrap()[0].input, "a\tb");
    // A column with the label, with blanks around names and labels.
    let rows = task(b"text , label\none, pos\ntwo,neg \n", "format = \"csv\"").unwrap();
    assert_eq!(rows.iter().map(|row| row.label).collect::<Vec<_>>(), [0, 1]);
    for (keys, expected) in [
        ("format = \"csv\"\nencoding = \"utf-9\"", "unknown encoding `utf-9`"),
        ("format = \"json\"\ndialect = {}", "`dialect` is for the formats `csv`, `csv_semicolon`"),
        ("format = \"glue_sst2\"\ndialect = { quotes = true }", "not for `format = \"glue_sst2\"`"),
        ("format = \"parquet\"\nencoding = \"utf-8\"", "`encoding` is for text files"),
        ("format = \"csv\"\ndialect = { separator = \"a\" }", "to be a tab or a sign such as `|`"),
        ("format = \"csv\"\ndialect = { quote = true }", "did you mean `quotes`?"),
    ] {
        let found = message(task(b"", keys));
        assert!(found.contains(expected), "{found}");
    }
    let name: Encoding = "cp1252".parse().unwrap();
    assert_eq!(serde_json::to_string(&name).unwrap(), "\"windows-1252\"");
}

#[test]
fn blank_inputs_are_marked() {
    let rows = task(b"text,label\n,pos\n\" \",neg\nx,pos\n", "format = \"csv\"").unwrap();
    assert_eq!(rows.iter().map(|row| row.is_blank).collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn task_files_may_start_with_a_byte_order_mark() {
    let text =
        "\u{feff}[[tasks]]\nname = \"t\"\nformat = \"csv\"\ndev = \"rows\"\nlabels = [\"a\"]\n";
    let found = message(TaskFile::parse(text, Path::new("tasks.toml")));
    assert!(found.starts_with("tasks.toml:1: task `t`: expected a `template`"), "{found}");
    let found =
        message(TaskFile::parse("\u{feff}\n[[tasks]]\nnane = 1\n", Path::new("tasks.toml")));
    assert!(found.starts_with("tasks.toml:3: unknown field `nane`"), "{found}");
}

/// A few kilobytes of compressed separators would otherwise take a hundred megabytes.
#[test]
fn rows_of_a_hundred_thousand_fields_are_the_longest() {
    let row = |fields: usize| vec!["x"; fields].join(",").into_bytes();
    for quoted in [false, true] {
        let start: &[u8] = if quoted { b"\"a\",b\n" } else { b"a,b\n" };
        let bytes = [start, &row(100_001)].concat();
        let message = csv(&bytes).unwrap_err().to_string();
        assert!(message.contains("more than 100000 fields"), "{message}");
        let message = csv(&row(100_001)).unwrap_err().to_string();
        assert!(message.contains("more than 100000 fields"), "{message}");
        // As many are allowed, but not more than the header has.
        let message = csv(&[start, &row(100_000)].concat()).unwrap_err().to_string();
        assert!(!message.contains("more than"), "{message}");
    }
    let tabs = vec![b'\t'; 100_000];
    assert!(tsv(&tabs).unwrap_err().to_string().contains("more than 100000 fields"));
}
