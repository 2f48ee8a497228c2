use std::path::Path;

use mtpt_tasks::{Example, Format, Reader, Result};
use proptest::prelude::*;

use crate::message;

fn rows(format: Format, text: &[u8]) -> Result<Vec<Example>> {
    Reader::new(format, text, Path::new("rows")).collect()
}

fn fields(example: &Example) -> Vec<(&str, &str)> {
    example.fields().collect()
}

#[test]
fn names_columns_with_and_without_header() {
    let cola = rows(Format::GlueCola, b"gj04\t1\t\tIt rains.\ncj99\t0\t*\tRains it.\n").unwrap();
    assert_eq!(
        fields(&cola[1]),
        [("source", "cj99"), ("label", "0"), ("original_label", "*"), ("sentence", "Rains it.")]
    );
    assert_eq!(cola[1].location().to_string(), "rows:2");

    let mrpc = "\u{feff}Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t7\t8\tA \"b\tx\n0\t9\t9\tc\" \"\td";
    let mrpc = rows(Format::GlueMrpc, mrpc.as_bytes()).unwrap();
    assert_eq!(
        fields(&mrpc[1]),
        [("label", "0"), ("id1", "9"), ("id2", "9"), ("sentence1", "c\" \""), ("sentence2", "d")]
    );

    let tsv = rows(Format::Tsv, b"a\tb c\r\n1\t 2 \r\n\r\n\n3\t\n").unwrap();
    assert_eq!(fields(&tsv[0]), [("a", "1"), ("b c", " 2 ")]);
    assert_eq!(fields(&tsv[1]), [("a", "3"), ("b c", "")]);
    assert_eq!(tsv[1].location().line(), 5);
    assert!(rows(Format::Tsv, b"a\tb").unwrap().is_empty());
}

#[test]
fn validates_the_headers_of_glue() {
    for (format, header) in [
        (
            Format::GlueMnli,
            "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse\tsentence1\tsentence2\tlabel1\tgold_label",
        ),
        (Format::GlueQnli, "index\tquestion\tsentence\tlabel"),
        (Format::GlueQqp, "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate"),
        (Format::GlueRte, "index\tsentence1\tsentence2\tlabel"),
        (Format::GlueSst2, "sentence\tlabel"),
        (
            Format::GlueStsb,
            "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
        ),
        (Format::GlueWnli, "index\tsentence1\tsentence2\tlabel"),
    ] {
        let row = header.replace(|character| character != '\t', "x");
        let text = format!("{header}\n{row}\n");
        assert_eq!(rows(format, text.as_bytes()).unwrap().len(), 1, "{format:?}");
        let found = message(rows(format, b"sentence\tindex\n"));
        assert!(found.starts_with("rows:1: expected the header `"), "{found}");
        assert!(found.ends_with("found `sentence`, `index`"), "{found}");
    }
}

#[test]
fn locates_rows_with_a_wrong_number_of_fields() {
    let header = "sentence\tlabel\n";
    for (row, count) in [("only text", 1), ("a\tb\tc", 3)] {
        let text = format!("{header}good\t1\n{row}\nmore\t0\n");
        let mut reader = Reader::new(Format::GlueSst2, text.as_bytes(), Path::new("SST-2/dev.tsv"));
        assert!(reader.next().unwrap().is_ok());
        assert_eq!(
            message(reader.next().unwrap()),
            format!("SST-2/dev.tsv:3: expected 2 fields separated by tabs, found {count}")
        );
        assert!(reader.next().is_none());
    }
}

