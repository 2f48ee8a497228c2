use std::fs;
use std::path::Path;

use crate::program::{output, run};

/// Returns the columns of the table row with this name.
#[track_caller]
fn columns<'a>(output: &'a str, name: &str) -> Vec<&'a str> {
    let line = output.lines().find(|line| line.split_whitespace().next() == Some(name));
    let line = line.unwrap_or_else(|| panic!("no line `{name}` in:\n{output}"));
    line.split_whitespace().skip(1).collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

#[test]
fn several_tasks_are_trained_shown_as_a_tree_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "--steps 2 --batch-size 6 --length 3 --test-rows 24 --save prompts.safetensors";
    let Some(text) = output("multitask", arguments, folder.path(), "") else { return };
    // Tasks are listed below their groups, whose values are means.
    for (group, tasks) in [
        ("reviews", ["sentiment", "subject"]),
        ("support", ["intent", "topic"]),
        ("news", ["outlook", "section"]),
    ] {
        let means: Vec<f64> = columns(&text, group).into_iter().map(number).collect();
        let rows = tasks.map(|task| columns(&text, task));
        for row in &rows {
            assert_eq!((row[0], row.len()), ("accuracy", 6), "{text}");
        }
        for (place, mean) in means.iter().enumerate() {
            let expected = (number(rows[0][place + 1]) + number(rows[1][place + 1])) / 2.0;
            // Values are rounded to a tenth.
            assert!((mean - expected).abs() < 0.11, "{group}: {mean} for {expected}");
        }
    }
    assert_eq!(columns(&text, "average").len(), 3);
    for part in [
        "\n  sentiment",
        "predictions are correct",
        // The frozen model hides its parameters from visitors, so counting must look inside.
        "% of the 5,262,720 frozen ones)",
        "bit-identical",
        "Next:\n",
        "cargo install",
    ] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }

    let lines = "The bed was too short.\n\nWhat a film!\n";
    let arguments = "--prompts prompts.safetensors --task reviews/subject";
    let Some(answers) = output("predict", arguments, folder.path(), lines) else { return };
    let answers: Vec<Vec<&str>> = answers.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(answers.len(), 3);
    for (answer, line) in answers.iter().zip(lines.lines()) {
        assert!(["food", "film", "hotel", "device"].contains(&answer[0]), "{answer:?}");
        assert!((0.25..=1.0).contains(&number(answer[1])), "{answer:?}");
        assert_eq!(answer[2], line);
    }
    let wrong = run("predict", "--prompts prompts.safetensors --task film", folder.path(), "");
    let messages = wrong.unwrap().messages;
    assert!(
        messages.contains("unknown task `film`; available tasks: `reviews/sentiment`"),
        "{messages}"
    );
}

#[test]
fn all_strategies_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "--steps 1 --batch-size 6 --test-rows 12 --seeds 1 2";
    let Some(text) = output("compare_strategies", arguments, folder.path(), "") else { return };
    let mut rows = Vec::new();
    for strategy in mtpt::compose::CompositionConfig::catalogue() {
        let row: Vec<f64> = columns(&text, strategy.name()).into_iter().map(number).collect();
        assert_eq!(row.len(), 1 + 6 + 2, "{text}");
        let mean = row[1..7].iter().sum::<f64>() / 6.0;
        assert!((row[7] - mean).abs() < 0.11, "{text}");
        rows.push(row[0]);
    }
    rows.sort_by(f64::total_cmp);
    rows.dedup();
    assert!(rows.len() > 3, "strategies differ in their results: {text}");
    assert!(text.contains("means over the seeds 1, 2"), "{text}");
}

#[test]
fn a_tree_is_compared_with_flat_prompts() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "--steps 1 --batch-size 6 --length 3 --test-rows 12";
    let Some(text) = output("hierarchy", arguments, folder.path(), "") else { return };
    assert_eq!(columns(&text, "metric"), ["majority", "hierarchy", "add", "separate"]);
    let parameters: Vec<f64> =
        columns(&text, "parameters").iter().map(|count| number(&count.replace(',', ""))).collect();
    // A root and three groups of 3 vectors of 192 features, and six tasks of rank 1.
    assert_eq!(parameters[0], (4 * 3 * 192 + 6 * (3 + 192)) as f64);
    // Flat prompts come as close as whole vectors allow.
    assert!((parameters[0] - parameters[1]).abs() <= 7.0 * 192.0 / 2.0, "{parameters:?}");
    assert!((parameters[0] - parameters[2]).abs() <= 6.0 * 192.0 / 2.0, "{parameters:?}");
    for (group, tasks) in [("reviews", ["sentiment", "subject"]), ("news", ["outlook", "section"])]
    {
        let [first, second] = tasks.map(|task| columns(&text, task));
        for (place, mean) in columns(&text, group).into_iter().enumerate().skip(1) {
            let expected = (number(first[place]) + number(second[place])) / 2.0;
            assert!((number(mean) - expected).abs() < 0.11, "{group}: {text}");
        }
    }
}

