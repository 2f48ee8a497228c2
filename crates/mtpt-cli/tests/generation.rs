use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::world::World;

const FILE: &str = "model/generation_config.json";

/// Returns texts of transformers for the small model, see
/// `mtpt-t5/scripts/generate_decoding_reference.py`.
fn reference() -> Value {
    let path = "../mtpt-t5/tests/fixtures/decoding/searches.json";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn inputs(reference: &Value) -> String {
    let rows = reference["inputs"].as_array().unwrap().iter();
    rows.map(|ids| format!("{}\n", json!({ "input_ids": ids }))).collect()
}

/// Returns the ids of each line.
fn ids(rows: &[Value]) -> Vec<&Value> {
    rows.iter().map(|row| &row["ids"]).collect()
}

/// Returns the reference texts of all rows, one after the other.
fn texts(case: &Value) -> Vec<&Value> {
    case["sequences"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap()).collect()
}

/// Returns the options of the command for the settings of a file; `None` if there are none.
fn options(settings: &Value) -> Option<String> {
    let mut options = Vec::new();
    for (key, value) in settings.as_object().unwrap() {
        let several = || match value {
            Value::Array(values) => values.clone(),
            value => vec![value.clone()],
        };
        match (key.as_str(), value) {
            ("pad_token_id" | "length_penalty", _) => {}
            ("eos_token_id", _) => {
                options.extend(several().iter().map(|id| format!("--end-token {id}")));
            }
            ("forced_eos_token_id", _) => {
                options.extend(several().iter().map(|id| format!("--forced-eos-token {id}")));
            }
            ("suppress_tokens", _) => {
                options.extend(several().iter().map(|id| format!("--suppress-token {id}")));
            }
            ("begin_suppress_tokens", _) => {
                options.extend(several().iter().map(|id| format!("--begin-suppress-token {id}")));
            }
            ("decoder_start_token_id", id) => options.push(format!("--decoder-start-token {id}")),
            ("forced_bos_token_id", id) => options.push(format!("--forced-bos-token {id}")),
            ("early_stopping", Value::Bool(true)) => {
                options.push("--early-stopping when-full".into())
            }
            ("early_stopping", Value::Bool(false)) => {
                options.push("--early-stopping heuristic".into());
            }
            ("early_stopping", _) => options.push("--early-stopping never".into()),
            (
                "max_new_tokens"
                | "min_new_tokens"
                | "num_beams"
                | "num_return_sequences"
                | "no_repeat_ngram_size"
                | "encoder_no_repeat_ngram_size"
                | "repetition_penalty"
                | "encoder_repetition_penalty",
                value,
            ) => options.push(format!("--{} {value}", key.replace('_', "-"))),
            _ => return None,
        }
    }
    if let Some(penalty) = settings.get("length_penalty") {
        options.push(format!("--length-penalty={penalty}"));
    }
    Some(options.join(" "))
}

#[test]
fn options_match_transformers() {
    let reference = reference();
    let world = World::new();
    let rows = inputs(&reference);
    let mut used = BTreeSet::new();
    for case in reference["cases"].as_array().unwrap() {
        let Some(options) = options(&case["settings"]) else { continue };
        let keys: Vec<String> = case["settings"].as_object().unwrap().keys().cloned().collect();
        // One case for each combination of options.
        if used.insert(keys) {
            let found = world.rows(&format!("generate --model model {options}"), &rows);
            assert_eq!(ids(&found), texts(case), "{options}");
        }
    }
    assert!(used.len() >= 20, "{used:?}");
}

#[test]
fn settings_of_the_file_apply_and_are_reported() {
    let reference = reference();
    let world = World::new();
    for case in reference["cases"].as_array().unwrap().iter().skip(3).step_by(9) {
        world.write(FILE, &case["settings"].to_string());
        let found = world.run("generate --model model", &inputs(&reference));
        assert_eq!(found.code, 0, "{}", found.messages);
        assert_eq!(ids(&found.rows), texts(case), "{}", case["settings"]);
        assert!(found.messages.starts_with("note: `model/generation_config.json` sets "));
        assert_eq!(found.messages.lines().count(), 1, "{}", found.messages);
    }
}

#[test]
fn options_override_the_file() {
    let reference = reference();
    let world = World::new();
    let rows = inputs(&reference);
    let plain = world.rows("generate --model model --max-new-tokens 10", &rows);
    world.write(
        FILE,
        &json!({
            "num_beams": 3, "num_return_sequences": 2, "no_repeat_ngram_size": 1, "max_length": 5,
            "eos_token_id": [94, 8], "min_length": 4, "repetition_penalty": 1.5,
        })
        .to_string(),
    );
    let overridden = world.run(
        "generate --model model --max-new-tokens 10 --num-beams 1 --num-return-sequences 1 \
         --no-repeat-ngram-size 0 --end-token 94 --min-new-tokens 0 --repetition-penalty 1",
        &rows,
    );
    assert_eq!(overridden.rows, plain);
    // All settings were overridden.
    assert_eq!(overridden.messages, "");
    let some = world.run("generate --model model --max-new-tokens 10 --num-beams 4", &rows);
    assert_eq!(some.rows.len(), 2 * plain.len());
    assert_eq!(
        some.messages,
        "note: `model/generation_config.json` sets `min_length` to 4, `eos_token_id` to [94,8], \
         `num_return_sequences` to 2, `no_repeat_ngram_size` to 1, `repetition_penalty` to 1.5\n"
    );
    let ignored =
        world.run("generate --model model --max-new-tokens 10 --ignore-generation-config", &rows);
    assert_eq!((ignored.rows, ignored.messages.as_str()), (plain, ""));
}

#[test]
fn files_that_repeat_the_configuration_are_not_reported() {
    let world = World::new();
    let row = "{\"input_ids\": [5, 9, 94]}\n";
    let plain = world.rows("generate --model model", row);
    world.write(
        FILE,
        "{\"_from_model_config\": true, \"decoder_start_token_id\": 0, \"eos_token_id\": 94, \
         \"pad_token_id\": 0, \"use_cache\": true, \"transformers_version\": \"5.24.0\"}",
    );
    let found = world.run("generate --model model", row);
    assert_eq!((found.rows, found.messages.as_str()), (plain, ""));
}

#[test]
fn lists_of_end_tokens_in_either_file_mean_the_same() {
    let reference = reference();
    let world = World::new();
    let rows = inputs(&reference);
    let one = world.rows("generate --model model --max-new-tokens 10", &rows);
    let option = world.rows(
        "generate --model model --max-new-tokens 10 --end-token 94 --end-token 8 --end-token 40",
        &rows,
    );
    assert_ne!(option, one);
    let config = fs::read_to_string(world.path("model/config.json")).unwrap();
    let list = config.replace("\"eos_token_id\": 94", "\"eos_token_id\": [94, 8, 40]");
    assert_ne!(list, config);
    world.write("model/config.json", &list);
    assert_eq!(world.rows("generate --model model --max-new-tokens 10", &rows), option);
    // Inputs end with the tokenizer's end token, whichever is the first of the list.
    world.write("model/config.json", &list.replace("[94, 8, 40]", "[40, 94, 8]"));
    assert_eq!(world.rows("generate --model model --max-new-tokens 10", &rows), option);
    let [text, tokens] = ["{\"input\": \"day rain\"}\n", "{\"input_ids\": [2, 6, 94]}\n"];
    let [text, tokens] = [text, tokens].map(|row| world.rows("generate --model model", row));
    assert_eq!(text, tokens);
    world.write("model/config.json", &config);
    world.write(FILE, "{\"eos_token_id\": [94, 8, 40]}");
    assert_eq!(world.rows("generate --model model --max-new-tokens 10", &rows), option);
}

#[test]
fn equal_rows_have_different_samples_for_every_batch_size() {
    let world = World::new();
    let rows = "{\"input_ids\": [5, 9, 30, 94]}\n".repeat(40);
    let sample = |size: usize| {
        let command = format!(
            "generate --model model --max-new-tokens 12 --temperature 3 --seed 7 --batch-size {size}"
        );
        world.rows(&command, &rows)
    };
    let expected = sample(1);
    let different: BTreeSet<String> = expected.iter().map(Value::to_string).collect();
    assert_eq!(different.len(), 40);
    for size in [4, 16, 40] {
        assert_eq!(sample(size), expected, "batches of {size}");
    }
    // The number of threads doesn't matter either.
    #[cfg(unix)]
    {
        world.write("rows.jsonl", &rows);
        let command = "RAYON_NUM_THREADS=1 mtpt generate --model model --max-new-tokens 12 \
                       --temperature 3 --seed 7 --input rows.jsonl > one.jsonl";
        assert_eq!(world.shell(command).0, 0);
        assert_eq!(world.json_lines("one.jsonl"), expected);
    }
}

#[test]
fn several_sequences_are_adjacent_lines() {
    let reference = reference();
    let world = World::new();
    let rows = inputs(&reference);
    let found = world.rows(
        "generate --model model --max-new-tokens 8 --num-beams 4 --num-return-sequences 3",
        &rows,
    );
    assert_eq!(found.len(), 3 * reference["inputs"].as_array().unwrap().len());
    for sequences in found.chunks(3) {
        let numbers: Vec<_> = sequences.iter().map(|row| row["sequence"].as_u64()).collect();
        assert_eq!(numbers, [Some(0), Some(1), Some(2)]);
        let scores: Vec<_> = sequences.iter().map(|row| row["score"].as_f64().unwrap()).collect();
        assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]), "{scores:?}");
    }
    let one = world.rows("generate --model model --max-new-tokens 8 --num-beams 4", &rows);
    assert_eq!(ids(&one), ids(&found).into_iter().step_by(3).collect::<Vec<_>>());
    assert!(one[0].get("sequence").is_none() && one[0].get("score").is_none());
    // Samples of one row differ, and have no scores.
    let found = world.rows(
        "generate --model model --max-new-tokens 8 --temperature 3 --num-return-sequences 5",
        "{\"input_ids\": [5, 9, 94]}\n{\"input_ids\": [5, 9, 94]}\n",
    );
    let different: BTreeSet<String> = found.iter().map(|row| row["ids"].to_string()).collect();
    assert_eq!((found.len(), different.len()), (10, 10));
    assert!(found[9].get("score").is_none() && found[9]["sequence"] == 4);
}

