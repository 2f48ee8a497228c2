//! Rows that arrive one by one, in pipes, in other formats and compressed; and signals.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::world::World;

const PREDICT: &str = "predict --model model --prompts run/prompts.safetensors --task mood";
/// Time after which an answer is taken to be missing. It comes within milliseconds, unless the
/// machine is busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that answers rows as they arrive.
struct Service {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Service {
    fn start(world: &World, arguments: &str) -> Self {
        let mut child = world.spawn(arguments, Stdio::piped());
        let (sender, answers) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in output.lines() {
                if sender.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        Self { input: child.stdin.take(), child, answers }
    }

    fn send(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(format!("{line}\n").as_bytes()).unwrap();
        input.flush().unwrap();
    }

    /// Returns the next answer.
    fn answer(&self) -> Value {
        serde_json::from_str(&self.answers.recv_timeout(PATIENCE).unwrap()).unwrap()
    }

    /// Sends a line and returns the answer to it.
    fn ask(&mut self, line: &str) -> Value {
        self.send(line);
        self.answer()
    }

    /// Returns the exit code and the messages.
    fn end(self) -> (i32, String) {
        let Self { child, input, answers } = self;
        drop(input);
        let output = child.wait_with_output().unwrap();
        assert!(answers.recv_timeout(PATIENCE).is_err(), "no more answers");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

#[test]
fn each_row_is_answered_before_the_next_one_arrives() {
    let world = World::new();
    world.train();
    for options in ["", "--batch-size 16"] {
        let mut service = Service::start(&world, &format!("{PREDICT} {options}"));
        for line in 1..=5 {
            let answer = service.ask("{\"text\": \"day brought sun\"}");
            assert_eq!((&answer["line"], &answer["task"]), (&json!(line), &json!("mood")));
        }
        assert_eq!(service.end(), (0, String::new()));
    }
}

#[test]
fn a_bad_row_is_answered_with_an_error() {
    let world = World::new();
    world.train();
    let mut service = Service::start(&world, &format!("{PREDICT} --on-error report"));
    for bad in ["{\"text\": sun}", "{\"txt\": \"sun\"}", "[1]", "no JSON", "{\"text\": null}"] {
        assert!(service.ask("{\"text\": \"sun\"}")["label"].is_string());
        let answer = service.ask(bad);
        assert!(answer["error"].is_string(), "{bad}: {answer}");
    }
    // An open object may continue in the next line. If that is a row, the object is invalid.
    service.send("{\"text\": ");
    let answer = service.ask("{\"text\": \"rain\"}");
    assert!(answer["error"].is_string(), "{answer}");
    assert_eq!((&answer["line"], &service.answer()["line"]), (&json!(11), &json!(12)));
    let (code, messages) = service.end();
    assert_eq!(code, 0);
    assert!(messages.starts_with("12 rows in "), "{messages}");
    assert!(messages.ends_with(", 6 rejected\n"), "{messages}");
}

#[test]
fn tables_are_answered_row_by_row() {
    let world = World::new();
    world.train();
    let mut service = Service::start(&world, PREDICT);
    service.send("id;text");
    assert_eq!(service.ask("7;sun")["id"], "7");
    assert_eq!(service.ask("8;rain")["id"], "8");
    assert_eq!(service.end().0, 0);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_waiting_process() {
    let world = World::new();
    world.train();
    let row = r#"{"input": "sun", "target": "rain", "text": "sun"}"#;
    for command in ["predict --model model --prompts run --task mood", "score --model model"] {
        let mut service = Service::start(&world, command);
        assert!(service.ask(row)["line"].is_number());
        let pid = service.child.id();
        assert_eq!(world.shell(&format!("kill -TERM {pid}")).0, 0);
        // The input stays open until the process has ended.
        let status = service.child.wait().unwrap();
        assert_eq!(status.code(), Some(143));
        let (code, messages) = service.end();
        assert!(messages.ends_with("Interrupted after 1 row.\n"), "{messages}");
        assert_eq!(code, 143);
    }
}

#[cfg(unix)]
#[test]
fn pipes_may_have_any_format() {
    let world = World::new();
    world.train();
    world.write("rows.csv", "id,text\n1,sun\n2,\"rain\n\"\n");
    world.write("rows.tsv", "id\ttext\n1\tsun\n2\train\n");
    world
        .write("rows.json", "[{\"id\": 1, \"text\": \"sun\"},\n{\"id\": 2, \"text\": \"rain\"}]\n");
    let count = |line: &str| {
        let line = format!("{line} | grep -c '\"task\":\"mood\"' > count");
        let (code, messages) = world.shell(&line.replace("predict", PREDICT));
        assert_eq!(code, 0, "{line}: {messages}");
        std::fs::read_to_string(world.path("count")).unwrap().trim().to_owned()
    };
    for name in ["rows.csv", "rows.tsv", "rows.json"] {
        assert_eq!(count(&format!("cat {name} | mtpt predict")), "2");
        assert_eq!(count(&format!("mtpt predict < {name}")), "2");
        assert_eq!(count(&format!("cat {name} | mtpt predict --input -")), "2");
        assert_eq!(count(&format!("cat {name} | mtpt predict --input /dev/stdin")), "2");
        assert_eq!(count(&format!("mtpt predict --input <(cat {name})")), "2");
        assert_eq!(count(&format!("gzip < {name} | mtpt predict")), "2");
        assert_eq!(
            count(&format!("gzip < {name} > {name}.gz; mtpt predict --input {name}.gz")),
            "2"
        );
        assert_eq!(count(&format!("mtpt predict --input <(gzip < {name})")), "2");
    }
    assert_eq!(
        count("mkfifo pipe; cat rows.csv > pipe & mtpt predict --input pipe --on-error report"),
        "2"
    );
    // A single column is not recognized as a table.
    world.write("one.csv", "text\nsun\nrain\n");
    assert_eq!(count("mtpt predict --input-format csv < one.csv"), "2");
    let outcome = world.run(PREDICT, "text\nsun\n");
    assert_eq!(outcome.code, 1);
    assert!(outcome.messages.contains("standard input: expected a header"), "{}", outcome.messages);
    assert!(outcome.messages.ends_with("pass `--input-format csv`\n"), "{}", outcome.messages);
    assert!(world.rows(PREDICT, "").is_empty());
}