#[test]
fn a_custom_strategy_is_trained_and_evaluated() {
    let folder = tempfile::tempdir().unwrap();
    let Some(text) = output("custom_strategy", "--steps 1 --test-rows 12", folder.path(), "")
    else {
        return;
    };
    // 20 shared vectors of 192 features, and one vector for each task.
    assert!(text.starts_with("4992 trainable parameters for 6 tasks\n"), "{text}");
    for task in ["reviews/sentiment", "support/topic", "news/section"] {
        let row = columns(&text, task);
        assert_eq!(row.len(), 3, "{text}");
        assert!(row.into_iter().all(|value| (0.0..=100.0).contains(&number(value))), "{text}");
    }
}

#[test]
fn real_data_is_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    write_data(&data);
    let arguments = "--data data --steps 1 --batch-size 8 --length 2";
    let Some(text) = output("multitask", arguments, folder.path(), "") else { return };
    for (task, metric) in [
        ("cola", "matthews"),
        ("mrpc", "accuracy"),
        ("rte", "accuracy"),
        ("sst2", "accuracy"),
        ("stsb", "pearson"),
        ("trec", "accuracy"),
        ("subj", "accuracy"),
        ("mpqa", "accuracy"),
    ] {
        assert_eq!(columns(&text, task)[0], metric);
    }
    // An error in a row names the original file, not a part of it.
    let file = data.join("text/trec/train.jsonl");
    let rows = fs::read_to_string(&file).unwrap() + "{\"text\": 1\n";
    fs::write(&file, rows).unwrap();
    let wrong = run("multitask", arguments, folder.path(), "").unwrap();
    assert_eq!(wrong.code, Some(1), "{}", wrong.messages);
    assert!(wrong.messages.contains("data/text/trec/train.jsonl:11"), "{}", wrong.messages);
}

/// Returns the cells of the Markdown table row whose first cell is this name.
#[track_caller]
fn cells<'a>(table: &'a str, name: &str) -> Vec<&'a str> {
    let begin = format!("| `{name}` |");
    let line = table.lines().find(|line| line.starts_with(&begin));
    let line = line.unwrap_or_else(|| panic!("no line of `{name}` in:\n{table}"));
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// Returns mean and deviation of a cell such as `51.0 ± 2.2`.
fn spread(cell: &str) -> (f64, f64) {
    let (mean, deviation) = cell.trim_matches('*').split_once(" ± ").unwrap();
    (number(mean), number(deviation))
}

#[test]
fn methods_are_in_one_table_and_runs_are_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    write_data(&data);
    // A thousand rows of this file are dev rows.
    let rows: String = (0..1_010).map(|place| format!("a film\t{}\n", place % 2)).collect();
    fs::write(data.join("glue/SST-2/train.tsv"), format!("sentence\tlabel\n{rows}")).unwrap();
    let arguments = "--data data --quick --work runs --output table.md --jobs 2";
    let few = format!("{arguments} --seeds 1 2 --only full_fine_tuning mpt separate");
    let Some(text) = output("results", &few, folder.path(), "") else { return };

    let written = fs::read_to_string(folder.path().join("table.md")).unwrap();
    let table = text.split("\n\n").next().unwrap();
    assert!(table.starts_with("| method | cola, matthews | mrpc, accuracy |"), "{text}");
    assert!(written.contains(table), "{written}");
    for method in ["separate", "mpt", "full_fine_tuning"] {
        let row = cells(table, method);
        assert_eq!(row.len(), 1 + 8 + 5, "{text}");
        let tasks: Vec<f64> = row[1..9].iter().map(|cell| spread(cell).0).collect();
        let (average, deviation) = spread(row[9]);
        // Values are rounded to a tenth.
        assert!((average - tasks.iter().sum::<f64>() / 8.0).abs() < 0.11, "{text}");
        assert!(deviation >= 0.0, "{text}");
    }
    // 2 vectors of 192 features per task; with rank 1, 2 shared ones for eight tasks, and 2 + 192
    // parameters per task.
    assert_eq!(cells(table, "separate")[13], "384");
    assert_eq!(cells(table, "mpt")[13], "242");
    for part in ["Not run: `mpt_without_distillation`", "(PEFT's need `--python`)"] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }

    // A run and a test evaluation per method and seed.
    let runs = || fs::read_to_string(folder.path().join("runs/runs.jsonl")).unwrap();
    let before = runs();
    assert_eq!(before.lines().count(), 3 * 2 * 2, "{before}");
    fs::write(folder.path().join("table.md"), format!("Before.\n\n{written}\nAfter.\n")).unwrap();
    let again = output("results", &few, folder.path(), "").unwrap();
    assert_eq!((again.as_str(), runs()), (text.as_str(), before.clone()));
    let kept = fs::read_to_string(folder.path().join("table.md")).unwrap();
    assert_eq!(kept, format!("Before.\n\n{written}\nAfter.\n"));

    // Another setting makes another run.
    let other = format!("{arguments} --seeds 1 --rates 0.2 --only separate");
    output("results", &other, folder.path(), "").unwrap();
    assert_eq!(runs().lines().count(), before.lines().count() + 2);
    let wrong = run("results", &format!("{arguments} --only all"), folder.path(), "").unwrap();
    assert_eq!(wrong.code, Some(1), "{}", wrong.messages);
    assert!(
        wrong.messages.contains("no method `all`: there are separate, mpt"),
        "{}",
        wrong.messages
    );
}

