//! The process that mutates and reads inputs.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::case::Case;
use crate::execution::{Execution, execute, record_panics};
use crate::input::Input;
use crate::message::without_values;
use crate::mutate::mutate;
use crate::outcome::{Depth, Outcome};
use crate::report::Report;
use crate::targets::Target;

/// Name of the folder, in that of the worker, with the files of the current execution.
pub(crate) const CASE: &str = "case";
/// Name of the folder with inputs that are seeds for the next worker of the target.
const KEPT: &str = "kept";
/// Name of the folder with inputs that panicked.
const PANICS: &str = "panics";
/// Time between reports, by which the parent sees that an execution has ended.
const REPORT_EVERY: Duration = Duration::from_millis(100);
/// Maximum size of an input.
const MAX_SIZE: usize = 1 << 20;
/// Maximum size of an input that becomes a seed, which keeps executions fast.
const MAX_KEPT_SIZE: usize = 128 << 10;
/// Maximum number of inputs that become seeds.
const MAX_KEPT: usize = 4_000;
/// Maximum number of panics per location that are reported.
const MAX_PANICS: usize = 3;

/// Settings of a worker.
pub struct Worker<'a> {
    /// The reader.
    pub target: &'a Target,
    /// Folder for the files of the case and for seeds that were found.
    pub folder: &'a Path,
    /// Initial state of the random number generator.
    pub seed: u64,
    /// When to end.
    pub duration: Duration,
}

struct State<'a> {
    worker: &'a Worker<'a>,
    case: Case,
    /// Inputs to mutate: those of the corpus, and kept ones that passed the first check.
    seeds: Vec<Input>,
    /// Kept inputs that the first check rejected. Most of their mutations are rejected as well.
    rejected: Vec<Input>,
    kept: usize,
    messages: HashSet<(Depth, String)>,
    panics: Vec<String>,
    depths: [u64; Depth::ALL.len()],
    reported: Instant,
}

impl Worker<'_> {
    /// Reads mutated inputs until the time is over, and reports to standard output.
    ///
    /// # Errors
    ///
    /// When a seed can't be read, or the case can't be written.
    pub fn run(&self) -> io::Result<()> {
        record_panics();
        let kept = self.folder.join(KEPT);
        fs::create_dir_all(&kept)?;
        let mut state = State {
            worker: self,
            case: Case::new(self.folder.join(CASE))?,
            kept: fs::read_dir(&kept)?.count(),
            messages: HashSet::new(),
            panics: Vec::new(),
            depths: Default::default(),
            reported: Instant::now(),
            seeds: self.target.seeds()?,
            rejected: Vec::new(),
        };
        let started = Instant::now();
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        for index in 0..state.seeds.len() {
            let seed = state.seeds[index].clone();
            state.execute(&seed)?;
        }
        for entry in fs::read_dir(&kept)? {
            let input = Input::read(&entry?.path())?;
            if let Some(depth) = state.execute(&input)? {
                state.add_seed(input, depth);
            }
        }
        while started.elapsed() < self.duration {
            let input = state.next_input(&mut random);
            if input.size() <= MAX_SIZE
                && let Some(depth) = state.execute(&input)?
                && input.size() <= MAX_KEPT_SIZE
            {
                state.keep(input, depth)?;
            }
        }
        state.report_progress()
    }
}

impl State<'_> {
    fn next_input(&self, random: &mut impl Rng) -> Input {
        // Half of the executions start from one of the newest seeds.
        let newest = &self.seeds[self.seeds.len().saturating_sub(16)..];
        let seeds = match random.random_range(0..10) {
            0 if !self.rejected.is_empty() => &self.rejected,
            0..5 => &self.seeds,
            _ => newest,
        };
        let mut input = seeds.choose(random).cloned().unwrap_or_default();
        mutate(&mut input, &self.seeds, random);
        if let Some(repair) = self.worker.target.repair
            && random.random_bool(0.9)
        {
            repair(&mut input);
        }
        input
    }

    /// Executes an input and returns its depth, if its message with this depth is new.
    fn execute(&mut self, input: &Input) -> io::Result<Option<Depth>> {
        if self.reported.elapsed() >= REPORT_EVERY {
            self.report_progress()?;
        }
        self.case.write(input)?;
        match execute(self.worker.target, self.case.folder(), input.size()) {
            Execution::Returned(Outcome { depth, message }) => {
                self.depths[depth as usize] += 1;
                let is_new = self.messages.insert((depth, without_values(&message)));
                Ok(is_new.then_some(depth))
            }
            Execution::Panicked { location, message } => {
                self.depths[Depth::Rejected as usize] += 1;
                self.report_panic(input, location, message)?;
                Ok(None)
            }
        }
    }

    fn add_seed(&mut self, input: Input, depth: Depth) {
        let seeds = if depth == Depth::Rejected { &mut self.rejected } else { &mut self.seeds };
        seeds.push(input);
    }

    fn keep(&mut self, input: Input, depth: Depth) -> io::Result<()> {
        if self.kept < MAX_KEPT {
            let name = format!("{:016x}-{}", self.worker.seed, self.kept);
            input.write(&self.worker.folder.join(KEPT).join(name))?;
            self.kept += 1;
            self.add_seed(input, depth);
        }
        Ok(())
    }

    fn report_progress(&mut self) -> io::Result<()> {
        print_report(&Report::Progress { depths: std::mem::take(&mut self.depths) })?;
        self.reported = Instant::now();
        Ok(())
    }

    fn report_panic(&mut self, input: &Input, location: String, message: String) -> io::Result<()> {
        let count = self.panics.iter().filter(|known| **known == location).count();
        if count < MAX_PANICS {
            let name = format!("{:016x}-{}", self.worker.seed, self.panics.len());
            let folder: PathBuf = self.worker.folder.join(PANICS).join(name);
            input.write(&folder)?;
            self.panics.push(location.clone());
            let folder = folder.to_string_lossy().into_owned();
            print_report(&Report::Panic { location, message, folder })?;
        }
        Ok(())
    }
}

/// Reads the files of a folder once and reports the result.
///
/// # Errors
///
/// When the files can't be copied to the folder of the case.
pub fn execute_once(target: &Target, input: &Path, folder: &Path) -> io::Result<()> {
    record_panics();
    let input = Input::read(input)?;
    let mut case = Case::new(folder.join(CASE))?;
    case.write(&input)?;
    match execute(target, case.folder(), input.size()) {
        Execution::Returned(outcome) => {
            let mut depths = [0; Depth::ALL.len()];
            depths[outcome.depth as usize] = 1;
            print_report(&Report::Progress { depths })?;
            print_report(&Report::Message { text: outcome.message })
        }
        Execution::Panicked { location, message } => {
            let folder = case.folder().to_string_lossy().into_owned();
            print_report(&Report::Panic { location, message, folder })
        }
    }
}

fn print_report(report: &Report) -> io::Result<()> {
    let mut output = io::stdout().lock();
    serde_json::to_writer(&mut output, report)?;
    output.write_all(b"\n")?;
    output.flush()
}
