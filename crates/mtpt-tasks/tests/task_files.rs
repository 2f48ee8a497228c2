use std::fs;
use std::path::Path;

use mtpt_tasks::benchmarks::glue;
use mtpt_tasks::data::DataError;
use mtpt_tasks::task::{TaskError, Unlabeled};
use mtpt_tasks::{Error, Format, LabelsConfig, Metric, Split, Task, TaskConfig, TaskFile};

use crate::{message, problem};

const FILMS: &str = r#"
[[tasks]]
name = "sentiment/films"
format = "tsv"
train = "films/train.tsv"
dev = "films/dev.tsv"
template = "film: {review}"
label_field = "stars"
labels = { "9" = "good", "0" = "bad", "5" = "fair" }
metrics = ["macro_f1", { f1 = { positive = "good" } }]
"#;

/// A folder with the data of the tasks in these tests.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("films/train.tsv", "review\tstars\nfine\t9\ndull\t0\nso so\t5\nwarm\t9\n");
    write("films/dev.tsv", "review\tstars\nfine\t9\nodd\t7\n");
    write(
        "questions.jsonl",
        "{\"text\": \"Who?\", \"label\": \"human\"}\n{\"text\": \"Where?\", \"label\": \"location\"}\n\
         {\"text\": \"What?\", \"label\": \"entity\"}\n{\"text\": \"Whom?\", \"label\": \"human\"}\n",
    );
    write("empty.jsonl", "\n");
    folder
}

fn parse(text: &str) -> mtpt_tasks::Result<TaskFile> {
    TaskFile::parse(text, Path::new("run/tasks.toml"))
}

#[test]
fn resolves_paths_against_the_folder_of_the_file() {
    let folder = folder();
    let path = folder.path().join("tasks.toml");
    fs::write(&path, format!("seed = 3\n[train]\nsteps = 7\n{FILMS}")).unwrap();
    let file = TaskFile::load(&path).unwrap();
    let [task] = file.tasks() else { panic!("{file:?}") };
    assert_eq!(task.id().as_str(), "sentiment/films");
    assert_eq!(task.file(Split::Train).unwrap(), folder.path().join("films/train.tsv"));
    // In the order of the file, not in alphabetical order.
    assert_eq!(task.labels().words(), ["good", "bad", "fair"]);
    assert_eq!(task.metrics()[0], Metric::MacroF1);
    let rows = task.read(Split::Train).unwrap();
    assert_eq!(
        (rows[2].input.as_str(), rows[2].target.as_str(), rows[2].label),
        ("film: so so", "fair", 2)
    );
    assert_eq!(rows[2].location.line(), 4);
    assert!(matches!(
        task.read(Split::Test),
        Err(Error::Task(TaskError::NoSplit { split: Split::Test, .. }))
    ));

    let found = message(task.read(Split::Dev));
    let dev = folder.path().join("films/dev.tsv");
    assert_eq!(
        found,
        format!(
            "task `sentiment/films`: {}:3: expected one of the labels `9`, `0`, `5`, found `7`",
            dev.display()
        )
    );
}

