//! Parsing the command line, with better advice for some wrong turns.

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

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
            text(&error, ContextKind::InvalidArg).and_then(|argument| setting_tip(&argument))
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
