use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use mtpt::train::{self, Observer};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Error, Result};

/// Signals that end a run.
const SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

/// Ends a run on SIGINT or SIGTERM, after the current step and with a checkpoint.
///
/// A second signal, or a signal after the run, ends the process immediately.
#[derive(Default)]
pub(crate) struct Signals {
    /// Number of the received signal, or 0.
    received: Arc<AtomicUsize>,
    exit_immediately: Arc<AtomicBool>,
}

impl Signals {
    /// Installs the signal handlers.
    pub(crate) fn watch() -> Result<Self> {
        let signals = Self::default();
        signals.start()?;
        Ok(signals)
    }

    /// Installs the signal handlers. Before, a signal ends the process immediately.
    pub(crate) fn start(&self) -> Result<()> {
        self.register().map_err(Error::Signals)
    }

    fn register(&self) -> io::Result<()> {
        for signal in SIGNALS {
            // The order matters: the flag that the first signal sets must not end the process.
            let code = i32::from(exit_code(signal as usize));
            flag::register_conditional_shutdown(signal, code, Arc::clone(&self.exit_immediately))?;
            flag::register(signal, Arc::clone(&self.exit_immediately))?;
            flag::register_usize(signal, Arc::clone(&self.received), signal as usize)?;
        }
        Ok(())
    }

    /// Returns the first signal received, if there is one.
    pub(crate) fn received(&self) -> Option<usize> {
        Some(self.received.load(Ordering::SeqCst)).filter(|&signal| signal != 0)
    }

    /// Returns the exit code that shells use for the signal received.
    pub(crate) fn exit_code(&self) -> u8 {
        self.received().map_or(1, exit_code)
    }

    /// Returns the error to report if a signal ended the run.
    pub(crate) fn interruption(&self, error: &train::Error) -> Option<Error> {
        let train::Error::Stopped { step, steps, checkpoint } = error else { return None };
        let received = self.received()?;
        let (step, steps, checkpoint) = (*step, *steps, checkpoint.clone());
        Some(Error::Interrupted { code: exit_code(received), step, steps, checkpoint })
    }
}

/// Returns the exit code that shells use for a signal.
fn exit_code(signal: usize) -> u8 {
    128 + signal as u8
}

impl Observer for &Signals {
    fn stop(&self) -> bool {
        self.received().is_some()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.exit_immediately.store(true, Ordering::SeqCst);
    }
}

/// Turns exceeding the file size limit (`ulimit -f`) into an ordinary write error. By default, the
/// system ends the process without a message.
pub(crate) fn turn_size_limit_signals_into_errors() {
    #[cfg(unix)]
    // A failure only costs the error message.
    let _ = flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)));
}
