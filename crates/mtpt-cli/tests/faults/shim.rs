use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use crate::world::World;

/// Calls that a fault is injected into, see `shim.c`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// Class of the calls.
    pub(crate) calls: &'static str,
    /// Name of an error, `short` or `kill`.
    pub(crate) kind: &'static str,
    /// Number of the first chosen call, from 1; 0 for none.
    pub(crate) at: usize,
    /// Number of chosen calls; 0 for all later ones.
    pub(crate) count: usize,
    /// Distance of the chosen calls.
    pub(crate) every: usize,
}

/// A process with a fault.
pub(crate) struct Struck {
    pub(crate) output: Output,
    /// Path of the first chosen call, if there was one.
    pub(crate) path: Option<PathBuf>,
    /// Number of calls of the class, if the process counted to its end.
    pub(crate) calls: usize,
}

impl Struck {
    pub(crate) fn messages(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }
}

/// Returns the library, or none without a C compiler, which is reported.
pub(crate) fn library() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/shim.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let library = folder.join(format!("faults-{}.so", std::process::id()));
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status();
        compiled.is_ok_and(|status| status.success()).then_some(library)
    });
    if library.is_none() {
        assert!(std::env::var_os("MTPT_REQUIRE_FAULTS").is_none(), "`cc` cannot compile the shim");
        println!("skipped: no C compiler (`cc`) for the library that injects faults");
    }
    library.as_deref()
}

/// Runs a command with faults in its calls on paths below a folder of the world.
pub(crate) fn run(
    world: &World,
    library: &Path,
    command: &str,
    (folder, fault): (&str, Fault),
) -> Struck {
    let log = world.path("..").join(format!("faults-{}.log", world.name()));
    let output = world
        .command(command)
        // One thread, so that calls have the same order every time.
        .env("RAYON_NUM_THREADS", "1")
        .env("LD_PRELOAD", library)
        .env("FAULT_DIR", world.path(folder).components().as_path())
        .env("FAULT_CALLS", fault.calls)
        .env("FAULT_KIND", fault.kind)
        .env("FAULT_AT", fault.at.to_string())
        .env("FAULT_COUNT", fault.count.to_string())
        .env("FAULT_EVERY", fault.every.to_string())
        .env("FAULT_LOG", &log)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let text = fs::read_to_string(&log).unwrap_or_default();
    let _ = fs::remove_file(&log);
    let chosen = text.lines().find(|line| !line.starts_with("total "));
    let path = chosen.and_then(|line| line.splitn(3, ' ').nth(2)).map(PathBuf::from);
    let total = text.lines().find_map(|line| line.strip_prefix("total "));
    Struck { output, path, calls: total.map_or(0, |total| total.parse().unwrap()) }
}
