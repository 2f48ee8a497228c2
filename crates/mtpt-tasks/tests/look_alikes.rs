use std::fs;

use mtpt_tasks::{Instance, Metric, Result, Split, Task, TaskFile};

use crate::message;

/// A task with a training file.
fn task(rows: &str, keys: &str) -> Result<(tempfile::TempDir, Task)> {
    let folder = tempfile::tempdir().unwrap();
    let format = if rows.starts_with('{') { "json_lines" } else { "csv" };
    fs::write(folder.path().join("rows"), rows).unwrap();
    let text = format!(
        "[[tasks]]\nname = \"t\"\nformat = \"{format}\"\ntrain = \"rows\"\ntemplate = \"{{text}}\"\n{keys}"
    );
    let task = TaskFile::parse(&text, &folder.path().join("tasks.toml"))?.into_tasks().remove(0);
    Ok((folder, task))
}

fn read(rows: &str, keys: &str) -> Result<(Vec<String>, Vec<Instance>)> {
    let (_folder, task) = task(rows, keys)?;
    Ok((task.labels().words().to_vec(), task.read(Split::Train)?))
}

#[test]
fn spellings_of_one_label_are_not_distinguished() {
    for (first, second, spelling) in [
        ("café", "cafe\u{301}", "café"),
        ("New York", "New\u{a0}York", "New York"),
        ("New\u{202f}York", "New York", "New York"),
        ("pos", " pos ", "pos"),
        ("yes\u{200b}", "yes", "yes"),
        ("1.0", "1", "1"),
        ("\u{1e9b}\u{323}", "\u{17f}\u{307}\u{323}", "\u{1e9b}\u{323}"),
    ] {
        let rows = format!("text,label\na,{first}\nb,other\nc,{second}\n");
        let (words, found) = read(&rows, "labels = \"verbatim\"").unwrap();
        assert!(words.len() == 2 && words.contains(&spelling.to_owned()), "{words:?}");
        assert_eq!(found[0].target, found[2].target);
        for listed in [first, second] {
            let keys = format!("labels = [\"other\", \"{listed}\"]");
            let (_, found) = read(&rows, &keys).unwrap();
            let labels: Vec<usize> = found.iter().map(|row| row.label).collect();
            assert_eq!(labels, [1, 0, 1]);
        }
        let found = message(read(&rows, &format!("labels = [\"{first}\", \"{second}\"]")));
        assert!(found.contains("are the same label (`"), "{found}");
    }
    // A label that is spelled in one way only keeps it.
    let (words, _) = read("text,label\na,cafe\u{301}\nb,bar\n", "labels = \"verbatim\"").unwrap();
    assert_eq!(words, ["bar", "cafe\u{301}"]);
}

#[test]
fn labels_that_look_the_same_are_explained() {
    for (first, second, points) in [
        ("pos", "p\u{43e}s", "p\\u{43e}s"),
        ("Apple", "\u{391}pple", "\\u{391}pple"),
        ("a\u{2010}b", "a-b", "a\\u{2010}b"),
    ] {
        let rows = format!("text,label\na,{first}\nb,other\nc,{second}\n");
        let found = message(read(&rows, "labels = \"verbatim\""));
        assert!(found.contains(":4: the labels `"), "{found}");
        assert!(found.contains("look the same, but are `") && found.contains(points), "{found}");
        let found = message(read(&rows, &format!("labels = [\"other\", \"{first}\"]")));
        assert!(
            found.contains(&format!("; it looks like `{first}`, but the code points")),
            "{found}"
        );
        assert!(found.contains(points), "{found}");
        // Listed labels may look the same: the user has distinguished them.
        let keys =
            format!("labels = {{ \"other\" = \"o\", \"{first}\" = \"x\", \"{second}\" = \"y\" }}");
        assert_eq!(read(&rows, &keys).unwrap().1[2].target, "y");
    }
    // Digits and letters of ASCII are different labels.
    let rows = "text,label\na,1\nb,l\nc,0\nd,O\n";
    assert_eq!(read(rows, "labels = \"verbatim\"").unwrap().0.len(), 4);
}

