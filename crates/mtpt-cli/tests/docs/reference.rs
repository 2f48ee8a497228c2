use std::collections::BTreeSet;
use std::process::Command;

use super::markdown::Document;

const CHAPTER: &str = "docs/src/commands.md";
/// The section on what commands have in common.
const SHARED: &str = "common-behavior";

fn help(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_mtpt")).args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "mtpt {arguments:?} --help");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the subcommands in `mtpt --help`, except `help`.
fn commands() -> Vec<String> {
    help(&[])
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .map(str::to_owned)
        .collect()
}

/// Returns every `--option` in a text.
fn options(text: &str) -> BTreeSet<String> {
    text.split("--")
        .skip(1)
        .zip(text.split("--"))
        // Dashes within a word, and three dashes, don't start an option.
        .filter(|(_, before)| !before.ends_with(|sign: char| sign.is_alphanumeric() || sign == '-'))
        .map(|(rest, _)| {
            let end = rest.find(|sign: char| !sign.is_ascii_alphanumeric() && sign != '-');
            rest[..end.unwrap_or(rest.len())].to_owned()
        })
        .filter(|name| name.starts_with(|sign: char| sign.is_ascii_lowercase()))
        .collect()
}

/// Returns every `--option` in a text, except in lines that run cargo.
fn own_options(text: &str) -> BTreeSet<String> {
    text.lines().filter(|line| !line.starts_with("cargo ")).flat_map(options).collect()
}

/// Returns the options and the arguments that the help of a command defines.
fn defined(help: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let definitions = |sign: char| {
        let lines = help.lines().map(str::trim_start);
        lines.filter(move |line| line.starts_with(sign)).collect::<Vec<_>>()
    };
    let mut names = BTreeSet::new();
    for line in definitions('-') {
        // The explanation follows after two spaces and may mention other options.
        names.extend(options(line.split("  ").next().unwrap_or_default()));
    }
    names.remove("help");
    let word = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
    let mut arguments: BTreeSet<String> = definitions('<').into_iter().map(word).collect();
    arguments.extend(definitions('[').into_iter().map(word).filter(|word| word.ends_with(']')));
    (names, arguments)
}

#[test]
fn reference_lists_every_command_and_option() {
    let chapter = Document::read(CHAPTER);
    let shared = chapter.section(SHARED).unwrap_or_else(|| panic!("{CHAPTER}: no `#{SHARED}`"));
    let mut failures = Vec::new();
    let mut known = BTreeSet::from(["help".to_owned(), "version".to_owned()]);
    let commands = commands();
    assert!(commands.contains(&"train".to_owned()), "{commands:?}");
    for command in &commands {
        let (names, arguments) = defined(&help(&[command]));
        known.extend(names.iter().cloned());
        let Some(section) = chapter.section(&format!("mtpt-{command}")) else {
            failures.push(format!("no section `## mtpt {command}`"));
            continue;
        };
        let documented = &options(section) | &options(shared);
        for name in names.difference(&documented) {
            failures.push(format!("`mtpt {command}`: `--{name}` is not documented"));
        }
        for argument in arguments.iter().filter(|argument| !section.contains(argument.as_str())) {
            failures.push(format!("`mtpt {command}`: `{argument}` is not documented"));
        }
        for name in own_options(section).difference(&names).filter(|name| *name != "help") {
            failures.push(format!("`mtpt {command}`: there is no `--{name}`"));
        }
    }
    for name in own_options(shared).difference(&known) {
        failures.push(format!("no command has `--{name}`"));
    }
    for heading in &chapter.headings {
        if let Some(command) = heading.anchor.strip_prefix("mtpt-")
            && !commands.iter().any(|known| known == command)
        {
            failures.push(format!("there is no command `mtpt {command}`"));
        }
    }
    assert!(failures.is_empty(), "{CHAPTER}:\n{}", failures.join("\n"));
}

#[test]
fn options_are_found_in_text() {
    let found = options("`--set KEY`, --num-beams=4, a---b, one--two, `--` and\n--resume");
    assert_eq!(found, ["num-beams", "resume", "set"].map(str::to_owned).into());
    let help = "Arguments:\n  <CONFIG.toml>  The file\n\nOptions:\n  -s, --set <KEY>  As `--other` has it\n";
    let (names, arguments) = defined(help);
    assert_eq!(names, ["set".to_owned()].into());
    assert_eq!(arguments, ["<CONFIG.toml>".to_owned()].into());
}
