//! Names in files, which are not the user's own: they are shown with control characters escaped,
//! and don't become paths outside of their folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::world::{World, check_contains};

/// A title of the window, a color by an 8-bit control character, a reversed text, and others.
const HOSTILE: &str = "x\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\r\u{7f}\u{8}y";
/// Names that lead out of a folder, or into another one on some system.
const PATHS: [&str; 11] = [
    "../x",
    "/etc/x",
    "a/../../x",
    "..",
    ".",
    "",
    "a\\..\\x",
    "C:\\x",
    "a\0b",
    "a\nb",
    "\u{1b}[2Jx",
];

/// Runs a command, checks that a terminal would show its output as text, and returns it.
#[track_caller]
fn shown(world: &World, arguments: &str) -> (i32, String) {
    let (code, text, messages) = world.output(arguments);
    let is_text = |character: char| {
        character == '\n'
            || !character.is_control() && !('\u{202a}'..='\u{202e}').contains(&character)
    };
    for output in [&text, &messages] {
        assert!(output.chars().all(is_text), "mtpt {arguments}: {output:?}");
    }
    (code, text + &messages)
}

/// Returns a safetensors file with an empty tensor and metadata.
fn safetensors(tensor: &str, metadata: &str) -> Vec<u8> {
    let mut header = serde_json::json!({"__metadata__": {"format": metadata, metadata: "pt"}});
    header[tensor] = serde_json::json!({"dtype": "F32", "shape": [0], "data_offsets": [0, 0]});
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat()
}

/// Returns the names of all files below a folder, and their sizes.
fn tree(folder: &Path) -> Vec<(PathBuf, u64)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .flat_map(|path| match path.is_dir() {
            true => tree(&path),
            false => vec![(path.clone(), path.metadata().unwrap().len())],
        })
        .collect();
    files.sort();
    files
}

#[test]
fn control_characters_of_names_are_escaped() {
    let world = World::new();
    // Columns and labels.
    let key = serde_json::to_string(HOSTILE).unwrap();
    let rows: String = (0..12)
        .map(|row| {
            let label = [key.as_str(), "\"other\""][row % 2];
            format!("{{{key}: \"day brought sun {row}\", \"label\": {label}}}\n")
        })
        .collect();
    world.write("rows.jsonl", &rows);
    let (code, text) = shown(&world, "inspect rows.jsonl");
    assert_eq!(code, 0, "{text}");
    check_contains(&text, &[r"x\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\r\u{7f}\u{8}y  in 12 rows"]);
    assert_eq!(shown(&world, "inspect --json rows.jsonl").0, 0);
    let (code, text) = shown(&world, "init rows.jsonl --model model --output written.toml");
    assert_eq!(code, 0, "{text}");
    let config = fs::read_to_string(world.path("written.toml")).unwrap();
    assert!(!config.contains(|it: char| it.is_control() && it != '\n'), "{config:?}");
    // A file with control characters in its first line is not recognized as a table.
    world.write("rows.csv", &format!("{HOSTILE},label\nday,a\n"));
    assert_eq!(shown(&world, "inspect rows.csv").0, 1);
    let (code, text) = shown(&world, "inspect written.toml");
    assert_eq!(code, 0, "{text}");
    let (code, text) = shown(&world, "train written.toml --set training.steps=1 --output run");
    assert_eq!(code, 0, "{text}");
    let (code, text) = shown(&world, "eval --tasks written.toml --prompts run --format table");
    assert_eq!(code, 0, "{text}");
    assert_eq!(shown(&world, "inspect run").0, 0);
    assert_eq!(shown(&world, "report run").0, 0);
    let page = fs::read_to_string(world.path("run/report.html")).unwrap();
    assert!(!page.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{7f}']));

    // Tensors, metadata, and keys of configurations.
    fs::write(world.path("x.safetensors"), safetensors(HOSTILE, HOSTILE)).unwrap();
    let (code, text) = shown(&world, "inspect x.safetensors");
    assert_eq!(code, 0, "{text}");
    check_contains(&text, &[r"metadata x\u{1b}]0;owned"]);
    fs::write(world.path("x.safetensors"), safetensors("mtpt", &format!("{{{key}:1}}"))).unwrap();
    shown(&world, "inspect x.safetensors");
    fs::create_dir(world.path("other")).unwrap();
    world.write("other/config.json", &format!("{{\"model_type\": {key}}}"));
    let (code, text) = shown(&world, "inspect other");
    assert_eq!((code, text.lines().count()), (1, 1), "{text}");
    world.write("x.toml", &format!("{key} = 1"));
    assert_eq!(shown(&world, "train x.toml").0, 1);
    // A row and the name of a file.
    world.write("x.jsonl", &format!("{{\"input\": [{key}], \"task\": {key}, {key}: 1}}\n"));
    assert_eq!(shown(&world, "score --model model --input x.jsonl").0, 1);
    shown(&world, "predict --prompts run --input x.jsonl --on-error skip --output y.jsonl");
    shown(&world, "predict --prompts run --input x.jsonl --on-error report");
    shown(&world, &format!("inspect {}", HOSTILE.replace('\r', "")));
}

#[test]
fn names_of_tasks_are_no_paths() {
    let world = World::new();
    world.rows("train run.toml --output runs/a", "");
    let before = tree(&world.path("."));
    for name in PATHS {
        let config = fs::read_to_string(world.path("run.toml")).unwrap();
        let named = config.replace("\"mood\"", &serde_json::to_string(name).unwrap());
        world.write("named.toml", &named);
        let (code, text) = shown(&world, "train named.toml --output runs/b");
        assert_eq!((code, text.lines().count()), (1, 1), "{name:?}: {text}");
        check_contains(&text, &["expected a task name of segments"]);
        // In the header of prompts, and in rows.
        let prompts = fs::read(world.path("runs/a/prompts.safetensors")).unwrap();
        fs::write(world.path("b.safetensors"), renamed(&prompts, name)).unwrap();
        for command in ["inspect", "export --format npy --output exported --prompts"] {
            let (code, text) = shown(&world, &format!("{command} b.safetensors"));
            assert_eq!((code, text.lines().count()), (1, 1), "{name:?}: {command}: {text}");
        }
        let row = serde_json::json!({"text": "day", "task": name});
        world.write("row.jsonl", &format!("{row}\n"));
        let (code, text) = shown(&world, "predict --prompts runs/a --input row.jsonl");
        assert_eq!(code, 1, "{name:?}: {text}");
        fs::remove_file(world.path("b.safetensors")).unwrap();
        fs::remove_file(world.path("row.jsonl")).unwrap();
        fs::remove_file(world.path("named.toml")).unwrap();
        assert_eq!(tree(&world.path(".")), before, "{name:?}");
    }
}

/// Returns a prompt file in which the task `mood` has another name.
fn renamed(prompts: &[u8], name: &str) -> Vec<u8> {
    let (length, rest) = prompts.split_at(8);
    let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
    let (header, tensors) = rest.split_at(length);
    let mut header: serde_json::Value = serde_json::from_slice(header).unwrap();
    let inner = header["__metadata__"]["mtpt"].as_str().unwrap();
    let inner = inner.replace("\"mood\"", &serde_json::to_string(name).unwrap());
    header["__metadata__"]["mtpt"] = inner.into();
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), tensors].concat()
}

