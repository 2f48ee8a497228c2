use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::world::{World, check_contains, copy_folder};

/// Writes a data file and a task file for it, and inspects the task. Returns the outcome.
fn inspect(format: &str, data: &[u8], keys: &str) -> (i32, Value, String) {
    let world = World::new();
    fs::write(world.path("rows"), data).unwrap();
    let labels = if keys.contains("labels") { "" } else { "labels = [\"pos\", \"neg\"]\n" };
    let task = format!(
        "[[tasks]]\nname = \"t\"\nformat = \"{format}\"\ntrain = \"rows\"\ntemplate = \"{{text}}\"\n{labels}{keys}"
    );
    world.write("tasks.toml", &task);
    let outcome = world.run("inspect tasks.toml --json", "");
    assert!(!outcome.messages.contains("panicked"), "{}", outcome.messages);
    let split = outcome.rows.first().map(|row| row["tasks"][0]["splits"][0].clone());
    (outcome.code, split.unwrap_or_default(), outcome.messages)
}

/// Checks that a file is read, and returns the number of rows of each label.
#[track_caller]
fn labels(format: &str, data: &[u8], keys: &str) -> Value {
    let (code, split, messages) = inspect(format, data, keys);
    assert_eq!(code, 0, "{messages}");
    split["labels"].clone()
}

/// Checks that a file is rejected by one line with all parts.
#[track_caller]
fn rejects(format: &str, data: &[u8], keys: &str, parts: &[&str]) {
    let (code, _, messages) = inspect(format, data, keys);
    assert_eq!((code, messages.lines().count()), (1, 1), "{messages}");
    check_contains(&messages, parts);
}

#[test]
fn spreadsheets_are_read_in_their_encodings() {
    let two = json!({ "pos": 2, "neg": 1 });
    let text = "\u{feff}\"text\",\"label\"\r\n\"a, b\",\"pos\"\r\n\"two\r\nlines\",\"neg\"\r\n\"said \"\"hi\"\"\",\"pos\"\r\n";
    assert_eq!(labels("csv", text.as_bytes(), ""), two);
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(labels("csv", &utf16, ""), two);
    assert_eq!(labels("csv", b"text,label\rone,pos\rtwo,neg\rthree,pos\r", ""), two);
    assert_eq!(labels("csv", b"text , label\none, pos\ntwo, neg\nthree ,pos", ""), two);
    let latin = b"text,label\ncaf\xe9,pos\nthe,neg\nth\xe9,pos\n";
    rejects("csv", latin, "", &["rows:2: expected text in UTF-8", "`encoding = \"windows-1252\"`"]);
    assert_eq!(labels("csv", latin, "encoding = \"windows-1252\""), two);
    assert_eq!(labels("csv", latin, "encoding = \"latin-1\""), two);
}

#[test]
fn lines_are_not_split_at_signs_of_unicode() {
    let json = "{\"text\": \"first\u{2028}second\", \"label\": \"pos\"}\n   \n{\"text\": \"a\u{85}b\", \"label\": \"neg\"}\n\n";
    assert_eq!(labels("json_lines", json.as_bytes(), ""), json!({ "pos": 1, "neg": 1 }));
    let table = "text\tlabel\na\u{2029}b\tpos\nv\u{b}t\tneg\nf\u{c}f\tneg\n";
    let expected = json!({ "pos": 1, "neg": 2 });
    assert_eq!(labels("tsv", table.as_bytes(), ""), expected);
    assert_eq!(labels("csv", table.replace('\t', ",").as_bytes(), ""), expected);
    assert_eq!(labels("csv", b"text,label\na\0b,pos\n", ""), json!({ "pos": 1 }));
}

