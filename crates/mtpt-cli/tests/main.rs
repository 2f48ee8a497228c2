//! Tests of the command line: standard output, standard error, files and exit codes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg_attr(unix, expect(clippy::print_stdout, reason = "a skipped test reports why"))]

// The fixture of all tests: a folder with a small model, two tasks and a configuration.
mod world;

// The first commands of a new user: overview, help, `init`, `devices`, `completions`.
mod first_steps;
// `init`: kinds of labels, rows without labels, files of splits, names of tasks.
mod starting_configurations;
// `train`, `eval` and `predict` on label words.
mod run;
// Results next to baselines, values per label, incorrect rows, and units.
mod baselines;
// `train`, `eval` and `predict` on free text and on candidates given by each row.
mod answers;
// Runs in the output folder: refused, overwritten, resumed, extended and recorded.
mod protected_runs;
// Run folders as `--prompts`, and the model that prompts record.
mod run_folders;
// Several values of a setting: a run for each.
mod sweeps;
// Large jobs: output files, rejected rows, resuming.
mod large_predictions;
// Rows that arrive one by one, in pipes, in other formats and compressed; and signals.
mod slow_pipes;
// `train` with stages, and `adapt`.
mod stages;
// `pretrain`.
mod pretrain;
// `generate` and `score`, compared with transformers.
mod score_and_generate;
// `generate` and `generation_config.json`: options, end tokens, samples, sequences, stop strings.
mod generation;
// Every member of the T5 family: scores, texts and training; other models are rejected.
mod model_types;
// `inspect`.
mod inspect;
// Tokenizers of model folders, and text that is unknown to them.
mod tokenizers;
// `report` of a run: its values and those of the prompts, compared with the files of the run.
mod report;
// The parsed page of `report`.
mod report_page;
// `report`: baselines, values per label, predictions, and how the run was started.
mod report_results;
// `report` of several runs.
mod report_comparison;
// Pages of `report` in headless Chromium.
mod chromium;
mod report_screens;
// `import` and `export`.
mod import_export;
// PEFT adapters with default settings, of other versions, incomplete or in other folders.
mod adapters;
// T5X checkpoints as models and as prompts.
#[cfg(feature = "t5x")]
mod t5x;

// Data files as spreadsheets, pandas and Python write them, and their metrics.
mod data_files;
// Files of earlier versions.
mod earlier_versions;
// Wrong commands, options, settings and files, and the advice on each.
mod wrong_turns;
// Error messages for wrong arguments, configurations, models and rows.
mod bad_input;
// Model folders and weight files of every kind, and files in place of them.
mod checkpoints;
// Inputs beyond the maximum length, and rows that need too much memory.
mod long_inputs;
// NaN and infinite weights, prompts, results and losses.
mod not_finite;
// Files that once broke a reader, under limits of time and memory.
#[cfg(unix)]
mod untrusted_files;
// Names in files: shown with control characters escaped, and no paths to other folders.
mod untrusted_names;
// Texts of rows: not in messages and logs.
mod private_texts;
// Full disks, file size limits and read-only folders.
#[cfg(unix)]
mod full_disk;
// Signals, `kill -9` and resuming.
#[cfg(unix)]
mod interrupted;
// Failing, interrupted and short system calls, and kills at any of them.
#[cfg(target_os = "linux")]
mod faults;
// Clocks, folders, names, pipes and devices that are rare.
#[cfg(target_os = "linux")]
mod environments;

// The recipes in `examples/recipes`.
mod recipes;
// The book and the README, compared with the program.
mod docs;
// `--weights` and `[backbone]`: formats of the model's weights.
mod weights;