#[test]
fn stop_strings_end_texts() {
    let world = World::with_text();
    // Only the words of the tokenizer and two sentinels, 92 and 93, remain.
    let others: Vec<u32> = [0, 1].into_iter().chain(16..92).chain([94, 95]).collect();
    let file = |stop: Value| {
        json!({
            "suppress_tokens": others, "no_repeat_ngram_size": 1, "max_new_tokens": 9,
            "stop_strings": stop,
        })
        .to_string()
    };
    world.write(FILE, &file(Value::Null));
    let row = "{\"input\": \"day brought rain\"}\n";
    let whole = &world.rows("generate --model model", row)[0];
    let all_ids = whole["ids"].as_array().unwrap();
    let text = whole["text"].as_str().unwrap();
    let words: Vec<&str> = text.split(' ').collect();
    assert!(words.len() >= 6, "{text}");
    let check = |options: &str, expected: &str, count: usize| {
        let found = &world.rows(&format!("generate --model model {options}"), row)[0];
        assert_eq!(found["text"], expected, "{options}");
        // The tokens include those of the stop string, like in transformers.
        let found = found["ids"].as_array().unwrap();
        assert_eq!(found[..], all_ids[..count], "{options}");
    };
    // Tokens are counted, because sentinels are not in the text.
    let position = |word: &str| {
        let before = words.iter().position(|known| *known == word).unwrap();
        let sentinels = |ids: &[Value]| ids.iter().filter(|id| id.as_u64() > Some(16)).count();
        (1..=all_ids.len())
            .find(|count| count - sentinels(&all_ids[..*count]) == before + 1)
            .unwrap()
    };
    let before = |count: usize| words[..count].iter().map(|word| format!("{word} "));
    let third = before(2).collect::<String>();
    check(&format!("--stop {}", words[2]), &third, position(words[2]));
    // Of several stop strings, the first one in the text ends it.
    let several = format!("--stop {} --stop {} --stop never", words[4], words[2]);
    check(&several, &third, position(words[2]));
    // A stop string may end within a word.
    let part = &words[3][..words[3].len() - 1];
    let expected = &text[..text.find(part).unwrap()];
    assert!(expected.len() >= third.len(), "{text}");
    check(&format!("--stop {part}"), expected, position(words[3]));
    // Special tokens are not part of the text, but can end it.
    if let Some(place) = all_ids.iter().position(|id| id.as_u64() == Some(93)) {
        let found = &world.rows("generate --model model --stop <extra_id_0>", row)[0];
        assert_eq!(found["ids"].as_array().unwrap().len(), place + 1);
        let text_before = found["text"].as_str().unwrap();
        assert!(text.starts_with(text_before.trim_end()), "{text_before}");
    }
    world.write(FILE, &file(json!([words[2]])));
    check("", &third, position(words[2]));
    check("--num-beams 1 --stop never", text, all_ids.len());
    fs::remove_file(world.path("model/tokenizer.json")).unwrap();
    let failed = world.run("generate --model model", "{\"input_ids\": [5, 94]}\n");
    assert_eq!(failed.code, 1);
    assert!(failed.messages.contains("`model` contains no tokenizer"), "{}", failed.messages);
}