#[test]
fn json_of_python_is_read_or_explained() {
    let both = json!({ "pos": 1, "neg": 1 });
    for text in [
        "{\"text\": \"one\", \"score\": 1.5, \"label\": \"pos\"}\n{\"text\": \"two\", \"score\": NaN, \"label\": \"neg\"}\n",
        "{\"text\": \"fine \\ud83d\\ude80\", \"label\": \"pos\"}\n{\"text\": \"cut \\ud83d\", \"label\": \"neg\"}\n",
        "[\n  {\"text\": \"one\", \"label\": \"pos\"},\n  {\"text\": \"two\", \"label\": \"neg\"}\n]\n",
        "[{\"text\": \"one\", \"label\": \"pos\"}, {\"text\": \"two\", \"label\": \"neg\"}]\n",
        "{\"text\": \"one\", \"label\": \"pos\", \"extra\": 1}\n{\"label\": \"neg\", \"text\": \"two\"}\n",
    ] {
        assert_eq!(labels("json_lines", text.as_bytes(), ""), both, "{text}");
        assert_eq!(labels("json", text.as_bytes(), ""), both, "{text}");
    }
    let first = "{\"text\": \"one\", \"label\": \"pos\"}\n";
    for (row, parts) in [
        ("{\"text\": null, \"label\": \"neg\"}", ["rows:2: ", "in the field `text`, found null"]),
        ("{\"text\": \"b\", \"label\": null}", ["rows:2: ", "in the field `label`, found null"]),
        ("{\"text\": \"three\"}", ["rows:2: ", "expected the field `label`, found `text`"]),
        ("{\"text\": NaN, \"label\": \"neg\"}", ["rows:2: ", "in the field `text`, found NaN"]),
        ("{'text': 'b', 'label': 'neg'}", ["rows:2: invalid JSON at column 2", "double quotes"]),
        (
            "{\"text\": \"b\", \"label\": \"neg\"",
            ["rows:2: ", "found the end of the file before `}`"],
        ),
    ] {
        rejects("json_lines", format!("{first}{row}\n").as_bytes(), "", &parts);
    }
}

#[test]
fn quotes_in_tabs_are_literal_unless_the_dialect_says_otherwise() {
    let loose = b"text\tlabel\nfirst\tpos\n\"second\tneg\nthird \"quoted\" word\tpos\nfour\" inches\tneg\nfifth\tpos\n";
    assert_eq!(labels("tsv", loose, ""), json!({ "pos": 3, "neg": 2 }));
    let pandas = b"text\tlabel\n\"she said \"\"hi\"\"\"\tpos\n\"two\nlines\"\tneg\nplain\tpos\n";
    rejects("tsv", pandas, "", &["rows:2: ", "set `dialect = { quotes = true }`"]);
    let quoted = "dialect = { quotes = true }";
    assert_eq!(labels("tsv", pandas, quoted), json!({ "pos": 2, "neg": 1 }));
    rejects(
        "csv",
        b"text,label\nfirst,pos\n\"never closed,neg\n",
        "",
        &["rows:3: a quote that opens"],
    );
    let loose = b"text,label\nfour\" inches,neg\nthird \"quoted\" word,pos\n\"well, closed\",neg\n";
    assert_eq!(labels("csv", loose, ""), json!({ "pos": 1, "neg": 2 }));
}

#[test]
fn columns_nobody_uses_do_not_matter() {
    let both = json!({ "pos": 1, "neg": 1 });
    for rows in [
        "text,label,\na,pos,\nb,neg,\n",
        "text,label,,\na,pos,,\nb,neg,,\n",
        ",text,label\n0,a,pos\n1,b,neg\n",
        "text,label\na,pos\n,\nb,neg\n,\n",
        "text,label\na,pos,\nb,neg\n",
        "text,label,x,x\na,pos,1,2\nb,neg,3,4\n",
    ] {
        assert_eq!(labels("csv", rows.as_bytes(), ""), both, "{rows}");
    }
    let twice = b"text,label,text\na,pos,x\n";
    rejects("csv", twice, "", &["rows:1: expected the field `text` once, found it again"]);
    rejects(
        "csv",
        b"text,label\na,pos,x\n",
        "",
        &["rows:2: expected 2 fields separated by commas"],
    );
    let sep = b"sep=;\ntext;label\na, b;pos\nc;neg\n";
    assert_eq!(labels("csv_semicolon", sep, ""), both);
    rejects("csv", sep, "", &["rows:1: ", "`format = \"csv_semicolon\"`"]);
}

