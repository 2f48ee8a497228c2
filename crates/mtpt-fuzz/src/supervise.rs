//! The parent of a worker, which attributes the end of the process to an input.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::outcome::Depth;
use crate::report::Report;
use crate::worker::CASE;

/// Maximum computing time of an execution. It counts only while the process runs, so that other
/// programs on the machine don't make an execution slow.
const MAX_TIME: Duration = Duration::from_secs(2);
/// Maximum waiting time of an execution, which may block without computing.
const MAX_WAIT: Duration = Duration::from_secs(20);
/// Time between checks of the clock.
const CHECK_EVERY: Duration = Duration::from_millis(200);
/// Bytes of freed memory that a worker keeps, the largest value that glibc accepts.
const KEPT_MEMORY: &str = "33554432";
/// Clock ticks per second of `/proc`, a constant of Linux.
const TICKS: u64 = 100;

/// A fault and the folder of its input.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) fault: Fault,
    pub(crate) message: String,
    pub(crate) input: PathBuf,
}

/// Reports of a worker until its end.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    pub(crate) depths: [u64; Depth::ALL.len()],
    pub(crate) found: Vec<Found>,
    pub(crate) message: String,
    /// Whether the process ended because of an input.
    pub(crate) died: bool,
}

/// Starts this program with other arguments and follows it to its end. `folder` is the one that the
/// worker was given.
pub(crate) fn supervise(arguments: &[String], folder: &Path) -> io::Result<Ending> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(arguments)
        // A single thread per worker: one per core would measure their competition.
        .env("RAYON_NUM_THREADS", "1")
        // glibc would return freed memory to the system after almost every execution, and page
        // faults would take most of the time.
        .env("MALLOC_TRIM_THRESHOLD_", KEPT_MEMORY)
        .env("MALLOC_TOP_PAD_", KEPT_MEMORY)
        .env("MALLOC_MMAP_THRESHOLD_", KEPT_MEMORY)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (sender, receiver) = channel();
    let output = child.stdout.take();
    let reader = thread::spawn(move || {
        let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
        for report in
            lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok())
        {
            let _ = sender.send(report);
        }
    });
    let messages = child.stderr.take();
    let messages = thread::spawn(move || {
        let mut text = Vec::new();
        let read = messages.map(|mut messages| messages.read_to_end(&mut text));
        let _ = read.transpose();
        String::from_utf8_lossy(&text).into_owned()
    });
    let mut ending = Ending::default();
    let mut clock = Clock::start(&child);
    let mut is_slow = false;
    loop {
        match receiver.recv_timeout(CHECK_EVERY) {
            Ok(report) => {
                ending.add(report);
                clock = Clock::start(&child);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if clock.is_over(&child) => {
                is_slow = true;
                child.kill()?;
                break;
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    let status = child.wait()?;
    let _ = reader.join();
    let messages = messages.join().unwrap_or_default();
    let fault = if is_slow { Some(Fault::Slow) } else { fault_of(status, &messages) };
    if let Some(fault) = fault {
        let message = messages.lines().next().unwrap_or_default().to_owned();
        ending.died = true;
        ending.found.push(Found { fault, message, input: folder.join(CASE) });
    }
    Ok(ending)
}

impl Ending {
    fn add(&mut self, report: Report) {
        match report {
            Report::Progress { depths } => {
                for (total, more) in self.depths.iter_mut().zip(depths) {
                    *total += more;
                }
            }
            Report::Panic { location, message, folder } => self.found.push(Found {
                fault: Fault::Panic { location },
                message,
                input: folder.into(),
            }),
            Report::Message { text } => self.message = text,
        }
    }
}

/// Returns why a process did not end with success.
fn fault_of(status: ExitStatus, messages: &str) -> Option<Fault> {
    if status.success() {
        return None;
    }
    let refused = messages
        .rsplit_once("memory allocation of ")
        .and_then(|(_, rest)| rest.split(' ').next()?.parse::<u64>().ok());
    Some(match refused {
        Some(bytes) => Fault::Allocation { magnitude: bytes.max(1).ilog2() },
        None if messages.contains("has overflowed its stack") => {
            Fault::Abort { reason: "stack overflow".to_owned() }
        }
        None => Fault::Abort { reason: status.to_string() },
    })
}

/// Time since the last report of a process.
struct Clock {
    waited: Instant,
    computed: Option<Duration>,
}

impl Clock {
    fn start(child: &Child) -> Self {
        Self { waited: Instant::now(), computed: computing_time(child) }
    }

    fn is_over(&self, child: &Child) -> bool {
        let waited = self.waited.elapsed();
        let computed = computing_time(child).zip(self.computed);
        computed.map_or(waited > MAX_TIME, |(now, before)| now.saturating_sub(before) > MAX_TIME)
            || waited > MAX_WAIT
    }
}

/// Returns the computing time of a process, on systems with `/proc`.
fn computing_time(child: &Child) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{}/stat", child.id())).ok()?;
    // The name of the program, in parentheses, may contain spaces.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS))
}