#[test]
fn inputs_are_truncated_on_either_side() {
    let world = World::new();
    let long = "{\"input_ids\": [5, 9, 30, 41, 12, 94], \"target_ids\": [8]}\n";
    for (side, kept) in [("left", "[41, 12, 94]"), ("right", "[5, 9, 94]")] {
        let short = format!("{{\"input_ids\": {kept}, \"target_ids\": [8]}}\n");
        for command in ["generate --model model --max-new-tokens 5", "score --model model"] {
            let options = format!("{command} --max-input-length 3 --truncation-side {side}");
            let found = world.run(&options, long);
            assert_eq!(found.rows, world.rows(command, &short), "{options}");
            let warning = "warning: 1 input was truncated to 3 tokens";
            assert!(found.messages.starts_with(warning), "{}", found.messages);
        }
    }
    let default = world.rows("generate --model model --max-input-length 3", long);
    let right = "generate --model model --max-input-length 3 --truncation-side right";
    assert_eq!(default, world.rows(right, long));
}

#[test]
fn unusable_settings_are_errors() {
    let world = World::new();
    let row = "{\"input_ids\": [5, 9, 94]}\n";
    let check = |file: &str, options: &str, expected: &[&str]| {
        world.write(FILE, file);
        let failed = world.run(&format!("generate --model model {options}"), row);
        assert_eq!((failed.code, failed.rows.len()), (1, 0), "{file}");
        for text in expected {
            assert!(failed.messages.contains(text), "{text}: {}", failed.messages);
        }
    };
    check(
        "{\"num_beams\": \"4\"}",
        "",
        &["`model/generation_config.json`", "`num_beams`", "`\"4\"`"],
    );
    check(
        "{\"num_beams\": 4",
        "",
        &["cannot parse `model/generation_config.json`: invalid JSON in line 1"],
    );
    let unsupported = "`model/generation_config.json` sets `penalty_alpha` to 0.6, which is not \
                       supported; remove it from the file";
    check("{\"penalty_alpha\": 0.6}", "", &[unsupported, "--ignore-generation-config"]);
    check("{}", "--num-return-sequences 2", &["`num_return_sequences` must be 1 for greedy"]);
    check("{}", "--end-token 96", &["`eos_token_id` must be less than `vocab_size`", "`96`"]);
    check("{}", "--temperature 0", &["`temperature` must be positive"]);
    let all: Vec<u32> = (0..96).collect();
    let file = json!({ "suppress_tokens": all }).to_string();
    check(&file, "", &["standard input:1: no token is left", "`suppress_tokens`"]);
    world.write(FILE, "{\"penalty_alpha\": 0.6}");
    assert_eq!(world.rows("generate --model model --ignore-generation-config", row).len(), 1);
    world.write(FILE, "{\"num_beam\": 4}");
    let warned = world.run("generate --model model", row);
    let expected = "warning: `model/generation_config.json` has the unknown key `num_beam`, which \
                    is ignored\n";
    assert_eq!((warned.code, warned.messages.as_str()), (0, expected));
}

