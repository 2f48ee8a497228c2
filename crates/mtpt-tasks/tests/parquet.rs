use std::path::{Path, PathBuf};

#[cfg(feature = "parquet")]
use mtpt_tasks::{Example, Reader};
use mtpt_tasks::{Format, LabelsConfig, Split, Task, TaskConfig};

use crate::message;

#[cfg(feature = "parquet")]
fn read_all(path: &Path) -> mtpt_tasks::Result<Vec<Example>> {
    Reader::open(Format::Parquet, path)?.collect()
}

/// Written by `scripts/generate_parquet.py`.
fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rows.parquet")
}

fn config() -> TaskConfig {
    TaskConfig {
        train: Some(fixture()),
        template: Some("{answers.by} {yes}".into()),
        labels: Some(LabelsConfig::words([("0", "zero"), ("1", "one"), ("2", "two")])),
        ..TaskConfig::new("rows".parse().unwrap(), Format::Parquet)
    }
}

#[test]
fn detects_parquet_files() {
    assert_eq!(Format::of_file(&fixture()).unwrap(), Format::Parquet);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    std::fs::copy(fixture(), &path).unwrap();
    assert_eq!(Format::of_file(&path).unwrap(), Format::Parquet);
}

#[cfg(not(feature = "parquet"))]
#[test]
fn reports_the_missing_feature() {
    let found = message(Task::new(&config()).unwrap().read(Split::Train));
    assert!(
        found.ends_with("needs the feature `parquet`, which this program was built without"),
        "{found}"
    );
}

#[cfg(feature = "parquet")]
#[test]
fn converts_columns_to_the_text_of_json() {
    let rows: Vec<Example> = read_all(&fixture()).unwrap();
    let column =
        |name: &str| -> Vec<Option<&str>> { rows.iter().map(|row| row.get(name)).collect() };
    let all = |texts: &[&'static str]| texts.iter().copied().map(Some).collect::<Vec<_>>();
    let texts = all(&["plain", "", "a\tb é", "quotes \"here\"", "two\nlines", "six"]);
    assert_eq!(column("text"), [texts, vec![None]].concat());
    assert_eq!(column("label"), all(&["0", "1", "2", "0", "1", "2", "0"]));
    assert_eq!(column("small"), all(&["0", "-1", "-2", "-3", "-4", "-5", "-6"]));
    assert_eq!(column("score"), all(&["2.5", "3.8", "5.0", "NaN", "0.0", "1e-7", "4.0"]));
    assert_eq!(column("double")[1], Some("0.3333333333333333"));
    assert_eq!(column("yes")[..2], all(&["true", "false"]));
    assert_eq!(rows[0].require_texts("names").unwrap(), ["a", "b\""]);
    assert!(rows[1].require_texts("names").unwrap().is_empty());
    // SQuAD's answers can also be referred to by the name of the structure.
    for field in ["answers", "answers.text"] {
        assert_eq!(rows[5].require_texts(field).unwrap(), ["5"]);
    }
    assert_eq!(column("answers.by")[6], Some("p6"));
    // Dictionaries, and strings and numbers of other sizes.
    assert_eq!(column("kind"), all(&["a", "b", "a", "c", "a", "b", "c"]));
    assert_eq!((column("large")[6], column("view")[6]), (Some("large 6"), Some("view 6")));
    assert_eq!((column("big")[0], column("half")[0]), (Some("18446744073709551615"), Some("0.5")));
    assert_eq!(rows[4].numbers("spans"), Some(&["4".to_owned()][..]));
    let lines: Vec<usize> = rows.iter().map(|row| row.location().line()).collect();
    assert_eq!(lines, [1, 2, 3, 4, 5, 6, 7]);
}

#[cfg(feature = "parquet")]
#[test]
fn reports_columns_of_other_types() {
    let rows: Vec<Example> = read_all(&fixture()).unwrap();
    let file = fixture();
    for (row, column, found) in [
        (0, "image", "bytes"),
        (1, "day", "a date or time"),
        (2, "spans", "an array"),
        (2, "answers.start", "an array"),
        (2, "mixed", "a list of other values than strings or numbers"),
        (2, "price", "a decimal"),
        (3, "names", "null"),
        (6, "text", "null"),
    ] {
        assert_eq!(
            message(rows[row].require(column)),
            format!(
                "{}:{}: expected text, a number or a boolean in the field `{column}`, found {found}",
                file.display(),
                row + 1
            )
        );
    }
    let mut wrong = config();
    wrong.label_field = Some("image".into());
    let found = message(Task::new(&wrong).unwrap().read(Split::Train));
    assert!(found.ends_with("in the field `image`, found bytes"), "{found}");
}

#[cfg(feature = "parquet")]
#[test]
fn maps_integer_classes_to_words() {
    let task = Task::new(&config()).unwrap();
    let rows = task.read(Split::Train).unwrap();
    assert_eq!((rows[4].input.as_str(), rows[4].target.as_str()), ("p4 true", "one"));
    let mut scores = config();
    scores.labels = Some(LabelsConfig::Regression(mtpt_tasks::labels::Scale::default()));
    scores.label_field = Some("score".into());
    let found = message(Task::new(&scores).unwrap().read(Split::Train));
    assert!(
        found.ends_with("rows.parquet:4: expected a score from 0 to 5, found `NaN`"),
        "{found}"
    );
}

#[cfg(feature = "parquet")]
#[test]
fn reports_invalid_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    std::fs::write(&path, "text,label\n").unwrap();
    let found = message(read_all(&path));
    assert!(found.contains("rows.parquet: expected a Parquet file, but "), "{found}");
    let whole = std::fs::read(fixture()).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let found = message(read_all(&path));
    assert!(found.contains("rows.parquet: expected a Parquet file, but "), "{found}");
    let missing = Reader::open(Format::Parquet, Path::new("no/such.parquet")).unwrap_err();
    assert_eq!(missing.to_string(), "cannot read `no/such.parquet`");
}
