use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mtpt::tasks::{self, Example};

use crate::input::source::RowSource;

/// Maximum number of rows that are read ahead.
const READ_AHEAD: usize = 256;

/// Rows that a thread reads ahead, so that rows that have arrived are known without waiting for
/// more.
pub(crate) struct RowStream {
    receiver: Receiver<Arrival>,
    thread: Option<JoinHandle<()>>,
}

/// A row, or the error in its place.
pub(crate) enum Arrival {
    Row(Example),
    /// A row that can't be read; others follow.
    Invalid(tasks::Error),
    /// Nothing more can be read.
    Failed(tasks::Error),
}

/// The next row.
pub(crate) enum Next {
    Arrived(Arrival),
    /// No row has arrived in the given time.
    Pending,
    /// There are no more rows.
    End,
}

impl RowStream {
    /// Starts reading.
    pub(crate) fn start(source: RowSource) -> Self {
        let (sender, receiver) = sync_channel(READ_AHEAD);
        let thread = Some(thread::spawn(move || read(&source, &sender)));
        Self { receiver, thread }
    }

    /// Waits for the next row.
    ///
    /// # Panics
    ///
    /// When reading has panicked.
    pub(crate) fn next(&mut self, time: Duration) -> Next {
        match self.receiver.recv_timeout(time) {
            Ok(arrival) => Next::Arrived(arrival),
            Err(RecvTimeoutError::Timeout) => Next::Pending,
            Err(RecvTimeoutError::Disconnected) => {
                if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
                    resume_unwind(panic);
                }
                Next::End
            }
        }
    }
}

/// Sends all rows. A receiver that is gone needs no more of them.
fn read(source: &RowSource, sender: &SyncSender<Arrival>) {
    let mut reader = match source.open() {
        Ok(Some(reader)) => reader,
        Ok(None) => return,
        Err(error) => {
            let _ = sender.send(Arrival::Failed(error));
            return;
        }
    };
    while let Some(row) = reader.next() {
        let arrival = match row {
            Ok(row) => Arrival::Row(row),
            Err(error) => {
                let of_row = reader.take_row_error();
                match reader.skip_bad_row() {
                    // Rows up to the damage of a compressed file can be read.
                    Ok(true) => Arrival::Invalid(of_row.unwrap_or(error)),
                    Ok(false) | Err(_) => Arrival::Failed(error),
                }
            }
        };
        if sender.send(arrival).is_err() {
            return;
        }
    }
}
