//! The `mtpt` command. The README of this crate lists its subcommands.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Tensors of several megabytes are allocated and freed all the time. This allocator keeps their
/// pages, so the system doesn't have to zero new ones each time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    mtpt_cli::run()
}
