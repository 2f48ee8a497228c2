//! Execution of a target in this process.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::memory::limited;
use crate::outcome::Outcome;
use crate::targets::Target;

/// Location and message of the first panic since the last execution, of any thread.
static PANIC: Mutex<Option<(String, String)>> = Mutex::new(None);

/// Result of an execution that came to an end.
#[derive(Debug)]
pub enum Execution {
    /// The reader returned.
    Returned(Outcome),
    /// The reader panicked, even if it caught the panic.
    Panicked {
        /// File and line.
        location: String,
        /// The message.
        message: String,
    },
}

/// Records panics instead of printing them.
pub fn record_panics() {
    panic::set_hook(Box::new(|info| {
        let location = info.location().map_or_else(String::new, |location| {
            let file = location.file();
            // Paths of the registry and of the toolchain differ between machines.
            let file = file.rsplit_once("/src/").map_or(file.to_owned(), |(before, after)| {
                let name = before.rsplit('/').next().unwrap_or_default();
                format!("{name}/src/{after}")
            });
            format!("{file}:{}", location.line())
        });
        let message = info.payload_as_str().unwrap_or_default().chars().take(200).collect();
        let mut first = PANIC.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert((location, message));
    }));
}

/// Reads the files of a folder with limited memory. [`record_panics`] must have been called.
pub fn execute(target: &Target, folder: &Path, input_size: usize) -> Execution {
    let read = AssertUnwindSafe(|| (target.read)(folder));
    let result = limited(input_size, || panic::catch_unwind(read));
    let panic = PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (panic, result) {
        (Some((location, message)), _) => Execution::Panicked { location, message },
        (None, Ok(outcome)) => Execution::Returned(outcome),
        (None, Err(_)) => {
            Execution::Panicked { location: "unknown".into(), message: String::new() }
        }
    }
}
