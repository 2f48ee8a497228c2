//! Large jobs of `predict`, `generate` and `score`: output files, rejected rows, resuming, notes.

use std::fs;
use std::path::Path;

use mtpt::tasks::{Format, Reader};
use serde_json::{Value, json};

use crate::world::World;

const PREDICT: &str = "predict --model model --prompts run/prompts.safetensors";

fn trained() -> World {
    let world = World::new();
    world.train();
    world
}

/// Returns a table of rows of the task `mood`, with a label column and an id.
fn moods(rows: usize) -> String {
    let row = |row: usize| {
        let word = ["sun", "rain", "one two three", "night"][row % 4];
        format!("{},\"day brought\n{word}\",{}\n", 100 + row, row % 2)
    };
    "id,text,label\n".to_owned() + &(0..rows).map(row).collect::<String>()
}

/// Returns the rows of a table with their values as text.
fn table(format: Format, path: &Path) -> Vec<Vec<(String, String)>> {
    let rows = Reader::open(format, path).unwrap();
    let owned = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
    rows.map(|row| row.unwrap().fields().map(owned).collect()).collect()
}

#[test]
fn answers_can_be_joined_to_their_rows() {
    let world = trained();
    world.write("rows.csv", &moods(3));
    let rows = world.rows(&format!("{PREDICT} --task mood --input rows.csv"), "");
    // Each row has two lines, after the header.
    let keys: Vec<_> = rows.iter().map(|row| (&row["id"], &row["line"])).collect();
    let expected = [("100", 2), ("101", 4), ("102", 6)].map(|(id, line)| (json!(id), json!(line)));
    assert!(keys.into_iter().eq(expected.iter().map(|(id, line)| (id, line))), "{rows:?}");
    // Rows of an array in one line.
    let array = "[{\"text\": \"sun\", \"id\": 7}, {\"text\": \"rain\"}]";
    let rows = world.rows(&format!("{PREDICT} --task mood"), array);
    assert_eq!((&rows[0]["id"], &rows[0]["row"]), (&json!(7), &json!(1)));
    assert_eq!((rows[1].get("id"), &rows[1]["row"]), (None, &json!(2)));

    let kept = world.rows(&format!("{PREDICT} --task mood --keep-columns"), array);
    let keys: Vec<&String> = kept[0].as_object().unwrap().keys().collect();
    let predicted = ["task", "label", "word", "probability", "scores"];
    let predicted = predicted.map(|name| format!("predicted_{name}"));
    assert!(keys.into_iter().eq(["text", "id"].map(str::to_owned).iter().chain(&predicted)));
    assert_eq!(kept[0]["predicted_label"], rows[0]["label"]);
}

#[test]
fn output_files_have_the_columns_of_the_rows_and_of_the_answers() {
    let world = trained();
    let input = moods(40);
    world.write("rows.csv", &input);
    let command = format!("{PREDICT} --task mood --input rows.csv --scores none");
    let printed = world.rows(&command, "");
    for name in ["new/out.jsonl", "out.json", "out.csv", "out.tsv", "out.parquet"] {
        let outcome = world.run(&format!("{command} --output {name}"), "");
        assert_eq!((outcome.code, outcome.rows.len()), (0, 0), "{}", outcome.messages);
        assert!(outcome.messages.starts_with("40 rows in "), "{}", outcome.messages);
        assert!(outcome.messages.ends_with(&format!(" rows/s): `{name}`\n")));
        let format = match name {
            "out.csv" => Format::Csv,
            "out.tsv" => Format::Tsv,
            "out.parquet" => Format::Parquet,
            _ => Format::JsonLines,
        };
        if name == "out.tsv" {
            // The texts have line breaks, so fields are quoted.
            let text = fs::read_to_string(world.path(name)).unwrap();
            assert!(text.starts_with("id\ttext\tlabel\tpredicted_task\tpredicted_label\t"));
            continue;
        }
        let rows = table(format, &world.path(name));
        assert_eq!(rows.len(), 40);
        for (number, (row, answer)) in rows.iter().zip(&printed).enumerate() {
            let text = |value: &Value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let names: Vec<&str> = row.iter().map(|(name, _)| name.as_str()).collect();
            let answers = ["task", "label", "word", "probability"];
            let predicted = answers.map(|name| format!("predicted_{name}"));
            let expected = ["id", "text", "label"].into_iter();
            assert!(names.into_iter().eq(expected.chain(predicted.iter().map(String::as_str))));
            assert_eq!(
                (row[0].1.as_str(), number % 2),
                ((100 + number).to_string().as_str(), row[2].1.parse().unwrap())
            );
            for (value, name) in row[3..6].iter().zip(answers) {
                assert_eq!(value.1, text(&answer[name]), "{name}");
            }
            // The same rows are computed in the same batches.
            let probability: f64 = row[6].1.parse().unwrap();
            assert_eq!(Some(probability), answer["probability"].as_f64());
        }
        assert!(!world.path(&format!("{name}.partial")).exists());
        assert!(!world.path(&format!("{name}.rejected.jsonl")).exists());
    }
    let array: Value = serde_json::from_slice(&fs::read(world.path("out.json")).unwrap()).unwrap();
    assert_eq!(array.as_array().unwrap().len(), 40);
    let outcome = world.run(&format!("{command} --output out.xlsx"), "");
    let expected = "error: `out.xlsx`: expected a file name that ends in `.jsonl`, `.json`, `.csv`, \
                    `.tsv` or `.parquet`\n";
    assert_eq!((outcome.code, outcome.messages.as_str()), (1, expected));
}