#[test]
fn locates_invalid_definitions() {
    let second = |replace: &str, by: &str| {
        assert!(FILMS.contains(replace), "{replace}");
        // The entry of the second task starts on line 13.
        format!("{}{}", FILMS, FILMS.replace("sentiment/films", "b").replace(replace, by))
    };
    for (text, expected) in [
        (
            format!("{FILMS}{FILMS}"),
            "duplicate task name `sentiment/films`, first defined on line 2",
        ),
        (
            format!("{FILMS}{}", FILMS.replace("sentiment/films", "sentiment")),
            "`sentiment` is a task, so it cannot also be the group of `sentiment/films`; rename one of them",
        ),
        (
            second("train = \"films/train.tsv\"\ndev = \"films/dev.tsv\"", ""),
            "task `b`: expected at least one of `train`, `dev` and `test` to name a file, found none",
        ),
        (
            second("labels = { \"9\" = \"good\", \"0\" = \"bad\", \"5\" = \"fair\" }", ""),
            "task `b`: expected `labels` to be a table from labels to words, `\"verbatim\"`, `\"regression\"`, `\"text\"`, `{ choices = [...] }` or `{ multi_label = [...] }`, found none",
        ),
        (
            second(
                "labels = { \"9\" = \"good\", \"0\" = \"bad\", \"5\" = \"fair\" }",
                "labels = {}",
            ),
            "task `b`: expected `labels` to be a table from labels to words, `\"verbatim\"`, `\"regression\"`, `\"text\"`, `{ choices = [...] }` or `{ multi_label = [...] }`, found an empty table",
        ),
        (
            second("\"0\" = \"bad\"", "\"0\" = \"good\""),
            "task `b`: expected a distinct word for each label, but `9` and `0` share `good`",
        ),
        (
            second("film: {review}", "film: {review"),
            "task `b`: template `film: {review`: expected `}` after `{` and a field name, found none, at character 7",
        ),
        (
            second("template = \"film: {review}\"", ""),
            "task `b`: expected a `template` such as `\"{sentence}\"`, found none",
        ),
        (
            second("\"macro_f1\"", "\"pearson\""),
            "task `b`: the metric `pearson` is for scores (`labels = \"regression\"`), but the task has label words; use `accuracy`, `macro_f1` or `matthews`",
        ),
        (
            second("positive = \"good\"", "positive = \"great\""),
            "task `b`: expected the positive word of `f1` to be one of `good`, `bad`, `fair`, found `great`",
        ),
        (
            second("\"macro_f1\"", "{ micro_f1 = { labels = [\"good\", \"great\"] } }"),
            "task `b`: expected the `labels` of `micro_f1` to be some of `good`, `bad`, `fair`, found `great`",
        ),
        (
            second("\"macro_f1\"", "{ micro_f1 = { labels = [] } }"),
            "task `b`: expected the `labels` of `micro_f1` to be some of `good`, `bad`, `fair`, found none; over all labels it is `accuracy`",
        ),
        (
            second("\"macro_f1\"", "\"f1\"").replace("\"f1\"", "{ f1 = { positive = \"bad\" } }"),
            "task `b`: expected every metric once, found `f1` again; results are reported by the name \
             of the metric",
        ),
        (
            second("label_field = \"stars\"", "limit = { dev = 0 }"),
            "task `b`: expected `limit.dev` to be at least 1, found 0",
        ),
    ] {
        assert_eq!(
            message(parse(&text)),
            format!("run/tasks.toml:{}: {expected}", line_of_second(&text))
        );
    }
}

fn line_of_second(text: &str) -> usize {
    let mut lines = text.lines().enumerate().filter(|(_, line)| *line == "[[tasks]]");
    lines.nth(1).unwrap().0 + 1
}

#[test]
fn locates_invalid_toml() {
    let start = |text: &str| message(parse(text));
    assert_eq!(
        start("a = 1\nb =\n"),
        "run/tasks.toml:2: string values must be quoted, expected literal string"
    );
    assert_eq!(
        start("x = 1"),
        "run/tasks.toml: expected at least one `[[tasks]]` entry, found none"
    );
    let found = start(&FILMS.replace("label_field", "label_feild"));
    assert!(
        found.starts_with("run/tasks.toml:8: unknown field `label_feild`, expected one of"),
        "{found}"
    );
    let found = start(&FILMS.replace("\"tsv\"", "\"excel\""));
    assert!(
        found.starts_with("run/tasks.toml:4: unknown variant `excel`, expected one of"),
        "{found}"
    );
    let found = start(&FILMS.replace("sentiment/films", "Films"));
    assert!(found.starts_with("run/tasks.toml:3: expected a task name"), "{found}");
    let found =
        start(&FILMS.replace("{ \"9\" = \"good\", \"0\" = \"bad\", \"5\" = \"fair\" }", "\"raw\""));
    assert!(
        found.starts_with("run/tasks.toml:9: invalid value: string \"raw\", expected a table"),
        "{found}"
    );
    let found = start("[[tasks]]\nformat = \"tsv\"\n");
    assert!(found.starts_with("run/tasks.toml:1: missing field `name`"), "{found}");
    let missing = TaskFile::load(Path::new("no/such.toml")).unwrap_err();
    assert_eq!(missing.to_string(), "cannot read `no/such.toml`");
}