#[test]
fn integers_and_booleans_are_labels() {
    let csv = "text,label\na,0\nb,1\n";
    let json = "{\"text\": \"a\", \"label\": 0}\n{\"text\": \"b\", \"label\": 1.0}\n";
    for rows in [csv, json] {
        for keys in
            ["labels = [0, 1]", "labels = { 0 = \"no\", 1 = \"yes\" }", "labels = [0.0, 1.0]"]
        {
            let (_, found) = read(rows, keys).unwrap();
            let labels: Vec<usize> = found.iter().map(|row| row.label).collect();
            assert_eq!(labels, [0, 1], "{keys}");
        }
    }
    let rows = "{\"text\": \"a\", \"label\": true}\n{\"text\": \"b\", \"label\": false}\n";
    let (words, found) = read(rows, "labels = [false, true]").unwrap();
    assert_eq!((words, found[0].label), (vec!["false".to_owned(), "true".to_owned()], 1));
    let found = message(read(rows, "labels = { \"True\" = \"yes\", \"False\" = \"no\" }"));
    assert!(found.contains("found `true`; did you mean `True`?"), "{found}");
    let (words, _) = read(csv, "labels = { 0 = 10, 1 = 20 }").unwrap();
    assert_eq!(words, ["10", "20"]);
}

#[test]
fn f1_without_a_positive_word_is_completed_or_explained() {
    let f1 = |word: &str| vec![Metric::F1 { positive: word.to_owned() }];
    let rows = "text,label\na,0\nb,1\n";
    let metrics = |rows: &str, keys: &str| {
        Ok::<_, mtpt_tasks::Error>(
            task(rows, &format!("{keys}\nmetrics = [\"f1\"]"))?.1.metrics().to_vec(),
        )
    };
    assert_eq!(metrics(rows, "labels = [0, 1]").unwrap(), f1("1"));
    assert_eq!(metrics(rows, "labels = { 1 = \"spam\", 0 = \"ham\" }").unwrap(), f1("spam"));
    assert_eq!(metrics(rows, "labels = { false = \"ham\", true = \"spam\" }").unwrap(), f1("spam"));
    assert_eq!(metrics(rows, "labels = \"verbatim\"").unwrap(), f1("1"));
    for (keys, expected) in [
        (
            "labels = [\"no\", \"yes\"]",
            "`f1` needs a positive word: write `{ f1 = { positive = \"yes\" } }` with one of `no`, `yes`, or use `macro_f1`, the mean over all labels",
        ),
        ("labels = [0, 1, 2]", "with one of `0`, `1`, `2`, or use `macro_f1`"),
        (
            "labels = \"regression\"",
            "the metric `f1` is for label words, but the task has scores (`labels = \"regression\"`); use `pearson`, `spearman`, `rmse` or `mae`",
        ),
        ("labels = \"text\"", "use `squad_f1`, `exact_match`, `rouge_l` or `bleu`"),
    ] {
        let found = message(metrics(rows, keys));
        assert!(found.contains(expected), "{found}");
    }
    for (metric, expected) in [
        (
            "\"micro_f1\"",
            "expected the `labels` of `micro_f1` to be some of `0`, `1`, found none; over all labels it is `accuracy`",
        ),
        ("\"group_exact_match\"", "`group_exact_match` needs the fields that a group shares"),
        ("\"F1\"", "did you mean `f1`?"),
        ("\"macro-f1\"", "did you mean `macro_f1`?"),
        ("{ f1 = \"1\" }", "invalid type: string \"1\""),
        (
            "\"f1\", { f1 = { positive = \"0\" } }",
            "found `f1` again; results are reported by the name",
        ),
    ] {
        let found = message(task(rows, &format!("labels = [0, 1]\nmetrics = [{metric}]")));
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn spellings_of_a_label_may_share_its_word() {
    let labels = mtpt_tasks::Labels::new([
        ("Shipping", "shipping"),
        ("billing", "billing"),
        ("shipping", "shipping"),
        ("SHIPPING ", "shipping"),
        ("billin\u{261}", "billing"),
    ])
    .unwrap();
    let location = mtpt_tasks::SourceLocation::new(std::path::Path::new("rows"), 1);
    assert_eq!(labels.words(), ["shipping", "billing"]);
    assert_eq!([labels.raw(0), labels.raw(1)], [Some("Shipping"), Some("billing")]);
    for (label, expected) in
        [("Shipping", 0), ("shipping", 0), ("SHIPPING", 0), ("billing", 1), ("billin\u{261}", 1)]
    {
        let gold = labels.gold(label, &location).unwrap();
        assert_eq!(gold, mtpt_tasks::Gold::Label(expected), "{label}");
    }
    // A spelling that is not listed is unknown, and other labels cannot share a word.
    assert!(labels.gold("Billing", &location).is_err());
    assert!(mtpt_tasks::Labels::new([("a", "x"), ("b", "x")]).is_err());
    assert!(mtpt_tasks::Labels::new([("a", "x"), ("a ", "x")]).is_err());
}