#[test]
fn init_reads_what_train_reads() {
    let world = World::new();
    let latin = "windows-1252";
    for (name, data, options, lines) in [
        (
            "mark.csv",
            "\u{feff}sep=;\ntext;label\n".as_bytes().to_vec(),
            "",
            vec!["format = \"csv_semicolon\""],
        ),
        ("mac.csv", b"text,label,\r".to_vec(), "", vec!["format = \"csv\""]),
        (
            "pipe.csv",
            b"text|label\n".to_vec(),
            "",
            vec!["format = \"csv\"", "dialect = { separator = \"|\" }"],
        ),
        (
            "pandas.tsv",
            b"text\tlabel\n\"a\tb\"\tpos\n".to_vec(),
            "",
            vec!["dialect = { quotes = true }"],
        ),
        (
            "latin.csv",
            b"text,label\ncaf\xe9,pos\n".to_vec(),
            latin,
            vec!["encoding = \"windows-1252\""],
        ),
        ("rows.json", b"[\n".to_vec(), "", vec!["format = \"json_lines\""]),
    ] {
        let mut data = data;
        let separator = if data.contains(&b'|') {
            "|"
        } else if name.ends_with("tsv") {
            "\t"
        } else if data.contains(&b';') {
            ";"
        } else {
            ","
        };
        let end = if name == "mac.csv" { "\r" } else { "\n" };
        let rows: Vec<String> = (0..10)
            .map(|row| {
                let (text, label) = (["day sun", "night rain"][row % 2], ["pos", "neg"][row % 2]);
                if name.ends_with("json") {
                    format!("{{\"text\": \"{text} {row}\", \"label\": \"{label}\"}}")
                } else {
                    format!("{text} {row}{separator}{label}")
                }
            })
            .collect();
        data.extend(rows.join(if name.ends_with("json") { ",\n" } else { end }).as_bytes());
        data.extend(if name.ends_with("json") { "]" } else { end }.as_bytes());
        fs::write(world.path(name), &data).unwrap();
        let options =
            if options.is_empty() { String::new() } else { format!("--encoding {options}") };
        let command = format!("init {name} --model model --output out.toml --force {options}");
        let found = world.rows(&command, "");
        assert_eq!(found[0]["tasks"][0]["label"], "label", "{name}");
        let config = fs::read_to_string(world.path("out.toml")).unwrap();
        for line in lines {
            assert!(config.contains(line), "{config}");
        }
        world.rows("inspect out.toml --json", "");
    }
    let outcome = world.run("init latin.csv --model model --output out.toml --force", "");
    assert!(
        outcome.messages.contains("latin.csv:2: expected text in UTF-8"),
        "{}",
        outcome.messages
    );
    let rows = "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 2}\n";
    world.write("null.jsonl", &(rows.repeat(3) + "{\"text\": \"b\", \"label\": null}\n"));
    let outcome = world.run("init null.jsonl --model model", "");
    let part = "1 row of `null.jsonl` has no label and is left out (line 7)";
    assert!(outcome.messages.contains(part), "{}", outcome.messages);
    let found = world.rows("inspect pandas.tsv --json", "");
    assert_eq!(found[0]["dialect"], json!({ "quotes": true }));
    assert_eq!(world.rows("inspect latin.csv --encoding latin1 --json", "")[0]["rows"], 11);
}

#[test]
fn init_finds_any_number_of_labels() {
    let world = World::new();
    let rows: String = (0..12)
        .map(|row| {
            let labels = ["[\"sun\"]", "[\"sun\", \"rain\"]", "[]"][row % 3];
            format!("{{\"text\": \"day {row}\", \"labels\": {labels}}}\n")
        })
        .collect();
    world.write("tags.jsonl", &rows);
    let found = world.rows("init tags.jsonl --model model", "");
    assert_eq!(found[0]["tasks"][0]["labels"], json!({ "rain": 4, "sun": 8 }));
    let config = fs::read_to_string(world.path("tags.toml")).unwrap();
    assert!(
        config.contains("[tasks.labels.multi_label.labels]\n\"rain\" = \"rain\"\n"),
        "{config}"
    );
    let task = &world.rows("inspect tags.toml --json", "")[0]["tasks"][0];
    assert_eq!(task["metrics"], json!([{ "micro_f1": { "labels": [] } }, "macro_f1"]));
    assert!(task["splits"][0]["labels"]["sun"].as_u64().unwrap() > 4);
}