#[test]
fn reports_unknown_fields_when_reading() {
    let folder = folder();
    for (replace, by, field) in [
        ("film: {review}", "film: {text}", "text"),
        ("label_field = \"stars\"", "label_field = \"rating\"", "rating"),
    ] {
        let text = FILMS.replace(replace, by);
        let file = TaskFile::parse(&text, &folder.path().join("tasks.toml")).unwrap();
        let error = file.tasks()[0].read(Split::Train).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("task `sentiment/films`: "), "{text}");
        assert!(
            text.ends_with(&format!(
                "train.tsv:2: expected the field `{field}`, found `review`, `stars`"
            )),
            "{text}"
        );
        assert!(matches!(problem(error), Error::Data(DataError::UnknownField { .. })));
    }
}

fn questions() -> TaskConfig {
    let mut config = TaskConfig::new("trec".parse().unwrap(), Format::JsonLines);
    config.train = Some("questions.jsonl".into());
    config.template = Some("question: {text}".to_owned());
    config.labels = Some(LabelsConfig::Verbatim);
    config
}

#[test]
fn collects_labels_of_the_training_split() {
    let folder = folder();
    let task = Task::new(&questions().in_folder(folder.path())).unwrap();
    assert_eq!(task.labels().words(), ["entity", "human", "location"]);
    assert_eq!(task.metrics(), [Metric::Accuracy]);
    // Collected labels become part of the definition.
    let words = ["entity", "human", "location"].map(|word| (word, word));
    assert_eq!(task.config().labels, Some(LabelsConfig::words(words)));

    let mut without = questions();
    (without.train, without.dev) = (None, without.train);
    assert!(matches!(
        problem(Task::new(&without).unwrap_err()),
        Error::Task(TaskError::VerbatimWithoutTrain)
    ));
    let mut empty = questions();
    empty.train = Some("empty.jsonl".into());
    let error = Task::new(&empty.in_folder(folder.path())).unwrap_err();
    assert!(matches!(problem(error), Error::Data(DataError::NoRows { .. })));
}

#[test]
fn limits_to_first_or_sampled_rows() {
    let folder = folder();
    let inputs = |train, seed| -> Vec<String> {
        let mut config = questions();
        (config.limit.train, config.limit.seed) = (train, seed);
        let task = Task::new(&config.in_folder(folder.path())).unwrap();
        task.read(Split::Train).unwrap().into_iter().map(|row| row.input).collect()
    };
    let all = ["question: Who?", "question: Where?", "question: What?", "question: Whom?"];
    assert_eq!(inputs(Some(2), None), all[..2]);
    assert_eq!(inputs(Some(9), None), all);
    assert_eq!(inputs(Some(4), Some(1)), all);
    let mut seen = Vec::new();
    for seed in 0..40 {
        let sampled = inputs(Some(2), Some(seed));
        assert_eq!(sampled, inputs(Some(2), Some(seed)));
        let positions: Vec<_> =
            sampled.iter().map(|input| all.iter().position(|row| row == input).unwrap()).collect();
        assert!(positions.len() == 2 && positions[0] < positions[1]);
        seen.push(positions);
    }
    seen.sort();
    seen.dedup();
    // All pairs of four rows.
    assert_eq!(seen.len(), 6);
}

