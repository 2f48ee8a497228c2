use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use mtpt::train::{self, Observer};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Error, Result};

/// The signals that end a run, and their names.
const ENDING: [(i32, &str); 2] = [(SIGINT, "SIGINT"), (SIGTERM, "SIGTERM")];

/// Ends a run when the process gets SIGINT or SIGTERM: after the step that is being done, and with a checkpoint. A second one
/// ends the process at once, as does any when the run is over.
pub(crate) struct Signals {
    /// The number of the signal; 0 for none yet.
    received: Arc<AtomicUsize>,
    at_once: Arc<AtomicBool>,
}

impl Signals {
    /// Signals are watched for from here on.
    pub(crate) fn watch() -> Result<Self> {
        let signals = Self { received: Arc::default(), at_once: Arc::default() };
        signals.register().map_err(Error::Signals)?;
        Ok(signals)
    }

    fn register(&self) -> io::Result<()> {
        for (signal, _) in ENDING {
            // In this order: what the first signal sets must not end it.
            let code = i32::from(code(signal as usize));
            flag::register_conditional_shutdown(signal, code, Arc::clone(&self.at_once))?;
            flag::register(signal, Arc::clone(&self.at_once))?;
            flag::register_usize(signal, Arc::clone(&self.received), signal as usize)?;
        }
        Ok(())
    }

    /// What to say of a run that a signal ended; none for one that ended otherwise.
    pub(crate) fn ended(&self, error: &train::Error) -> Option<Error> {
        let train::Error::Stopped { step, steps, checkpoint } = error else { return None };
        let received = self.received.load(Ordering::SeqCst);
        let (_, name) = ENDING.iter().find(|(signal, _)| *signal as usize == received)?;
        let (step, steps, checkpoint) = (*step, *steps, checkpoint.clone());
        Some(Error::Stopped { code: code(received), name, step, steps, checkpoint })
    }
}

/// The exit code that shells know a signal by.
fn code(signal: usize) -> u8 {
    128 + signal as u8
}

impl Observer for &Signals {
    fn stop(&self) -> bool {
        self.received.load(Ordering::SeqCst) != 0
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.at_once.store(true, Ordering::SeqCst);
    }
}

/// Makes a file that grows beyond the limit on its size (`ulimit -f`) an error like any other: by itself, the system would end
/// the process without a word.
pub(crate) fn let_size_limits_be_errors() {
    #[cfg(unix)]
    // Without it all goes on as before, but for the message.
    let _ = flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)));
}
