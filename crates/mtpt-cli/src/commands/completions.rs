use clap::CommandFactory;

use crate::args::{Arguments, Completions};
use crate::error::Result;
use crate::stdio::Output;

pub(crate) fn run(arguments: &Completions) -> Result<()> {
    // Generated in memory, because the generator panics if a pipe is closed.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "mtpt", &mut script);
    let mut output = Output::new();
    output.bytes(&script)?;
    output.flush()
}