#[test]
fn glue_formats_imply_all_options_except_files() {
    let presets = [
        (glue::cola as fn(&Path) -> TaskConfig, Format::GlueCola),
        (glue::mnli, Format::GlueMnli),
        (glue::mrpc, Format::GlueMrpc),
        (glue::qnli, Format::GlueQnli),
        (glue::qqp, Format::GlueQqp),
        (glue::rte, Format::GlueRte),
        (glue::sst2, Format::GlueSst2),
        (glue::stsb, Format::GlueStsb),
        (glue::wnli, Format::GlueWnli),
    ];
    for (preset, format) in presets {
        let full = preset(Path::new("glue"));
        let mut short = TaskConfig::new(full.name.clone(), format);
        (short.train, short.dev) = (full.train.clone(), full.dev.clone());
        let task = Task::new(&short).unwrap();
        assert_eq!(task.config(), &full);
        assert_eq!(Task::new(&full).unwrap().config(), &full);
        assert!(task.template().as_str().starts_with(&format!("{} ", full.name)));
    }
    // With other labels, the format's metrics of a label word are omitted.
    let mut other = glue::mrpc(Path::new("glue"));
    other.metrics.clear();
    other.labels = Some(LabelsConfig::words([("0", "no"), ("1", "yes")]));
    assert_eq!(Task::new(&other).unwrap().metrics(), [Metric::Accuracy]);
}

#[test]
fn serializes_definitions() {
    #[derive(serde::Serialize)]
    struct Document {
        tasks: Vec<TaskConfig>,
    }
    let mut limited = glue::stsb(Path::new("/glue/STS-B"));
    limited.limit.train = Some(16);
    limited.limit.seed = Some(0);
    limited.few_shot = Some(mtpt_tasks::FewShot { per_label: 4, seed: 9 });
    limited.splits = Some(mtpt_tasks::Splits::Mpt);
    limited.stream = true;
    let tasks =
        vec![glue::mrpc(Path::new("/glue/MRPC")), limited, glue::rte(Path::new("/glue/RTE"))];
    let text = toml::to_string(&Document { tasks: tasks.clone() }).unwrap();
    let file = parse(&text).unwrap();
    let read: Vec<_> = file.into_tasks().iter().map(|task| task.config().clone()).collect();
    assert_eq!(read, tasks);
    let list = "labels = [\"yes\", \"no\"]\n";
    let text =
        FILMS.replace("labels = { \"9\" = \"good\", \"0\" = \"bad\", \"5\" = \"fair\" }\n", list);
    let text = text.replace("\"good\"", "\"yes\"");
    assert_eq!(parse(&text).unwrap().tasks()[0].labels().words(), ["yes", "no"]);
}

#[test]
fn reports_no_line_without_toml() {
    let configs = vec![questions(), questions()];
    let mut words = questions();
    words.labels = Some(LabelsConfig::words([("a", "a")]));
    let found = message(TaskFile::from_configs(vec![words.clone(), words], Path::new("run.toml")));
    assert_eq!(found, "run.toml: duplicate task name `trec`");
    // The first task reads its data, which does not exist.
    let found = message(TaskFile::from_configs(configs, Path::new("run.toml")));
    assert_eq!(found, "run.toml: task `trec`: cannot read `questions.jsonl`");
}

/// A task in CSV whose labels are collected.
fn tickets(folder: &tempfile::TempDir, train: &str, rest: &str) -> mtpt_tasks::Result<TaskFile> {
    fs::write(folder.path().join("tickets.csv"), format!("text,label\n{train}")).unwrap();
    let text = format!(
        "[[tasks]]\nname = \"tickets\"\nformat = \"csv\"\ntrain = \"tickets.csv\"\ntemplate = \"{{text}}\"\n\
         labels = \"verbatim\"\n{rest}"
    );
    TaskFile::parse(&text, &folder.path().join("tasks.toml"))
}

