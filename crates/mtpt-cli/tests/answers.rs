//! Free text and candidates of rows on the command line: trained, evaluated and predicted.

use serde_json::json;

use crate::world::World;

const RUN: &str = r#"
model = "model"
prompt = { length = 3 }
training = { steps = 4, batch_size = 4, max_target_length = 4 }
evaluation = { every = 2 }
mixture = { stochastic = { most_tasks = 2 } }

[[tasks]]
name = "said"
format = "json_lines"
train = "said.jsonl"
dev = "said.jsonl"
template = "say {text}"
label_field = "answers"
labels = "text"
metrics = ["squad_f1", "exact_match", "rouge_l", "bleu"]

[[tasks]]
name = "chosen"
format = "json_lines"
train = "chosen.jsonl"
dev = "chosen.jsonl"
template = "choose {text}"
labels = { choices = ["a", "b"] }
metrics = ["accuracy", { group_exact_match = { group = "{number}" } }]
"#;

const SAID: &str = r#"{"text": "day", "answers": ["sun", "one sun"]}
{"text": "night", "answers": {"text": ["rain"], "answer_start": [0]}}
"#;
const CHOSEN: &str = r#"{"text": "day", "a": "sun", "b": "rain one", "label": 0, "number": 1}
{"text": "night", "a": "two", "b": "wet", "label": 1, "number": 1}
{"text": "night", "a": "two three", "b": "rain", "label": 1, "number": 2}
"#;

#[test]
fn free_text_and_choices_are_trained_and_predicted() {
    let world = World::new();
    world.write("asked.toml", RUN);
    world.write("said.jsonl", SAID);
    world.write("chosen.jsonl", CHOSEN);
    let trained = world.rows("train asked.toml --output run", "");
    let evaluated =
        world.rows("eval --model model --prompts run/prompts.safetensors --tasks asked.toml", "");
    let metrics: Vec<_> = evaluated.iter().map(|row| row["metric"].as_str().unwrap()).collect();
    let names = ["squad_f1", "exact_match", "rouge_l", "bleu", "accuracy", "group_exact_match"];
    assert_eq!(metrics, names);
    // `eval` agrees with the score that selected the best prompts.
    let mean = |rows: &[serde_json::Value]| {
        rows.iter().map(|row| row["value"].as_f64().unwrap()).sum::<f64>() / rows.len() as f64
    };
    let score = (mean(&evaluated[..4]) + mean(&evaluated[4..])) / 2.0;
    assert!((trained[0]["score"].as_f64().unwrap() - score).abs() < 1e-12);

    let answers = world.rows(
        "predict --model model --prompts run/prompts.safetensors",
        "{\"task\": \"said\", \"text\": \"day\"}\n\
         {\"task\": \"chosen\", \"text\": \"day\", \"a\": \"sun\", \"b\": \"rain one\"}\n\
         {\"task\": \"said\", \"text\": \"night\"}\n",
    );
    assert!(answers[0]["text"].is_string() && answers[2]["text"].is_string(), "{answers:?}");
    assert!(answers[0]["text"].as_str().unwrap().split_whitespace().count() <= 4);
    let scores = &answers[1]["scores"];
    let (a, b) = (scores["0"].as_f64().unwrap(), scores["1"].as_f64().unwrap());
    let (text, label) = if a >= b { ("sun", "0") } else { ("rain one", "1") };
    assert_eq!((&answers[1]["text"], &answers[1]["label"]), (&json!(text), &json!(label)));
    // `score` gives the same log-probabilities for the candidates as targets.
    let scored = world.rows(
        "score --model model --prompts run/prompts.safetensors --task chosen",
        "{\"input\": \"choose day\", \"target\": \"sun\"}\n{\"input\": \"choose day\", \"target\": \"rain one\"}\n",
    );
    for (score, alone) in [a, b].into_iter().zip(&scored) {
        assert!((score - alone["logprob"].as_f64().unwrap()).abs() < 1e-4, "{score} {alone}");
    }
    // All five targets have two tokens: a word and the end of sentence.
    assert!(!trained_messages(&world, 2).contains("are truncated"));
    let messages = trained_messages(&world, 1);
    let note = "note: 5 of 5 training targets are longer than 1 token \
                (`training.max_target_length`) and are truncated\n";
    assert!(messages.contains(note), "{messages}");
    assert!(messages.contains("\nwarning: task `said`: 33.3 % of the input tokens"), "{messages}");
    let failure = world.run(
        "predict --model model --prompts run/prompts.safetensors --task chosen",
        "{\"text\": \"day\", \"a\": \"sun\"}\n",
    );
    assert_eq!(failure.code, 1);
    let expected = "error: standard input:1: expected a candidate in the field `b`, found none\n";
    assert_eq!(failure.messages, expected);
}

fn trained_messages(world: &World, max_length: usize) -> String {
    let run = format!(
        "train asked.toml --output truncated --force --set training.max_target_length={max_length}"
    );
    world.run(&run, "").messages
}
