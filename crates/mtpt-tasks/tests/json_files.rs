use std::path::Path;

use mtpt_tasks::{Example, Format, Reader, Result};

use crate::message;

fn rows(text: impl AsRef<[u8]>) -> Result<Vec<Example>> {
    Reader::new(Format::JsonLines, text.as_ref(), Path::new("rows")).collect()
}

#[track_caller]
fn field(text: &str, name: &str) -> Vec<String> {
    let rows = rows(text).unwrap();
    rows.iter().map(|row| row.require(name).unwrap().to_owned()).collect()
}

#[test]
fn objects_may_be_in_lines_or_in_an_array() {
    for text in [
        "{\"text\": \"one\"}\n{\"text\": \"two\"}\n",
        "{\"text\": \"one\"}\r\n   \r\n\r\n{\"text\": \"two\"}",
        "{\"text\": \"one\"}\r{\"text\": \"two\"}\r",
        "[{\"text\": \"one\"}, {\"text\": \"two\"}]\n",
        "\u{feff}[\n  {\n    \"text\": \"one\"\n  },\n  {\n    \"text\": \"two\"\n  }\n]",
        // As printed by `jq`.
        "{\n  \"text\": \"one\"\n}\n{\n  \"text\": \"two\"\n}\n",
    ] {
        assert_eq!(field(text, "text"), ["one", "two"], "{text}");
    }
    assert!(rows("[]").unwrap().is_empty());
    assert!(rows(" \n\n").unwrap().is_empty());
    let array = rows("[{\"text\": \"a\"}, {\"text\": \"b\"},\n{\"text\": \"c\"}]").unwrap();
    let locations: Vec<String> = array.iter().map(|row| row.location().to_string()).collect();
    assert_eq!(locations, ["rows:1 (row 1)", "rows:1 (row 2)", "rows:2"]);
}

#[test]
fn numbers_and_booleans_are_texts_as_written() {
    for number in [
        "1.0",
        "1",
        "0.10",
        "1e5",
        "1E+05",
        "-0",
        "123456789012345678901234567890",
        "0.1000000000000000055511151231257827",
        "true",
        "false",
    ] {
        assert_eq!(field(&format!("{{\"x\": {number}}}"), "x"), [number]);
        assert_eq!(field(&format!("[{{\"x\":{number}}}]"), "x"), [number]);
    }
}

#[test]
fn numbers_that_are_not_finite_are_errors_only_if_they_are_used() {
    for number in ["NaN", "Infinity", "-Infinity"] {
        let rows = rows(format!("{{\"text\": \"a\", \"score\": {number}, \"s\": [{number}]}}\n"));
        let row = rows.unwrap().remove(0);
        assert_eq!(row.get("text"), Some("a"));
        assert_eq!(
            message(row.require("score").map(str::len)),
            format!(
                "rows:1: expected text, a number or a boolean in the field `score`, found {number}"
            )
        );
    }
}

#[test]
fn halves_of_surrogate_pairs_are_replaced() {
    for (text, expected) in [
        ("fine \\ud83d\\ude80", "fine \u{1f680}"),
        ("cut \\ud83d", "cut \u{fffd}"),
        ("\\ud83dx", "\u{fffd}x"),
        ("\\ud83d\\n", "\u{fffd}\n"),
        ("\\ude80 rest", "\u{fffd} rest"),
        ("\\ud83d\\ud83d\\ude80", "\u{fffd}\u{1f680}"),
        ("\\ud83d\\u0041", "\u{fffd}A"),
        ("\\u00e9\\/\\\\\\\"\\t", "é/\\\"\t"),
    ] {
        assert_eq!(field(&format!("{{\"text\": \"{text}\"}}"), "text"), [expected], "{text}");
    }
}

#[test]
fn line_separators_of_unicode_are_text() {
    for sign in ['\u{2028}', '\u{2029}', '\u{85}', '\u{7f}'] {
        let text = format!("{{\"text\": \"a{sign}b\"}}\n{{\"text\": \"c\"}}\n");
        assert_eq!(field(&text, "text"), [format!("a{sign}b"), "c".to_owned()]);
    }
}

#[test]
fn nulls_and_missing_keys_are_located() {
    let rows = rows("{\"text\": \"a\", \"label\": null}\n{\"label\": 1}\n").unwrap();
    assert!(rows[0].is_null("label") && rows[0].has("label") && !rows[1].has("text"));
    let found = message(rows[0].require("label").map(str::len));
    assert!(found.starts_with("rows:1: ") && found.ends_with("found null"), "{found}");
    let found = message(rows[1].require("text").map(str::len));
    assert_eq!(found, "rows:2: expected the field `text`, found `label`");
}

#[test]
fn repeated_keys_are_errors_if_they_are_used() {
    let rows =
        rows("{\"text\": \"a\", \"x\": 1, \"x\": 2}\n{\"text\": \"a\", \"text\": \"b\"}").unwrap();
    assert_eq!(rows[0].get("text"), Some("a"));
    assert_eq!(
        message(rows[1].require("text").map(str::len)),
        "rows:2: expected the field `text` once, found it again; rename one of them"
    );
}

