//! A folder with a small model, its tokenizer, two tasks and a configuration, in which commands
//! run.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) struct World {
    folder: TempDir,
}

/// The result of a command.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) rows: Vec<Value>,
    pub(crate) messages: String,
}

/// The vocabulary of the tokenizer, with ids from 2.
const WORDS: [&str; 14] = [
    "day", "night", "brought", "sun", "rain", "happy", "sad", "mood", "wet", "dry", "soaked",
    "one", "two", "three",
];

pub(crate) const CONFIG: &str = r#"
model = "model"
seed = 1
prompt = { length = 4 }
training = { steps = 6, batch_size = 4, checkpoint_every = 2 }
evaluation = { every = 3 }

[[tasks]]
name = "mood"
format = "json_lines"
train = "mood.jsonl"
dev = "mood.jsonl"
template = "mood {text}"
labels = { "0" = "happy", "1" = "sad" }

[[tasks]]
name = "sky/wet"
format = "tsv"
train = "wet.tsv"
dev = "wet.tsv"
template = "wet {text}"
labels = ["dry", "soaked"]
"#;

pub(crate) const PRETRAINING: &str = r#"
model = "model"
seed = 1
evaluation = { every = 3 }

[training]
steps = 6
batch_size = 4
learning_rate = 0.003
max_input_length = 24
max_target_length = 24
checkpoint_every = 2

[[corpora]]
name = "spans"
train = "train.txt"
dev = "dev.txt"
objective = "span_corruption"
mean_span_length = 1.5

[[corpora]]
name = "lm"
train = "train.txt"
dev = "dev.txt"
objective = "prefix_lm"
"#;

impl World {
    pub(crate) fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtpt-t5/tests/fixtures/v1_1");
        fs::create_dir(world.path("model")).unwrap();
        for name in ["config.json", "model.safetensors"] {
            fs::copy(fixture.join(name), world.path("model").join(name)).unwrap();
        }
        world.write("model/tokenizer.json", &tokenizer(&WORDS, 0));
        world.write("run.toml", CONFIG);
        let moods: String = (0..8)
            .map(|row| {
                let (word, label) = [("sun", "0"), ("rain", "1")][row % 2];
                format!("{{\"text\": \"day brought {word}\", \"label\": \"{label}\"}}\n")
            })
            .collect();
        world.write("mood.jsonl", &moods);
        world.write(
            "wet.tsv",
            "text\tlabel\nday brought sun\tdry\nnight brought rain\tsoaked\nnight brought sun\tdry\n",
        );
        world
    }

    /// Creates a world with corpora and a tokenizer with eight sentinels.
    pub(crate) fn with_text() -> Self {
        let world = Self::new();
        world.write("model/tokenizer.json", &tokenizer(&WORDS, 8));
        let text = "day brought sun one two three\nnight brought rain three two one\n";
        world.write("train.txt", &text.repeat(12));
        world.write("dev.txt", &text.repeat(3));
        world.write("pretrain.toml", PRETRAINING);
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the name of the folder.
    #[cfg(target_os = "linux")]
    pub(crate) fn name(&self) -> String {
        self.folder.path().file_name().unwrap().to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Reads a file of one JSON value.
    #[track_caller]
    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path(name)).unwrap()).unwrap()
    }

    /// Reads a file with a JSON value per line.
    #[track_caller]
    pub(crate) fn json_lines(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Returns the command `mtpt` with arguments, in the folder.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mtpt"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Starts `mtpt` in the folder, with pipes for its output and its messages.
    pub(crate) fn spawn(&self, arguments: &str, input: Stdio) -> Child {
        self.command(arguments)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs `mtpt` and returns its exit code.
    pub(crate) fn code(&self, arguments: &str) -> i32 {
        self.output(arguments).0
    }

    /// Runs `mtpt` in the folder with arguments and standard input.
    pub(crate) fn run(&self, arguments: &str, input: &str) -> Outcome {
        let mut child = self.spawn(arguments, Stdio::piped());
        // A command that fails early doesn't read its input.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let messages = String::from_utf8(output.stderr).unwrap();
        let row = |line| match serde_json::from_str(line) {
            Ok(row) => row,
            Err(error) => panic!("{error} in `{line}`; {messages}"),
        };
        let rows = text.lines().map(row).collect();
        Outcome { code: output.status.code().unwrap(), rows, messages }
    }

    /// Runs `mtpt` and returns its output as text.
    #[track_caller]
    pub(crate) fn text(&self, arguments: &str) -> String {
        let (code, text, messages) = self.output(arguments);
        assert_eq!(code, 0, "{messages}");
        text
    }

    /// Runs a bash line, with `mtpt` in the path, and returns its exit code and standard error.
    #[cfg(unix)]
    pub(crate) fn shell(&self, line: &str) -> (i32, String) {
        let program = Path::new(env!("CARGO_BIN_EXE_mtpt"));
        let path = std::env::var("PATH").unwrap();
        let output = Command::new("bash")
            .args(["-o", "pipefail", "-c", line])
            .env("PATH", format!("{}:{path}", program.parent().unwrap().display()))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// Runs `mtpt` and returns its exit code, its standard output as text, and its messages.
    pub(crate) fn output(&self, arguments: &str) -> (i32, String, String) {
        let output = self.spawn(arguments, Stdio::null()).wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// Runs a command that must succeed and returns its rows.
    #[track_caller]
    pub(crate) fn rows(&self, arguments: &str, input: &str) -> Vec<Value> {
        let outcome = self.run(arguments, input);
        assert_eq!(outcome.code, 0, "{}", outcome.messages);
        outcome.rows
    }

    /// Trains prompts into `run/`.
    pub(crate) fn train(&self) {
        self.rows("train run.toml --output run", "");
    }
}

/// Copies a folder with everything in it. The copies are writable, whatever the originals are.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::write(target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// Checks that a text contains all parts.
#[track_caller]
pub(crate) fn check_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

/// Returns a tokenizer with words, special tokens and sentinels. `<extra_id_0>` has the id 93, the
/// others follow in descending order. If there are too many words, some share an id.
fn tokenizer(words: &[&str], sentinels: u32) -> String {
    let special = |id: u32, content: &str| {
        json!({
            "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true
        })
    };
    let mut vocab = serde_json::Map::new();
    vocab.insert("<pad>".into(), json!(0));
    vocab.insert("<unk>".into(), json!(1));
    for (index, word) in words.iter().enumerate() {
        vocab.insert((*word).into(), json!(index % 80 + 2));
    }
    vocab.insert("</s>".into(), json!(94));
    let mut added = vec![special(0, "<pad>"), special(1, "<unk>"), special(94, "</s>")];
    for number in 0..sentinels {
        let name = format!("<extra_id_{number}>");
        added.push(special(93 - number, &name));
        vocab.insert(name, json!(93 - number));
    }
    json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": added,
        "normalizer": null, "pre_tokenizer": { "type": "Whitespace" },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                { "Sequence": { "id": "A", "type_id": 0 } },
                { "SpecialToken": { "id": "</s>", "type_id": 0 } }
            ],
            "pair": [
                { "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 1 } }
            ],
            "special_tokens": { "</s>": { "id": "</s>", "ids": [94], "tokens": ["</s>"] } }
        },
        "decoder": null,
        "model": { "type": "WordLevel", "vocab": vocab, "unk_token": "<unk>" }
    })
    .to_string()
}