#[test]
fn reports_invalid_files() {
    let found = message(rows(Format::GlueSst2, b"sentence\tlabel\n\xff\t1\n"));
    assert_eq!(
        found,
        "rows:2: expected text in UTF-8, found other bytes; set `encoding` (such as `encoding = \"windows-1252\"` for Latin-1), or save the file as UTF-8 (a workbook as \"CSV UTF-8\")"
    );
    assert_eq!(
        message(rows(Format::Tsv, b"")),
        "rows: expected a header line, found an empty file"
    );
    let error = Reader::open(Format::Tsv, Path::new("no/such.tsv")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read `no/such.tsv`");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn converts_json_values_to_text() {
    let text = "\u{feff}{\"text\": \"a\\tb \\u00e9\", \"label\": 1, \"score\": 2.50, \"yes\": true}\r\n\n\
                {\"label\": -3, \"text\": \"\", \"spans\": [1], \"none\": null}\n";
    let rows = rows(Format::JsonLines, text.as_bytes()).unwrap();
    assert_eq!(
        fields(&rows[0]),
        [("text", "a\tb é"), ("label", "1"), ("score", "2.50"), ("yes", "true")]
    );
    assert_eq!(fields(&rows[1]), [("label", "-3"), ("text", "")]);
    assert_eq!(
        message(rows[1].require("spans").map(str::len)),
        "rows:3: expected text, a number or a boolean in the field `spans`, found an array"
    );
    assert_eq!(
        message(rows[1].require("score").map(str::len)),
        "rows:3: expected the field `score`, found `label`, `text`, `spans`, `none`"
    );
    assert_eq!(rows[1].get("none"), None);
}

#[test]
fn locates_lines_that_are_not_objects() {
    let found = message(rows(Format::JsonLines, b"{}\n[1]\n"));
    assert_eq!(found, "rows:2: expected a JSON object, found an array");
    let found = message(rows(Format::JsonLines, b"{\"text\": \"a\"\n"));
    assert_eq!(
        found,
        "rows:1: expected a complete JSON object, found the end of the file before `}`"
    );
}

#[test]
fn reads_separators_and_line_breaks_in_quotes() {
    let text = "\u{feff}text,label\r\n\"my card, again\",billing\r\n\"first\nsecond \"\"line\"\"\",other\n\nplain 5\" disk,other\n";
    let csv = rows(Format::Csv, text.as_bytes()).unwrap();
    assert_eq!(fields(&csv[0]), [("text", "my card, again"), ("label", "billing")]);
    assert_eq!(fields(&csv[1]), [("text", "first\nsecond \"line\""), ("label", "other")]);
    assert_eq!(fields(&csv[2]), [("text", "plain 5\" disk"), ("label", "other")]);
    let lines: Vec<usize> = csv.iter().map(|row| row.location().line()).collect();
    assert_eq!(lines, [2, 3, 6]);
    let semicolons = rows(Format::CsvSemicolon, b"text;label\na, b;\"c;d\"\n").unwrap();
    assert_eq!(fields(&semicolons[0]), [("text", "a, b"), ("label", "c;d")]);
    assert!(rows(Format::Csv, b"text,label\n").unwrap().is_empty());
}

#[test]
fn suggests_the_format_of_another_separator() {
    for (format, text, separator, other) in [
        (Format::Csv, "text;label\na;b\n", ";", "csv_semicolon"),
        (Format::Csv, "text\tlabel\na\tb\n", "\\t", "tsv"),
        (Format::CsvSemicolon, "text,label\na,b\n", ",", "csv"),
        (Format::Tsv, "text,label\na,b\n", ",", "csv"),
    ] {
        assert_eq!(
            message(rows(format, text.as_bytes())),
            format!(
                "rows:1: the fields seem to be separated by `{separator}`, which is `format = \"{other}\"`"
            )
        );
    }
    // A table may have one column.
    assert_eq!(rows(Format::Csv, b"text\na\n").unwrap().len(), 1);
}

#[test]
fn locates_unclosed_quotes() {
    let found = message(rows(Format::Csv, b"text,label\na,b\n\"c,d\ne,f\n"));
    assert!(
        found.starts_with("rows:3: a quote that opens in this line is never closed"),
        "{found}"
    );
    let found = message(rows(Format::Csv, b"text,label\n\"c,d\ne\",f,g\n\"h\",i\n"));
    assert_eq!(
        found,
        "rows:2: expected 2 fields separated by commas, found 3; quotes join the lines up to 3: is one not closed?"
    );
    let found = message(rows(Format::Csv, b"text,label\na\n"));
    assert_eq!(found, "rows:2: expected 2 fields separated by commas, found 1");
    let found = message(rows(Format::Csv, b"text,label\na,\xff\n"));
    assert_eq!(
        found,
        "rows:2: expected text in UTF-8, found other bytes; set `encoding` (such as `encoding = \"windows-1252\"` for Latin-1), or save the file as UTF-8 (a workbook as \"CSV UTF-8\")"
    );
    assert_eq!(
        message(rows(Format::Csv, b"")),
        "rows: expected a header line, found an empty file"
    );
}

#[test]
fn detects_the_format_by_the_first_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    let of = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Format::of_file(&path)
    };
    for (text, format) in [
        ("\u{feff}text,label\na,b\n", Format::Csv),
        ("text;label\na, b, c;d\n", Format::CsvSemicolon),
        ("\"text, or so\";label\n", Format::CsvSemicolon),
        ("text,\"queue\n(team)\"\na,b\n", Format::Csv),
        ("text;\"queue (a,b\nc)\"\na;b\n", Format::CsvSemicolon),
        ("text, or so\tlabel\n", Format::Tsv),
        ("\n{\"text\": \"a, b; c\"}\n", Format::JsonLines),
        ("[{\"text\": \"a\"}]", Format::JsonLines),
    ] {
        assert_eq!(of(text).unwrap(), format, "{text}");
    }
    assert!(message(of("")).ends_with("rows: expected rows, found none"));
    assert!(message(of("text\n")).contains("separated by commas, semicolons, tabs or `|`"));
    for format in
        [Format::Csv, Format::CsvSemicolon, Format::Tsv, Format::JsonLines, Format::GlueSst2]
    {
        assert_eq!(serde_json::to_value(format).unwrap(), format.as_str());
    }
}