#[test]
fn tables_in_other_shapes_are_explained() {
    let rows =
        rows("{\"version\": \"2.0\", \"data\": [{\"text\": \"a\"}, {\"text\": \"b\"}]}").unwrap();
    let found = message(rows[0].require("data").map(str::len));
    assert!(found.contains("if these are the rows, write this array alone"), "{found}");
    let found = message(rows[0].require("text").map(str::len));
    assert_eq!(found, "rows:1: expected the field `text`, found `version`, `data`");
    let columns = self::rows("{\"text\": {\"0\": \"a\", \"1\": \"b\"}}").unwrap();
    let found = message(columns[0].require("text").map(str::len));
    assert!(found.contains("which pandas does with `orient=\"records\"`"), "{found}");
}

#[test]
fn syntax_errors_have_a_line_and_a_column() {
    let open = "expected a complete JSON object, found the end of the ";
    for (text, expected) in [
        (
            "{\"a\": 1}\n{\"a\": 1,}\n",
            "2: invalid JSON at column 9: expected a key in double quotes, found `}`; remove a comma in front of it",
        ),
        (
            "[{\"a\": 1},\n]",
            "2: invalid JSON at column 1: expected a value, found `]`; remove a comma",
        ),
        (
            "[\n{\"a\": [1,]}\n]",
            "2: invalid JSON at column 10: expected a value, found `]`; remove a comma",
        ),
        (
            "{'a': 1}",
            "1: invalid JSON at column 2: expected a key in double quotes, found `'`; enclose texts in double quotes",
        ),
        (
            "{\"a\": True}",
            "1: invalid JSON at column 7: expected a value, found `True`; write `true`, `false` or `null`",
        ),
        (
            "{\"a\": nan}",
            "1: invalid JSON at column 7: expected a value, found `nan`; write `null`",
        ),
        (
            "// rows\n{\"a\": 1}",
            "1: invalid JSON at column 1: expected a value, found `/`; remove comments",
        ),
        (
            "{\"é\": 1 # one\n}",
            "1: invalid JSON at column 9: expected `,` or `}`, found `#`; remove comments",
        ),
        ("{\"a\": 01}", "1: invalid JSON at column 7: expected a value, found `01`"),
        ("{\"a\" 1}", "1: invalid JSON at column 6: expected `:` after a key, found `1`"),
        (
            "{\"a\": \"x\ty\"}",
            "1: invalid JSON at column 9: expected `\"` at the end of a text, found the control character `\\t`",
        ),
        (
            "{\"a\": \"\\x\"}",
            "1: invalid JSON at column 9: expected an escape, or `\\\\` for a backslash, found `x`",
        ),
        ("{\"a\": \"\\u12g4\"}", "1: invalid JSON at column 12: expected four hexadecimal digits"),
        (
            "{\"a\": 1} {\"a\": 2}",
            "1: expected one JSON object per line, found `{` after an object at column 10",
        ),
        (
            "{\"a\": 1}{\"a\": 2}\n",
            "1: expected one JSON object per line, found `{` after an object at column 9",
        ),
        (
            "{\"a\": 1},\n{\"a\": 2}\n",
            "1: expected one JSON object per line, found `,` after an object",
        ),
        (
            "[{\"a\": 1}]\n[{\"a\": 2}]\n",
            "2: expected the end of the file after the array of rows, found `[`",
        ),
        (
            "[{\"a\": 1} {\"a\": 2}]",
            "1: invalid JSON at column 11: expected `,` or `]` after a row, found `{`",
        ),
        ("[[1, 2], [3, 4]]", "1: expected a JSON object, found an array in an array"),
        ("[1, 2]", "1: expected a JSON object, found a number"),
        ("{\"a\": 1}\n\"text\"\n", "2: expected a JSON object, found a string"),
        (
            "{\"a\": \"b\n",
            "1: expected a complete JSON object, found the end of the line before `\"`",
        ),
    ] {
        let found = message(rows(text));
        assert!(found.starts_with(&format!("rows:{expected}")), "{text}\n{found}");
        assert!(!found.contains("EOF") && !found.contains("line 1 column"), "{found}");
    }
    for (text, end) in [
        ("{\"a\": 1}\n{\"a\": 2\n{\"a\": 3}\n", "2: "),
        ("{\"a\": 1}\n{\"a\": [1,\n", "2: "),
        ("{\"a\": 1}\n{\"a\": \"b", "2: "),
        ("[{\"a\": 1}, {\"a\"", "1 (row 2): "),
    ] {
        let found = message(rows(text));
        assert!(found.starts_with(&format!("rows:{end}{open}")), "{text}\n{found}");
    }
    let found = message(rows("[{\"a\": 1}"));
    assert!(
        found.ends_with("expected `,` or `]` after a row, found the end of the file"),
        "{found}"
    );
    let deep = format!("{{\"a\": {}}}", "[".repeat(100_000));
    assert!(message(rows(deep)).contains("expected at most 128 nested arrays and objects"));
}
