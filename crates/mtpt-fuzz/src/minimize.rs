use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::input::Input;
use crate::supervise::supervise;
use crate::targets::Target;

/// Time for making an input smaller.
const TIME: Duration = Duration::from_secs(10);

/// Makes the input in a folder smaller by removing files and parts of files, as long as it has the
/// same fault. Returns whether the fault occurred at all.
pub(crate) fn minimize(
    target: &Target,
    fault: &Fault,
    path: &Path,
    folder: &Path,
) -> io::Result<bool> {
    let started = Instant::now();
    let mut smallest = Input::read(path)?;
    if !has_fault(target, fault, &smallest, folder)? {
        return Ok(false);
    }
    let names: Vec<String> = smallest.files.keys().cloned().collect();
    for name in names {
        let mut smaller = smallest.clone();
        smaller.files.remove(&name);
        if started.elapsed() < TIME && has_fault(target, fault, &smaller, folder)? {
            smallest = smaller;
        } else {
            let length = smallest.files[&name].len();
            let mut part = length / 2;
            while part > 0 && started.elapsed() < TIME {
                let mut start = 0;
                while start < smallest.files[&name].len() && started.elapsed() < TIME {
                    let mut smaller = smallest.clone();
                    let bytes = smaller.files.entry(name.clone()).or_default();
                    bytes.drain(start..bytes.len().min(start + part));
                    if has_fault(target, fault, &smaller, folder)? {
                        smallest = smaller;
                    } else {
                        start += part;
                    }
                }
                part /= 2;
            }
        }
    }
    fs::remove_dir_all(path)?;
    smallest.write(path)?;
    Ok(true)
}

fn has_fault(target: &Target, fault: &Fault, input: &Input, folder: &Path) -> io::Result<bool> {
    let trial = folder.join("trial");
    if trial.exists() {
        fs::remove_dir_all(&trial)?;
    }
    input.write(&trial)?;
    let arguments = once_arguments(target, &trial, folder);
    let ending = supervise(&arguments, folder)?;
    Ok(ending.found.iter().any(|found| found.fault == *fault))
}

/// Returns the arguments of a process that reads an input once.
pub(crate) fn once_arguments(target: &Target, input: &Path, folder: &Path) -> Vec<String> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    ["once", target.name]
        .map(str::to_owned)
        .into_iter()
        .chain([text(input), text(folder)])
        .collect()
}