#[test]
fn sampling_and_beams_are_combined_on_request_only() {
    let world = World::new();
    assert_eq!(world.code("generate --model model --num-beams 2 --temperature 2"), 2);
    let rows = "{\"input_ids\": [5, 9, 94]}\n".repeat(6);
    let sampled = "generate --model model --num-beams 2 --temperature 3 --do-sample --top-k 0";
    let found = world.rows(sampled, &rows);
    let different: BTreeSet<String> = found.iter().map(|row| row["ids"].to_string()).collect();
    assert_eq!(different.len(), 6);
    // Beams of the file are kept, or turned off.
    world.write(FILE, "{\"num_beams\": 2}");
    let of_file = world.rows("generate --model model --temperature 3 --top-k 0", &rows);
    assert_eq!(of_file, found);
    let one = world.rows("generate --model model --temperature 3 --top-k 0 --num-beams 1", &rows);
    assert_ne!(one, found);
    world.write(FILE, "{\"do_sample\": true, \"temperature\": 3.0}");
    let found = world.rows("generate --model model", &rows);
    assert_ne!(found[0]["ids"], found[1]["ids"]);
    let greedy = world.rows("generate --model model --do-sample=false", &rows);
    assert_eq!(greedy[0]["ids"], greedy[1]["ids"]);
}