#[test]
fn shards_are_next_to_their_index() {
    let world = World::new();
    fs::remove_file(world.path("model/model.safetensors")).unwrap();
    fs::write(world.path("x"), safetensors("shared.weight", "pt")).unwrap();
    for name in PATHS.into_iter().chain(["a/x"]) {
        let index = serde_json::json!({"weight_map": {"shared.weight": name}});
        world.write("model/model.safetensors.index.json", &index.to_string());
        let (code, text) = shown(&world, "inspect model");
        assert_eq!((code, text.lines().count()), (1, 1), "{name:?}: {text}");
        check_contains(&text, &["expected the name of a file next to it"]);
    }
}

/// The folder of an output may contain links that are not the user's own.
#[cfg(unix)]
#[test]
fn links_are_replaced_instead_of_written_through() {
    let world = World::new();
    world.rows("train run.toml --output run", "");
    world.write("victim", "unchanged");
    world.write("rows.jsonl", "{\"text\": \"day\", \"task\": \"mood\"}\n");
    fs::create_dir(world.path("out")).unwrap();
    for (link, command) in [
        ("out/x.jsonl", "predict --prompts run --input rows.jsonl --output out/x.jsonl --force"),
        ("out/x.html", "report run --output out/x.html --force"),
        ("out/adapter_config.json", "export --format peft --prompts run --output out --force"),
    ] {
        std::os::unix::fs::symlink(world.path("victim"), world.path(link)).unwrap();
        world.code(command);
        assert_eq!(fs::read_to_string(world.path("victim")).unwrap(), "unchanged", "{command}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn init_refuses_files_whose_names_are_no_utf8() {
    use std::os::unix::ffi::OsStrExt;

    let world = World::new();
    let name = std::ffi::OsStr::from_bytes(b"data-\xff.csv");
    fs::write(world.path(".").join(name), "text,label\nday,a\nnight,b\nday,a\nnight,b\n").unwrap();
    let mut command = world.command("init --model model --output new.toml");
    let output = command.arg(name).output().unwrap();
    let messages = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{messages}");
    check_contains(&messages, &["data-\u{fffd}.csv`: its path is no UTF-8"]);
    assert!(!world.path("new.toml").exists());
}
