//! Parsing the command line, with better advice for some wrong turns.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use crate::args::Arguments;
use crate::setting_keys::suggested_key;

/// Commands that other programs have, and what to use here.
const OTHER_COMMANDS: [(&str, &str); 18] = [
    ("finetune", "train"),
    ("fine-tune", "train"),
    ("fit", "train"),
    ("tune", "train"),
    ("test", "eval"),
    ("infer", "predict"),
    ("classify", "predict"),
    ("run", "train"),
    ("new", "init"),
    ("show", "inspect"),
    ("convert", "import"),
    ("compare", "report"),
    ("plot", "report"),
    ("list", "inspect"),
    ("validate", "inspect"),
    ("resume", "train CONFIG.toml --resume"),
    ("sweep", "train CONFIG.toml --set KEY=A,B"),
    ("serve", "predict"),
];

/// Parses the command line. Ends the process after wrong usage, `--help` and `--version`.
pub(crate) fn parse_arguments() -> Arguments {
    Arguments::try_parse().unwrap_or_else(|error| advise(error).exit())
}

/// Replaces the suggestions of an error where this program knows a better one.
fn advise(mut error: clap::Error) -> clap::Error {
    let text = |error: &clap::Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let tip = match error.kind() {
        ErrorKind::UnknownArgument => {
            // The usage of the library names options that were not given.
            if let Some(usage) = usage() {
                error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
            }
            let argument = text(&error, ContextKind::InvalidArg);
            argument.and_then(|argument| list_tip(&argument).or_else(|| setting_tip(&argument)))
        }
        ErrorKind::InvalidSubcommand => {
            let given = text(&error, ContextKind::InvalidSubcommand);
            let known = given.and_then(|given| {
                OTHER_COMMANDS.iter().find(|(other, _)| *other == given.to_lowercase())
            });
            known.map(|(_, command)| format!("use `mtpt {command}`"))
        }
        _ => None,
    };
    if let Some(tip) = tip {
        error.remove(ContextKind::SuggestedSubcommand);
        error.remove(ContextKind::SuggestedArg);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// Returns the usage of the given command.
fn usage() -> Option<StyledStr> {
    let name = std::env::args().nth(1)?;
    let mut command = Arguments::command();
    command.build();
    Some(command.find_subcommand_mut(name)?.render_usage())
}

/// Returns how to pass a list of values that was written with spaces.
fn list_tip(argument: &str) -> Option<String> {
    let all: Vec<String> = std::env::args().collect();
    let continues = |at: usize| all[at - 1].ends_with(',') || all[at].starts_with(',');
    let found = (1..all.len()).find(|&at| all[at] == argument && continues(at))?;
    let first = (1..found).rev().find(|&at| !continues(at))?;
    let end = (found..all.len()).find(|&at| !continues(at)).unwrap_or(all.len());
    let list = all[first..end].concat();
    let setting = list.strip_prefix("--set=").unwrap_or(&list);
    let is_setting = setting.contains('=') && (all[first - 1] == "--set" || setting != list);
    is_setting.then(|| format!("a list of values has no spaces: `--set {setting}`"))
}

/// Returns how to pass an unknown option that has the name of a setting.
fn setting_tip(argument: &str) -> Option<String> {
    let command = std::env::args().nth(1)?;
    if !["train", "adapt", "pretrain"].contains(&command.as_str()) {
        return None;
    }
    let name = argument.strip_prefix("--")?.split('=').next()?;
    let key = suggested_key(name, command == "pretrain")?;
    Some(format!("settings are passed with `--set {key}=VALUE`"))
}