#[test]
fn spellings_of_a_label_are_one_label() {
    for (first, second) in [("café", "cafe\u{301}"), ("New York", "New\u{a0}York"), ("1", "1.0")] {
        let rows = format!("text,label\na,{first}\nb,x\nc,{second}\nd,x\n");
        let expected = json!({ first: 2, "x": 2 });
        assert_eq!(labels("csv", rows.as_bytes(), "labels = \"verbatim\""), expected);
        let listed = format!("labels = [\"{first}\", \"x\"]");
        assert_eq!(labels("csv", rows.as_bytes(), &listed), expected);
        let world = World::new();
        world.write("rows.csv", &(rows.clone() + &rows[11..]));
        let found = world.rows("init rows.csv --model model", "");
        assert_eq!(found[0]["tasks"][0]["labels"], json!({ first: 4, "x": 4 }));
    }
    let rows = "text,label\na,pos\nb,p\u{43e}s\n";
    rejects("csv", rows.as_bytes(), "labels = \"verbatim\"", &["rows:3: ", "`p\\u{43e}s`"]);
    rejects("csv", rows.as_bytes(), "", &["rows:3: ", "it looks like `pos`", "`p\\u{43e}s`"]);
}

#[test]
fn rows_of_all_commands_are_read_alike() {
    let world = World::new();
    let expected =
        world.rows("score --model model", "{\"input\": \"one two\", \"target\": \"three\"}");
    let utf16: Vec<u8> = "\u{feff}input,target\r\none two,three\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (name, data) in [
        ("rows.json", b"[\n{\"input\": \"one two\", \"target\": \"three\"}\n]".to_vec()),
        ("utf16.csv", utf16),
        ("pipe.csv", b",input|target|id|id\none two|three|1|2\n"[1..].to_vec()),
        ("mac.csv", b"sep=,\rinput,target,\rone two,three,\r,,\r".to_vec()),
        ("pandas.tsv", b"\"input\"\t\"target\"\n\"one two\"\t\"three\"\n".to_vec()),
        ("nan.jsonl", b"{\"input\": \"one two\", \"target\": \"three\", \"x\": NaN}\n".to_vec()),
    ] {
        fs::write(world.path(name), data).unwrap();
        let mut found = world.rows(&format!("score --model model --input {name}"), "");
        // Headers precede the row.
        found[0]["line"] = json!(1);
        assert_eq!(found, expected, "{name}");
    }
    for (name, data, part) in [
        (
            "twice.csv",
            &b"input,target,input\none,two,three\n"[..],
            "twice.csv:1: expected the field `input` once",
        ),
        ("latin.csv", b"input,target\none,caf\xe9\n", "latin.csv:2: expected text in UTF-8"),
        ("open.csv", b"input,target\n\"one,two\n", "open.csv:2: a quote that opens in this line"),
        ("page.csv", b"<!DOCTYPE html>\n", "page.csv: expected rows as text, found an HTML page"),
        ("null.jsonl", b"{\"input\": [1], \"target\": \"two\"}\n", "null.jsonl:1: "),
        ("broken.jsonl", b"{\"input\": \"a\",}\n", "broken.jsonl:1: invalid JSON at column 15"),
    ] {
        fs::write(world.path(name), data).unwrap();
        let outcome = world.run(&format!("score --model model --input {name}"), "");
        assert_eq!(outcome.code, 1);
        assert!(outcome.messages.contains(part), "{}", outcome.messages);
    }
    let latin = "score --model model --input latin.csv --encoding latin1";
    assert_eq!(world.rows(latin, "").len(), 1);
    assert_eq!(world.code("score --model model --encoding utf-9"), 2);
}