#[test]
fn holds_out_rows_for_validation() {
    let folder = folder();
    let rows: String = (0..40).map(|row| format!("t{row},{}\n", ["a", "b"][row % 2])).collect();
    let file = tickets(&folder, &rows, "hold_out = 0.25").unwrap();
    let task = &file.tasks()[0];
    assert!(task.has(Split::Dev) && task.file(Split::Dev).is_none() && !task.has(Split::Test));
    let [train, dev] = [Split::Train, Split::Dev].map(|split| task.read(split).unwrap());
    assert_eq!((train.len(), dev.len()), (30, 10));
    assert_eq!(dev.iter().filter(|row| row.label == 0).count(), 5);
    // In the order of the file, and every row once.
    let mut lines: Vec<usize> = dev.iter().map(|row| row.location.line()).collect();
    assert!(lines.is_sorted());
    lines.extend(train.iter().map(|row| row.location.line()));
    lines.sort_unstable();
    assert_eq!(lines, (2..42).collect::<Vec<_>>());
    // The limit applies after the rows are held out.
    let file = tickets(&folder, &rows, "hold_out = 0.25\nlimit = { train = 4, dev = 2, seed = 1 }");
    let task = &file.unwrap().tasks()[0].clone();
    assert_eq!(task.read(Split::Train).unwrap().len(), 4);
    assert_eq!(task.read(Split::Dev).unwrap().len(), 2);
}

#[test]
fn rejects_invalid_hold_out() {
    let folder = folder();
    let failure = |rows: &str, rest: &str| {
        let read = tickets(&folder, rows, rest).and_then(|file| file.tasks()[0].read(Split::Dev));
        problem(read.unwrap_err()).to_string()
    };
    let rows = "one,a\ntwo,b\n";
    assert_eq!(
        failure(rows, "hold_out = 1.0"),
        "expected `hold_out` to be between 0 and 1, found 1"
    );
    assert_eq!(
        failure(rows, "hold_out = 0.2\ndev = \"tickets.csv\""),
        "expected `dev` or `hold_out`, found both"
    );
    let found = failure(rows, "hold_out = 0.2");
    assert!(found.contains("`hold_out = 0.2` gives 2 training and 0 validation rows"), "{found}");
}

#[test]
fn rejects_labels_that_differ_in_case_only() {
    let folder = folder();
    let found = message(tickets(&folder, "one,Billing\ntwo,other\nthree,billing \n", ""));
    assert!(
        found.contains("tickets.csv:4: the labels `Billing` and `billing ` differ only in"),
        "{found}"
    );
    // Listed labels may differ in case only.
    let rows = folder.path().join("tickets.csv");
    let config = TaskConfig {
        train: Some(rows),
        template: Some("{text}".into()),
        labels: Some(LabelsConfig::words([("Billing", "a"), ("billing ", "b"), ("other", "c")])),
        ..TaskConfig::new("tickets".parse().unwrap(), Format::Csv)
    };
    assert_eq!(Task::new(&config).unwrap().read(Split::Train).unwrap().len(), 3);
}

#[test]
fn reports_labels_missing_in_the_training_split() {
    let folder = folder();
    fs::write(folder.path().join("dev.csv"), "text,label\nx,other\ny,refund\n").unwrap();
    let file = tickets(&folder, "one,billing\ntwo,other\n", "dev = \"dev.csv\"").unwrap();
    let found = message(file.tasks()[0].read(Split::Dev));
    assert!(found.contains("dev.csv:3: the label `refund` does not occur in `"), "{found}");
    assert!(found.contains("add rows with it, or list all labels in `labels`"), "{found}");
}

#[test]
fn suggests_the_nearest_name() {
    let folder = folder();
    let found = message(tickets(&folder, "one,a\ntwo,b\n", "label_feild = \"x\""));
    assert!(found.ends_with("did you mean `label_field`?"), "{found}");
    let found = message(tickets(&folder, "one,a\ntwo,b\n", "label_field = \"Label\""));
    assert!(found.ends_with("found `text`, `label`; did you mean `label`?"), "{found}");
    let labels = "one,billing\ntwo,biling\n";
    let text = "[[tasks]]\nname = \"tickets\"\nformat = \"csv\"\ntrain = \"tickets.csv\"\ntemplate = \"{text}\"\n\
                labels = [\"billing\", \"other\"]";
    fs::write(folder.path().join("tickets.csv"), format!("text,label\n{labels}")).unwrap();
    let file = TaskFile::parse(text, &folder.path().join("tasks.toml")).unwrap();
    let found = message(file.tasks()[0].read(Split::Train));
    assert!(found.ends_with("found `biling`; did you mean `billing`?"), "{found}");
}