const SAID: &str = r#"
model = "model"
prompt = { length = 3 }
training = { steps = 2, batch_size = 2, max_target_length = 4 }
evaluation = { every = 2 }

[[tasks]]
name = "said"
format = "json_lines"
train = "said.jsonl"
dev = "said.jsonl"
template = "mood {text}"
label_field = "answer"
labels = "text"
metrics = ["exact_match"]
"#;

#[test]
fn free_text_tasks_use_the_settings_of_the_model() {
    let world = World::new();
    world.train();
    world.write("said.toml", SAID);
    world.write(
        "said.jsonl",
        "{\"text\": \"day\", \"answer\": \"one two\"}\n{\"text\": \"sun\", \"answer\": \"one two\"}\n",
    );
    world.rows("train said.toml --output said", "");
    let predict = "predict --model model --prompts said/prompts.safetensors";
    let eval = "eval --model model --prompts said/prompts.safetensors --tasks said.toml";
    let row = "{\"text\": \"day\"}\n";
    // Forces the text `one two`, whose tokens are 13 and 14.
    let others: Vec<u32> = (0..96).filter(|token| ![13, 14, 94].contains(token)).collect();
    let file = json!({
        "forced_bos_token_id": 13, "no_repeat_ngram_size": 1, "min_new_tokens": 2,
        "suppress_tokens": others, "max_length": 20, "do_sample": true,
    });
    let plain = world.run(predict, row);
    assert_eq!(plain.messages, "");
    world.write(FILE, &file.to_string());
    let found = world.run(predict, row);
    assert_eq!(found.rows[0]["text"], "one two");
    assert!(found.messages.contains("`do_sample` to true, `top_k` to 50"), "{}", found.messages);
    // The maximum length is that of the task.
    assert!(!found.messages.contains("max_length"), "{}", found.messages);
    let evaluated = world.run(eval, "");
    assert_eq!(evaluated.rows[0]["value"], 1.0);
    assert!(evaluated.messages.contains("`forced_bos_token_id` to 13"), "{}", evaluated.messages);
    // Training evaluates in the same way.
    let trained = world.run("train said.toml --output again", "");
    assert_eq!(trained.rows[0]["score"], 1.0, "{}", trained.messages);
    assert!(trained.messages.contains("`forced_bos_token_id` to 13"), "{}", trained.messages);

    // Settings that are not supported end these commands before they compute anything.
    world.write(FILE, "{\"guidance_scale\": 2.0}");
    for command in [predict, eval, "train said.toml --output third"] {
        let failed = world.run(command, row);
        assert_eq!((failed.code, failed.rows.len()), (1, 0), "{command}");
        assert!(failed.messages.contains("`guidance_scale` to 2.0"), "{}", failed.messages);
    }
    assert!(!world.path("third").exists(), "nothing is written");
    // They don't concern label words.
    let ranked = "predict --model model --prompts run/prompts.safetensors --task mood";
    assert_eq!(world.rows(ranked, row).len(), 1);
}

/// Returns a folder of the case files next to the repository.
fn case(name: &str) -> Option<PathBuf> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases");
    let folder = cases.join(name);
    if !folder.is_dir() {
        println!("skipped: `{}` does not exist", folder.display());
        return None;
    }
    Some(folder)
}

#[test]
fn reported_cases_are_decoded_like_transformers() {
    let Some(folder) = case("14-generation-config-end-tokens") else { return };
    let world = World::new();
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let generate = |model: &str, options: &str| {
        let model = folder.join(model).display().to_string();
        world.rows(&format!("generate --model {model} {options}"), &read("rows.jsonl"))
    };
    let expected: Value = serde_json::from_str(&read("expected.json")).unwrap();
    let with_list: Vec<&Value> = expected["with_list"].as_array().unwrap().iter().collect();
    for model in ["model", "model-list-in-config"] {
        assert_eq!(ids(&generate(model, "--max-new-tokens 12")), with_list, "{model}");
    }
    let one: Vec<&Value> = expected["with_end_1_alone"].as_array().unwrap().iter().collect();
    assert_eq!(ids(&generate("model", "--max-new-tokens 12 --end-token 1")), one);
    let expected: Value = serde_json::from_str(&read("expected-beams.json")).unwrap();
    let beams: Vec<&Value> = expected.as_array().unwrap().iter().collect();
    assert_eq!(ids(&generate("model-beams", "")), beams);
}
