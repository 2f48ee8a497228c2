use clap::{Command, CommandFactory};

use crate::args::Arguments;
use crate::error::Result;
use crate::stdio::Output;

/// Prints an overview: the purpose, a walk-through from rows to predictions, and the commands.
pub(crate) fn run() -> Result<()> {
    let command = Arguments::command();
    let name = |command: &Command| command.get_name().to_owned();
    let width = command.get_subcommands().map(|command| name(command).len()).max().unwrap_or(0);
    let mut text = format!("mtpt {}\n\n", command.get_version().unwrap_or_default());
    text.push_str(
        "One frozen T5, many tasks, a small trained prompt for each.\n\n\
         From labeled rows to predictions:\n\
         \n  mtpt init tickets.csv --model flan-t5-small      # writes tickets.toml; review it\
         \n  mtpt train tickets.toml                          # trains the prompts, into runs/tickets\
         \n  mtpt eval --prompts runs/tickets --tasks tickets.toml   # evaluates them on the dev rows\
         \n  echo '{\"message\": \"where is my parcel?\"}' |\
         \n    mtpt predict --prompts runs/tickets\n\
         \nCommands:\n",
    );
    for command in command.get_subcommands() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        text.push_str(&format!("  {:width$}  {about}\n", name(command)));
    }
    text.push_str("\nRun `mtpt COMMAND --help` for its options and an example.\n");
    let mut output = Output::new();
    output.text(&text)?;
    output.flush()
}