/// Tasks without groups in their names, and a table of groups.
fn grouped(groups: &str, names: &[&str]) -> mtpt_tasks::Result<TaskFile> {
    let tasks: String =
        names.iter().map(|name| FILMS.replace("sentiment/films", name)).collect::<String>();
    parse(&format!("[groups]\n{groups}\n{tasks}"))
}

#[test]
fn reads_groups_from_a_table() {
    let groups = "nlu = [\"sentiment\", \"trec\"]\nsentiment = [\"sst2\", \"mpqa\"]";
    let file = grouped(groups, &["mpqa", "alone", "trec", "sst2"]).unwrap();
    let ids: Vec<&str> = file.tasks().iter().map(|task| task.id().as_str()).collect();
    assert_eq!(ids, ["nlu/sentiment/mpqa", "alone", "nlu/trec", "nlu/sentiment/sst2"]);
    let tree = mtpt_tasks::TaskTree::new(file.tasks().iter().map(Task::id)).unwrap();
    assert_eq!(tree.tasks_below(tree.find("nlu/sentiment").unwrap()), [0, 3]);
    // A name that is a path is placed below the group as a whole.
    let file = grouped("nlu = [\"a/b\"]", &["a/b"]).unwrap();
    assert_eq!(file.tasks()[0].id().as_str(), "nlu/a/b");
}

#[test]
fn locates_invalid_groups() {
    let long = "a".repeat(100);
    for (groups, names, line, expected) in [
        (
            "a = [\"x\", \"b\"]\nb = [\"c\"]\nc = [\"b\", \"y\"]",
            vec!["x", "y"],
            4,
            "`groups`: expected `b` to be listed once, found it in `a` and `c`",
        ),
        (
            "top = [\"x\"]\na = [\"b\"]\nb = [\"c\"]\nc = [\"a\"]",
            vec!["x"],
            3,
            "`groups`: a group cannot contain itself: a -> b -> c -> a",
        ),
        ("a = [\"a\"]", vec!["x"], 2, "`groups`: a group cannot contain itself: a -> a"),
        (
            "a = [\"x\"]\nb = [\n\"y\",\n\"x\"]",
            vec!["x", "y"],
            5,
            "`groups`: expected `x` to be listed once, found it in `a` and `b`",
        ),
        (
            "a = [\"x\", \"x\"]",
            vec!["x"],
            2,
            "`groups`: expected `x` to be listed once, found it in `a` twice",
        ),
        (
            "a = [\"x\"]\nx = [\"y\"]",
            vec!["x", "y"],
            3,
            "`groups`: `x` is both a task and a group; rename one of them",
        ),
        (
            "a = []",
            vec!["x"],
            2,
            "`groups`: expected `a` to list at least one task or group, found none",
        ),
        (
            "a = [\"sst3\"]",
            vec!["sst2"],
            2,
            "`groups`: `a` lists `sst3`, which is neither a task nor a group; did you mean `sst2`?",
        ),
        (
            "\"a/b\" = [\"x\"]",
            vec!["x"],
            2,
            "`groups`: expected a group name of `a-z`, `0-9`, `_` and `-`, found `a/b`",
        ),
    ] {
        let found = message(grouped(groups, &names));
        assert_eq!(found, format!("run/tasks.toml:{line}: {expected}"));
    }
    // Groups outside of a cycle are valid; the cycle is located at its own groups.
    let found = message(grouped("a = [\"b\"]\nb = [\"x\"]\nc = [\"d\"]\nd = [\"c\"]", &["x"]));
    assert_eq!(found, "run/tasks.toml:4: `groups`: a group cannot contain itself: c -> d -> c");
    let found = message(grouped("a = [\"x\"]\na = [\"y\"]", &["x", "y"]));
    assert!(found.starts_with("run/tasks.toml:3: duplicate key"), "{found}");
    let found = message(grouped("a = \"x\"", &["x"]));
    assert!(found.starts_with("run/tasks.toml:2: invalid type: string"), "{found}");
    let found = message(grouped(&format!("{long} = [\"{long}\"]"), &[&long]));
    assert!(found.contains("task name") || found.contains("both a task and a group"), "{found}");
    let found = message(grouped(&format!("b{long} = [\"{long}\"]"), &[&long]));
    assert!(found.starts_with("run/tasks.toml:2: expected a task name"), "{found}");
    // A path from `[groups]` and a path in a name may be equal.
    let found = message(grouped("a = [\"x\"]", &["x", "a/x"]));
    assert!(found.contains("duplicate task name `a/x`"), "{found}");
}