proptest! {
    /// Fields and line numbers are the same for all ways to write a table.
    #[test]
    fn reads_written_tables(
        table in prop::collection::vec(("[ab,;\"\n\t é]{1,6}", "[ab,;\"\n\t é]{0,6}"), 0..8),
        semicolons: bool,
        carriage_returns: bool,
        last_end: bool,
    ) {
        let (separator, format) =
            if semicolons { (b';', Format::CsvSemicolon) } else { (b',', Format::Csv) };
        let terminator =
            if carriage_returns { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new()
            .delimiter(separator)
            .terminator(terminator)
            .from_writer(Vec::new());
        writer.write_record(["text", "label"]).unwrap();
        for (text, label) in &table {
            writer.write_record([text, label]).unwrap();
        }
        let mut bytes = writer.into_inner().unwrap();
        if !last_end {
            while bytes.last().is_some_and(|byte| b"\r\n".contains(byte)) {
                bytes.pop();
            }
        }
        let mut line = 2;
        let found = rows(format, &bytes).unwrap();
        prop_assert_eq!(found.len(), table.len());
        for (row, (text, label)) in found.iter().zip(&table) {
            prop_assert_eq!(fields(row), [("text", text.as_str()), ("label", label.as_str())]);
            prop_assert_eq!(row.location().line(), line);
            line += 1 + format!("{text}{label}").matches('\n').count();
        }
    }
}

/// Returns the texts of the rows that can be read, and the lines of the others.
fn readable(format: Format, text: &[u8]) -> (Vec<String>, Vec<usize>) {
    let mut reader = Reader::new(format, text, Path::new("rows"));
    let (mut texts, mut bad) = (Vec::new(), Vec::new());
    loop {
        match reader.next() {
            Some(Ok(row)) => texts.push(row.get("text").unwrap_or_default().to_owned()),
            Some(Err(error)) => {
                let message = error.to_string();
                let line = message.split(':').nth(1).and_then(|line| line.parse().ok());
                bad.push(line.unwrap_or_else(|| panic!("{message}")));
                if !reader.skip_bad_row().unwrap() {
                    return (texts, bad);
                }
            }
            None => return (texts, bad),
        }
    }
}

#[test]
fn reading_continues_after_a_bad_row() {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    for (format, text, texts, bad) in [
        (
            Format::Csv,
            "id,text\n1,a\n2\n3,c,d\n4,\"d\"x\n5,e\n",
            ["a", "e"].as_slice(),
            vec![3, 4, 5],
        ),
        (Format::Tsv, "id\ttext\n1\ta\n2\n3\tc\n", &["a", "c"], vec![3]),
        (
            Format::JsonLines,
            "{\"text\": \"a\"}\n{\"text\": }\n{'text': 1}\nnonsense\n{\"text\": \"b\n{\"text\": \"c\"}\n[1]\n{\"text\": \"d\"",
            &["a", "c"],
            vec![2, 3, 4, 5, 7, 8],
        ),
        (
            Format::JsonLines,
            "[{\"text\": \"a\"}, {\"text\": }, {\"text\": \"b\"}]",
            &["a"],
            vec![1],
        ),
        // The rest of the file may belong to the field.
        (Format::Csv, "id,text\n1,a\n2,\"b\n3,c\n", &["a"], vec![3]),
        (Format::Csv, "id;text\n1;a\n", &[], vec![1]),
    ] {
        assert_eq!(readable(format, text.as_bytes()), (owned(texts), bad), "{text}");
    }
    let bytes = b"id,text\n1,a\n2,caf\xe9\n3,c\n";
    assert_eq!(readable(Format::Csv, bytes), (owned(&["a", "c"]), vec![3]));
}