#[test]
fn columns_keep_their_types() {
    let world = trained();
    let input = "{\"id\": 7, \"text\": \"sun\", \"tags\": [\"a\"], \"more\": {\"deep\": [1, null]}}\n\
                 {\"id\": 8, \"text\": \"rain\", \"weight\": 2.5, \"ok\": true}\n";
    world.rows(&format!("{PREDICT} --task mood --output out.jsonl"), input);
    let rows = world.json_lines("out.jsonl");
    assert_eq!((&rows[0]["id"], &rows[0]["tags"]), (&json!(7), &json!(["a"])));
    assert_eq!(rows[0]["more"], json!({ "deep": [1, null] }));
    assert_eq!((&rows[1]["weight"], &rows[1]["ok"]), (&json!(2.5), &json!(true)));
    world.rows(&format!("{PREDICT} --task mood --output out.parquet"), input);
    let mut rows = Reader::open(Format::Parquet, &world.path("out.parquet")).unwrap();
    let row = rows.next().unwrap().unwrap();
    assert_eq!((row.json("id"), row.json("weight")), (Some(json!(7)), Some(json!(null))));
    assert_eq!(row.get("more"), Some("{\"deep\":[1,null]}"));
    assert_eq!(rows.next().unwrap().unwrap().json("ok"), Some(json!(true)));
}

#[test]
fn existing_files_are_not_overwritten() {
    let world = trained();
    world.write("rows.csv", &moods(2));
    world.write("out.csv", "precious\n");
    let command = format!("{PREDICT} --task mood --input rows.csv --output out.csv");
    let outcome = world.run(&command, "");
    let expected = "error: `out.csv` already exists; choose another path with `--output`, or \
                    overwrite it with `--force`\n";
    assert_eq!((outcome.code, outcome.messages.as_str()), (1, expected));
    assert_eq!(fs::read_to_string(world.path("out.csv")).unwrap(), "precious\n");
    world.rows(&format!("{command} --force"), "");
    assert_eq!(table(Format::Csv, &world.path("out.csv")).len(), 2);
    // A completed job isn't repeated.
    let outcome = world.run(&format!("{command} --resume"), "");
    assert_eq!(outcome.code, 0);
    assert!(outcome.messages.starts_with("`out.csv` is complete already"), "{}", outcome.messages);
    let outcome = world.run(&format!("{PREDICT} --input rows.csv --output rows.csv --force"), "");
    assert_eq!(outcome.code, 1);
    assert!(outcome.messages.contains("is an input file"), "{}", outcome.messages);
}

/// Rows with one problem each, at lines 2, 4 and 5.
const FAULTY: &str = "{\"task\": \"mood\", \"text\": \"sun\"}\n\
                      {\"task\": \"weather\", \"text\": \"sun\"}\n\
                      {\"task\": \"mood\", \"text\": \"rain\"}\n\
                      {\"task\": \"mood\", \"text\": \n\
                      {\"task\": \"mood\", \"txt\": \"rain\"}\n\
                      {\"task\": \"wet\", \"text\": \"night\"}\n";