#[test]
fn locates_invalid_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    let words = || LabelsConfig::words([("a", "a"), ("b", "b")]);
    for (format, labels, text, expected) in [
        (
            Format::Csv,
            words(),
            "text,label\none,a\n\"two,b\nthree,a\n",
            "3: a quote that opens in this line is never closed, or only after 16 MiB; write `\"\"` for \
             a quote in a quoted field",
        ),
        (
            Format::Csv,
            words(),
            "text,label\none,a\ntwo,\n",
            "3: the field `label` has no label; fill it in, or set `unlabeled = \"skip\"` to leave the row out",
        ),
        (
            Format::Csv,
            words(),
            "text,label\none,a\ntwo\n",
            "3: expected 2 fields separated by commas, found 1",
        ),
        (
            Format::JsonLines,
            words(),
            "{\"text\": \"one\", \"label\": \"a\"}\n{\"text\": \"two\"}\n",
            "2: expected the field `label`, found `text`",
        ),
        (
            Format::JsonLines,
            words(),
            "{\"text\": \"one\", \"label\": \"a\"}\n{\"text\": \"two\", \"label\": null}\n",
            "2: expected text, a number or a boolean in the field `label`, found null",
        ),
        (
            Format::JsonLines,
            words(),
            "{\"text\": \"one\", \"label\": \"a\"}\n\n[\"two\", \"b\"]\n",
            "3: expected a JSON object, found an array",
        ),
        (
            Format::Tsv,
            LabelsConfig::Regression(mtpt_tasks::labels::Scale::default()),
            "text\tlabel\none\t2.5\ntwo\tNaN\n",
            "3: expected a score from 0 to 5, found `NaN`",
        ),
        (
            Format::Tsv,
            LabelsConfig::Regression(mtpt_tasks::labels::Scale::default()),
            "text\tlabel\none\t2.5\ntwo\t \n",
            "3: the field `label` has no label; fill it in, or set `unlabeled = \"skip\"` to leave the row out",
        ),
    ] {
        fs::write(&path, text).unwrap();
        let config = TaskConfig {
            train: Some(path.clone()),
            template: Some("{text}".into()),
            labels: Some(labels),
            ..TaskConfig::new("rows".parse().unwrap(), format)
        };
        let found = message(Task::new(&config).unwrap().read(Split::Train));
        assert_eq!(found, format!("task `rows`: {}:{expected}", path.display()));
    }
}