#[test]
fn accuracy_by_data_size_is_in_one_table_and_runs_are_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    write_data(&folder.path().join("data"));
    let arguments = "--data data --work runs --output table.md --steps 1 --test-rows 6 --seeds 1 2";
    let few = format!("{arguments} --rows 4 8 --strategies separate add");
    let Some(text) = output("data_sizes", &few, folder.path(), "") else { return };
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.contains(" ± "))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let names: Vec<(&str, &str)> = rows.iter().map(|row| (row[0], row[1])).collect();
    let methods = ["majority label", "TF-IDF", "`separate`", "`add`"];
    let expected: Vec<(&str, &str)> =
        ["4", "8"].into_iter().flat_map(|rows| methods.map(|method| (rows, method))).collect();
    assert_eq!(names, expected, "{text}");
    for row in &rows {
        let tasks: f64 = row[2..6].iter().map(|cell| spread(cell).0).sum();
        // Values are rounded to a tenth.
        assert!((spread(row[6]).0 - tasks / 4.0).abs() < 0.11, "{text}");
    }
    let written = fs::read_to_string(folder.path().join("table.md")).unwrap();
    assert!(written.contains(text.trim_end()), "{written}");

    // The run file is complete: the folder of a run has what `mtpt train` needs.
    let run = folder.path().join("runs/1/4/add-2");
    let config = fs::read_to_string(run.join("run.toml")).unwrap();
    assert!(config.contains("limit = { train = 4, test = 6, seed = 2 }"), "{config}");
    // A finished run is read, not repeated.
    fs::write(run.join("test.json"), "[1, 1, 1, 1]").unwrap();
    let again = output("data_sizes", &few, folder.path(), "").unwrap();
    assert_ne!(again, text);
}

/// Writes ten rows to every file that the example reads.
fn write_data(data: &Path) {
    let table = |header: &str, row: fn(usize) -> String| {
        let rows: String = (0..10).map(|place| row(place) + "\n").collect();
        if header.is_empty() { rows } else { format!("{header}\n{rows}") }
    };
    let glue = [
        ("CoLA", table("", |place| format!("a\t{}\t*\tthe cat sat {place}", place % 2))),
        (
            "MRPC",
            table("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", |place| {
                format!("{}\t1\t2\tit rains\tit rains {place}", place % 2)
            }),
        ),
        (
            "RTE",
            table("index\tsentence1\tsentence2\tlabel", |place| {
                let label = ["entailment", "not_entailment"][place % 2];
                format!("{place}\tit rains\tit is wet\t{label}")
            }),
        ),
        ("SST-2", table("sentence\tlabel", |place| format!("a fine film {place}\t{}", place % 2))),
        (
            "STS-B",
            table(
                "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
                |place| format!("{place}\tg\tf\t1\t0\ts\ts\tit rains\tit pours\t{}.0", place % 5),
            ),
        ),
    ];
    for (name, rows) in glue {
        let folder = data.join("glue").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("train.tsv"), &rows).unwrap();
        fs::write(folder.join("dev.tsv"), &rows).unwrap();
    }
    for (name, labels) in [
        ("trec", ["number", "person"]),
        ("subj", ["objective", "subjective"]),
        ("mpqa", ["negative", "positive"]),
    ] {
        let folder = data.join("text").join(name);
        fs::create_dir_all(&folder).unwrap();
        let row = |place: usize| {
            format!("{{\"text\": \"who is it {place}\", \"label\": \"{}\"}}\n", labels[place % 2])
        };
        let rows: String = (0..10).map(row).collect();
        fs::write(folder.join("train.jsonl"), &rows).unwrap();
        fs::write(folder.join("dev.jsonl"), &rows).unwrap();
        fs::write(folder.join("test.jsonl"), &rows).unwrap();
    }
}