#[test]
fn predict_names_the_problem_of_a_field() {
    let world = World::new();
    world.train();
    let command = "predict --model model --prompts run/prompts.safetensors --task mood";
    for (row, part) in [
        ("{\"text\": null}", "in the field `text`, found null"),
        ("{\"text\": [\"a\"]}", "in the field `text`, found an array"),
        ("{\"text\": \"a\", \"text\": \"b\"}", "expected the field `text` once"),
    ] {
        let outcome = world.run(command, row);
        assert_eq!(outcome.code, 1);
        assert!(outcome.messages.contains("standard input:1: "), "{}", outcome.messages);
        assert!(outcome.messages.contains(part), "{}", outcome.messages);
    }
}

#[test]
fn blank_inputs_are_counted() {
    let (_, split, _) = inspect("csv", b"text,label\n,pos\n\" \",neg\na,pos\n", "");
    assert_eq!(split["blank_inputs"], 2);
    let (_, split, _) = inspect("csv", b"text,label\nb,pos\n", "");
    assert_eq!(split.get("blank_inputs"), None);
    let world = World::new();
    world
        .write("mood.jsonl", "{\"text\": \"\", \"label\": 0}\n{\"text\": \"sun\", \"label\": 1}\n");
    let outcome = world.run("train run.toml --output run", "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    let note = "task `mood`: 1 of 2 training inputs are blank";
    assert!(outcome.messages.contains(note), "{}", outcome.messages);
}

/// A folder with a model that answers from a table, and its prompts; they are written by the
/// program that made `tests/fixtures/data_files`.
fn table_model(name: &str) -> World {
    let world = World::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/data_files").join(name);
    copy_folder(&folder, &world.path(name));
    world
}

/// Evaluates a task and returns the metrics.
fn evaluate(world: &World, model: &str, split: &str) -> serde_json::Map<String, Value> {
    let command = format!(
        "eval --model {model} --prompts {model}/prompt.npy --tasks tasks.toml --split {split}"
    );
    let rows = world.rows(&command, "");
    rows.into_iter()
        .map(|row| (row["metric"].as_str().unwrap().to_owned(), row["value"].clone()))
        .collect()
}

#[test]
fn one_class_alone_has_the_metrics_of_scikit_learn() {
    let world = table_model("one_class");
    let expected = world.json("one_class/expected.json");
    let row = |row: usize, label| format!("{{\"text\": \"k{row}\", \"label\": \"{label}\"}}\n");
    let dev: String = (0..4).map(|number| row(number, "yes")).collect();
    let test: String = (0..4).map(|number| row(number, ["no", "yes"][number / 2])).collect();
    world.write("dev.jsonl", &dev);
    world.write("test.jsonl", &test);
    for positive in ["no", "yes"] {
        world.write(
            "tasks.toml",
            &format!(
                "[[tasks]]\nname = \"task0\"\nformat = \"json_lines\"\ndev = \"dev.jsonl\"\n\
                 test = \"test.jsonl\"\ntemplate = \"{{text}}\"\nlabels = [\"no\", \"yes\"]\n\
                 metrics = [\"matthews\", \"accuracy\", \"macro_f1\", {{ f1 = {{ positive = \"{positive}\" }} }}]\n"
            ),
        );
        for split in ["dev", "test"] {
            let found = evaluate(&world, "one_class", split);
            for (metric, key) in [
                ("matthews", "matthews".to_owned()),
                ("accuracy", "accuracy".to_owned()),
                ("macro_f1", "macro_f1_sklearn_labels_seen".to_owned()),
                ("f1", format!("f1_{positive}")),
            ] {
                let (found, expected) = (found[metric].as_f64(), expected[split][&key].as_f64());
                // The formulas are the same; only the order of operations differs.
                assert!((found.unwrap() - expected.unwrap()).abs() < 1e-12, "{split} {key}");
            }
        }
    }
}

#[test]
fn constant_predictions_have_no_correlation() {
    let world = table_model("one_score");
    let scores = ["1.0", "2.5", "3.0", "4.5"];
    let rows = scores.iter().zip(0..);
    let rows: String = rows
        .map(|(score, row)| format!("{{\"text\": \"k{row}\", \"label\": {score}}}\n"))
        .collect();
    world.write("dev.jsonl", &rows);
    world.write(
        "tasks.toml",
        "[[tasks]]\nname = \"task0\"\nformat = \"json\"\ndev = \"dev.jsonl\"\ntemplate = \"{text}\"\n\
         labels = { regression = { lowest = 0, highest = 5, step = 2.5 } }\n\
         metrics = [\"pearson\", \"spearman\"]\n",
    );
    let found = evaluate(&world, "one_score", "dev");
    assert_eq!(Value::from(found), json!({ "pearson": 0.0, "spearman": 0.0 }));
}

#[test]
fn unanswerable_questions_are_evaluated_as_in_squad_2() {
    let world = table_model("answers");
    world.write(
        "dev.jsonl",
        "{\"question\": \"k0\", \"answers\": {\"text\": [\"red green\"], \"answer_start\": [0]}}\n\
         {\"question\": \"k1\", \"answers\": {\"text\": [], \"answer_start\": []}}\n\
         {\"question\": \"k2\", \"answers\": {\"text\": [], \"answer_start\": []}}\n",
    );
    let task = "[[tasks]]\nname = \"task0\"\nformat = \"json_lines\"\ndev = \"dev.jsonl\"\n\
                template = \"{question}\"\nlabel_field = \"answers\"\n";
    world.write(
        "tasks.toml",
        &format!(
            "{task}labels = {{ text = {{ no_answer = \"unanswerable\" }} }}\n\
             metrics = [\"squad_v2_f1\", \"squad_v2_exact_match\", \"squad_v2_no_answer_accuracy\"]\n"
        ),
    );
    let found = evaluate(&world, "answers", "dev");
    assert_eq!(found["squad_v2_f1"], json!(2.0 / 3.0));
    assert_eq!(found["squad_v2_exact_match"], json!(2.0 / 3.0));
    assert_eq!(found["squad_v2_no_answer_accuracy"], json!(0.5));
    world.write("tasks.toml", &format!("{task}labels = \"text\"\n"));
    let command = "eval --model answers --prompts answers/prompt.npy --tasks tasks.toml";
    let outcome = world.run(command, "");
    assert_eq!(outcome.code, 1);
    assert!(outcome.messages.contains("dev.jsonl:2: "), "{}", outcome.messages);
    assert!(outcome.messages.contains("as in SQuAD 2.0"), "{}", outcome.messages);
}

#[test]
fn prompts_are_trained_on_any_number_of_labels() {
    let world = World::new();
    let rows: String = (0..8)
        .map(|row| {
            let (text, labels) = [("sun", "[\"happy\"]"), ("rain", "[\"sad\", \"wet\"]")][row % 2];
            format!("{{\"text\": \"day brought {text}\", \"label\": {labels}}}\n")
        })
        .collect();
    world.write("tags.jsonl", &rows);
    world.write(
        "tags.toml",
        "model = \"model\"\nprompt = { length = 2 }\ntraining = { steps = 2, batch_size = 4 }\n\
         [[tasks]]\nname = \"tags\"\nformat = \"json\"\ntrain = \"tags.jsonl\"\ndev = \"tags.jsonl\"\n\
         template = \"{text}\"\nlabels = { multi_label = [\"happy\", \"sad\", \"wet\"] }\n\
         metrics = [\"sample_f1\", \"subset_accuracy\", \"hamming_score\"]\n",
    );
    world.rows("train tags.toml --output run", "");
    let prompts = "--model model --prompts run/prompts.safetensors";
    let found = world.rows(&format!("eval {prompts} --tasks tags.toml"), "");
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|row| row["value"].is_number()), "{found:?}");
    let answer = &world.rows(&format!("predict {prompts}"), "{\"text\": \"day brought sun\"}")[0];
    assert!(answer["labels"].is_array() && answer["text"].is_string(), "{answer}");
    assert_eq!(answer.get("words"), None);
}