#[test]
fn rows_without_a_label_are_listed_or_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    let read = |format: Format, labels: &LabelsConfig, text: &str, unlabeled: Unlabeled| {
        fs::write(&path, text).unwrap();
        let config = TaskConfig {
            train: Some(path.clone()),
            template: Some("{text}".into()),
            labels: Some(labels.clone()),
            unlabeled,
            ..TaskConfig::new("rows".parse().unwrap(), format)
        };
        let task = Task::new(&config)?;
        let rows = task.read(Split::Train)?;
        let streamed = task.stream(Split::Train)?.collect::<Result<Vec<_>, _>>()?;
        assert_eq!(streamed, rows);
        Ok(rows.into_iter().map(|row| row.location.line()).collect::<Vec<_>>())
    };
    let words = LabelsConfig::words([("a", "x"), ("b", "y")]);
    let scores = LabelsConfig::Regression(mtpt_tasks::labels::Scale::default());
    let multi_label = LabelsConfig::MultiLabel(mtpt_tasks::labels::MultiLabelConfig::new(vec![(
        "a".into(),
        "a".into(),
    )]));
    for (format, labels, text, kept, message) in [
        (
            Format::Csv,
            &words,
            "text,label\n1,a\n2,\n3, \n4,b\n",
            vec![2, 5],
            "2 rows have no label in the field `label`: lines 3, 4;",
        ),
        (
            Format::Csv,
            &LabelsConfig::Verbatim,
            "text,label\n1,\n2,\n3,b\n4,c\n",
            vec![4, 5],
            "2 rows have no label in the field `label`: lines 2, 3;",
        ),
        (Format::Csv, &scores, "text,label\n1,2.5\n2,\n3,\n", vec![2], "lines 3, 4;"),
        (Format::Csv, &LabelsConfig::text(), "text,label\n1,one\n2,\n3,\n", vec![2], "lines 3, 4;"),
        (
            Format::JsonLines,
            &words,
            "{\"text\": 1, \"label\": null}\n{\"text\": 2, \"label\": \"a\"}\n{\"text\": 3}\n{\"text\": 4, \"label\": NaN}\n",
            vec![2],
            "3 rows have no label in the field `label`: lines 1, 3, 4;",
        ),
        (
            Format::JsonLines,
            &multi_label,
            "{\"text\": 1, \"label\": []}\n{\"text\": 2, \"label\": [\"a\"]}\n{\"text\": 3}\n{\"text\": 4, \"label\": null}\n",
            vec![1, 2],
            "lines 3, 4;",
        ),
    ] {
        assert_eq!(read(format, labels, text, Unlabeled::Skip).unwrap(), kept, "{text}");
        let found = self::message(read(format, labels, text, Unlabeled::Error));
        assert!(found.contains(message), "{found}");
        assert!(found.contains("set `unlabeled = \"skip\"`"), "{found}");
    }
    let many: String = (0..30).map(|row| format!("{row},\n")).collect();
    let found =
        self::message(read(Format::Csv, &words, &format!("text,label\n{many}"), Unlabeled::Error));
    assert!(found.contains("30 rows have no label in the field `label`: lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 20 more;"), "{found}");
    let found =
        self::message(read(Format::Csv, &words, &format!("text,label\n{many}"), Unlabeled::Skip));
    assert!(found.ends_with("rows: no row has a label in the field `label`"), "{found}");
    // A column that is missing in the whole table is a mistake.
    let found = self::message(read(Format::Csv, &words, "text,labels\n1,a\n", Unlabeled::Skip));
    assert!(found.contains("expected the field `label`, found `text`, `labels`"), "{found}");
}

#[test]
fn groups_list_tasks_by_the_end_of_their_names() {
    let text = "[[tasks]]\nname = \"question/trec\"\nformat = \"csv\"\ntrain = \"a\"\ntemplate = \"{text}\"\nlabels = [\"a\"]\n\
        [[tasks]]\nname = \"subj\"\nformat = \"csv\"\ntrain = \"a\"\ntemplate = \"{text}\"\nlabels = [\"a\"]\n\
        [groups]\nsentence = [\"trec\", \"subj\"]\n";
    let tasks = TaskFile::parse(text, Path::new("tasks.toml")).unwrap().into_tasks();
    let names: Vec<&str> = tasks.iter().map(|task| task.id().as_str()).collect();
    assert_eq!(names, ["sentence/question/trec", "sentence/subj"]);
}
