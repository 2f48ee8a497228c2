use std::io::{self, ErrorKind};

/// Repeats a call that a signal interrupts.
///
/// The standard library does so for opening, reading and writing whole files, but not for names,
/// folders and single reads. Some network file systems interrupt those, too.
///
/// # Errors
///
/// Any other error of the call.
pub fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}