#[test]
fn rejected_rows_are_skipped_and_kept() {
    let world = trained();
    world.write("rows.jsonl", FAULTY);
    let good =
        world.rows(PREDICT, &FAULTY.lines().step_by(2).take(2).collect::<Vec<_>>().join("\n"));
    let command = format!("{PREDICT} --input rows.jsonl --on-error skip");
    let outcome = world.run(&command, "");
    assert_eq!(outcome.code, 0);
    let numbers: Vec<_> = outcome.rows.iter().map(|row| row["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 3, 6]);
    assert_eq!(outcome.rows[1]["label"], good[1]["label"]);
    for line in [2, 4, 5] {
        let warning = format!("warning: rejected: rows.jsonl:{line}: ");
        assert!(outcome.messages.contains(&warning), "{}", outcome.messages);
    }
    assert!(outcome.messages.contains("\n6 rows in "), "{}", outcome.messages);
    assert!(outcome.messages.ends_with(", 3 rejected\n"), "{}", outcome.messages);

    let outcome = world.run(&format!("{command} --output out.csv"), "");
    assert!(outcome.messages.ends_with("3 rejected (`out.csv.rejected.jsonl`): `out.csv`\n"));
    assert_eq!(table(Format::Csv, &world.path("out.csv")).len(), 3);
    let rejected = world.json_lines("out.csv.rejected.jsonl");
    assert_eq!(
        rejected.iter().map(|row| row["line"].as_u64().unwrap()).collect::<Vec<_>>(),
        [2, 4, 5]
    );
    let error = rejected[0]["error"].as_str().unwrap();
    assert!(error.starts_with("unknown task `weather`; available tasks: "), "{error}");
    assert_eq!(rejected[0]["columns"], json!({ "task": "weather", "text": "sun" }));
    // A row that can't be read has no columns.
    assert_eq!(rejected[1].get("columns"), None);
    // Without an output file.
    world.rows(&format!("{command} --rejected bad.jsonl"), "");
    assert_eq!(world.json_lines("bad.jsonl"), rejected);
}

#[test]
fn errors_are_reported_in_place_of_answers() {
    let world = trained();
    let rows = world.rows(&format!("{PREDICT} --on-error report"), FAULTY);
    assert_eq!(rows.len(), 6);
    for (row, line) in rows.iter().zip(1_u64..) {
        assert_eq!(row["line"], line);
        assert_eq!(row.get("error").is_some(), [2, 4, 5].contains(&line), "{row}");
    }
    world.rows(&format!("{PREDICT} --on-error report --output out.jsonl"), FAULTY);
    let rows = world.json_lines("out.jsonl");
    assert_eq!(rows.len(), 6);
    assert!(rows[4]["predicted_error"].as_str().unwrap().contains("found no `text`"));
    assert_eq!(rows[4]["txt"], "rain");
}

#[test]
fn every_message_names_the_file_and_the_line() {
    let world = trained();
    world.write("ragged.csv", "task,text\nmood,sun\nmood,sun,rain\n");
    world.write("unknown.csv", "task,text\nmood,sun\nmod,sun\n");
    world.write("missing.csv", "task,txt\nmood,sun\n");
    for (name, line, problem) in [
        ("ragged.csv", 3, "expected 2 fields separated by commas, found 3"),
        ("unknown.csv", 3, "unknown task `mod`"),
        ("missing.csv", 2, "expected `input`, or the fields of the task's template"),
    ] {
        let outcome = world.run(&format!("{PREDICT} --input {name}"), "");
        assert_eq!((outcome.code, outcome.rows.len()), (1, line - 2));
        let expected = format!("error: {name}:{line}: {problem}");
        assert!(outcome.messages.starts_with(&expected), "{}", outcome.messages);
    }
}

#[test]
fn jobs_continue_after_a_corrected_row() {
    let world = trained();
    world.write("rows.csv", &moods(40).replace("138,", "138,more,"));
    let command = format!("{PREDICT} --task mood --input rows.csv --scores none --output");
    let outcome = world.run(&format!("{command} out.csv"), "");
    assert_eq!(outcome.code, 1);
    assert!(outcome.messages.contains("continue with `--resume`"), "{}", outcome.messages);
    assert!(outcome.messages.contains("error: rows.csv:78: "), "{}", outcome.messages);
    assert!(!world.path("out.csv").exists());
    let partial = world.path("out.csv.partial");
    assert_eq!(fs::read_to_string(&partial).unwrap().lines().count(), 1 + 38);
    let refused = world.run(&format!("{command} out.csv"), "");
    let expected = "error: `out.csv.partial`: this file has the answers of an interrupted job";
    assert!(refused.messages.starts_with(expected), "{}", refused.messages);

    world.write("rows.csv", &moods(40));
    // A process that was killed while it wrote leaves a part of a line.
    let text = fs::read_to_string(&partial).unwrap();
    fs::write(&partial, &text[..text.len() - 20]).unwrap();
    let refused = world.run(&format!("{command} out.csv --resume --max-input-length 3"), "");
    assert!(refused.messages.contains("another `max-input-length`: it was `null`, and is now `3`"));
    let outcome = world.run(&format!("{command} out.csv --resume"), "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    assert!(outcome.messages.contains("3 rows in "), "{}", outcome.messages);
    assert!(outcome.messages.contains(", 37 rows answered before"), "{}", outcome.messages);
    world.rows(&format!("{command} whole.csv"), "");
    let [resumed, whole] =
        ["out.csv", "whole.csv"].map(|name| table(Format::Csv, &world.path(name)));
    assert_eq!(resumed.len(), 40);
    for (resumed, whole) in resumed.iter().zip(&whole) {
        assert_eq!(resumed[..6], whole[..6]);
        let [resumed, whole] = [resumed, whole].map(|row| row[6].1.parse::<f64>().unwrap());
        // The rows were computed in other batches, with other padding.
        assert!((resumed - whole).abs() < 1e-4);
    }
    assert!(!partial.exists());
}

#[test]
fn a_changed_input_is_not_continued() {
    let world = trained();
    let broken = moods(5) + "1,2,3,4\n";
    world.write("rows.csv", &broken);
    let command = format!("{PREDICT} --task mood --input rows.csv --output out.parquet");
    assert_eq!(world.run(&command, "").code, 1);
    world.write("rows.csv", &moods(5).replace("102,", "999,"));
    let outcome = world.run(&format!("{command} --resume"), "");
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.messages.contains("the row in line 6 of the input differs"),
        "{}",
        outcome.messages
    );
    world.write("rows.csv", &moods(3));
    let outcome = world.run(&format!("{command} --resume"), "");
    assert!(outcome.messages.contains("the input has fewer rows"), "{}", outcome.messages);
    world.write("rows.csv", &moods(6));
    world.rows(&format!("{command} --resume"), "");
    assert_eq!(table(Format::Parquet, &world.path("out.parquet")).len(), 6);
}

#[test]
fn input_that_replaces_the_template_is_noted_once() {
    let world = trained();
    let rows = "{\"input\": \"mood day\"}\n{\"input\": \"mood night\"}\n";
    let command = format!("{PREDICT} --task mood");
    let outcome = world.run(&command, rows);
    let note = "note: `input` is used as the complete input text, without the template `mood \
                {text}` of the task `mood`; name `text` to apply it, or use `rendered_input` for a \
                complete text\n";
    assert_eq!(outcome.messages, note);
    let rendered = world.run(&command, &rows.replace("input", "rendered_input"));
    assert_eq!((rendered.messages.as_str(), rendered.rows), ("", outcome.rows));
}

#[test]
fn fields_named_input_fill_a_template_with_that_name() {
    let world = World::new();
    let config = fs::read_to_string(world.path("run.toml")).unwrap();
    world.write("run.toml", &config.replace("mood {text}", "mood {input}"));
    let rows = fs::read_to_string(world.path("mood.jsonl")).unwrap();
    world.write("mood.jsonl", &rows.replace("\"text\"", "\"input\""));
    world.train();
    let predict = |row: &str| world.run(&format!("{PREDICT} --task mood"), row);
    let applied = predict("{\"input\": \"day brought sun\"}");
    assert_eq!(applied.messages, "");
    let rendered = predict("{\"rendered_input\": \"mood day brought sun\"}");
    assert_eq!(applied.rows[0]["probability"], rendered.rows[0]["probability"]);
}

#[test]
fn empty_texts_are_counted() {
    let world = trained();
    let rows = "{\"text\": \"\"}\n{\"text\": \"sun\"}\n{\"text\": \"  \"}\n";
    let outcome = world.run(&format!("{PREDICT} --task mood"), rows);
    assert_eq!(outcome.rows.len(), 3);
    let warning = "warning: 2 rows have an empty text (lines 1, 3), answered like the others\n";
    assert_eq!(outcome.messages, warning);
}

#[test]
fn answers_do_not_depend_on_batches_and_threads() {
    let world = trained();
    let rows: String = (0..80)
        .map(|row| {
            let text = "day brought sun ".repeat(1 + row * 7 % 11);
            let task = ["mood", "sky/wet"][row % 2];
            format!("{{\"task\": \"{task}\", \"text\": \"{text}\"}}\n")
        })
        .collect();
    let expected = world.rows(&format!("{PREDICT} --batch-size 1"), &rows);
    for options in ["", "--batch-size 7", "--threads 3"] {
        let found = world.rows(&format!("{PREDICT} {options}"), &rows);
        assert_eq!(found.len(), 80);
        for (found, expected) in found.iter().zip(&expected) {
            for key in ["line", "task"] {
                assert_eq!(found[key], expected[key], "{options}");
            }
            let [found, expected] = [found, expected].map(|row| {
                row["scores"].as_object().unwrap().values().next().unwrap().as_f64().unwrap()
            });
            // Sums in f32 in another order, because of the padding.
            assert!((found - expected).abs() < 1e-4, "{options}: {found} {expected}");
        }
    }
}

#[test]
fn generate_and_score_write_the_same_files() {
    let world = World::new();
    world.write("rows.csv", "id,input,target\n1,one two,three\n2,day,night\n");
    let generate =
        "generate --model model --num-beams 2 --num-return-sequences 2 --max-new-tokens 4";
    world.rows(&format!("{generate} --input rows.csv --output texts.jsonl"), "");
    let rows = world.json_lines("texts.jsonl");
    let keys: Vec<_> = rows
        .iter()
        .map(|row| (row["id"].as_str().unwrap(), row["generated_sequence"].as_u64()))
        .collect();
    assert_eq!(keys, [("1", Some(0)), ("1", Some(1)), ("2", Some(0)), ("2", Some(1))]);
    assert!(rows[0]["generated_text"].is_string());
    world.rows("score --model model --input rows.csv --output scores.csv", "");
    let rows = table(Format::Csv, &world.path("scores.csv"));
    let names: Vec<_> = rows[0].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["id", "input", "target", "target_logprob", "target_token_logprobs"]);
    let logprob = world.rows("score --model model --input rows.csv", "")[0]["logprob"].clone();
    assert_eq!(rows[0][3].1, logprob.to_string());
}

#[test]
fn rejected_rows_do_not_hide_those_before_the_damage_of_an_archive() {
    let world = trained();
    world.write("rows.csv", &format!("{}1,2,3,4\n{}", moods(40), moods(4000).split_off(14)));
    let (code, messages) = world.shell("gzip < rows.csv | head -c 2000 > rows.csv.gz");
    assert_eq!(code, 0, "{messages}");
    for (mode, has_error) in [("skip", false), ("report", true)] {
        let command = format!("{PREDICT} --task mood --input rows.csv.gz --scores none");
        let outcome = world.run(&format!("{command} --on-error {mode}"), "");
        assert_eq!(outcome.code, 1);
        assert!(outcome.rows.len() > 100, "{mode}: {}", outcome.rows.len());
        assert_eq!(outcome.rows.iter().any(|row| row["line"] == 82), has_error);
        assert!(outcome.messages.contains("the gzip data ends early"), "{}", outcome.messages);
        let is_warned = outcome.messages.contains("rejected: rows.csv.gz:82: ");
        assert_eq!(is_warned, !has_error, "{}", outcome.messages);
    }
}

#[test]
fn columns_and_tasks_do_not_depend_on_the_rows() {
    let world = trained();
    let header = |rows: &str, options: &str| {
        world.run(&format!("{PREDICT} --force --output out.csv {options}"), rows);
        let text = fs::read_to_string(world.path("out.csv")).unwrap();
        text.lines().next().unwrap_or_default().to_owned()
    };
    let answered = header("task,text\nmood,sun\n", "");
    // An empty cell is no task.
    assert_eq!(header("task,text\n,sun\n", "--task mood"), answered);
    let names = answered.strip_prefix("task,text,").unwrap();
    assert!(names.contains("predicted_word"), "{names}");
    // Without any answer.
    let rejected = header("task,text\nno,sun\n", "--on-error skip");
    assert!(rejected.ends_with(names), "{rejected}");
}

#[test]
fn a_job_without_answers_fails() {
    let world = trained();
    let command = format!("{PREDICT} --on-error skip --output out.csv");
    let outcome = world.run(&command, "task,text\nno,sun\nno,rain\n");
    assert_eq!(outcome.code, 1);
    let problem = "error: no row was answered: all 2 rows were rejected; the first one: ";
    assert!(outcome.messages.contains(problem), "{}", outcome.messages);
}
