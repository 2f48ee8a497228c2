use std::collections::HashMap;

use mtpt_tasks::{Mixture, MixtureConfig, Pick, Rates, StochasticTasks};
use proptest::prelude::*;

use crate::message;
use crate::reference::PICKS;

fn mixture(rates: Rates, sizes: &[usize], seed: u64) -> Mixture {
    Mixture::new(&MixtureConfig { rates, ..MixtureConfig::default() }, sizes, seed).unwrap()
}

/// Returns the first rows of the sequence.
fn sequence(mixture: &Mixture, rows: usize) -> Vec<Pick> {
    let batches = (0..).flat_map(|step| mixture.batch(step, 32));
    batches.take(rows).collect()
}

fn shares(mixture: &Mixture, rows: usize) -> Vec<f64> {
    let mut counts = vec![0_usize; mixture.sizes().len()];
    for pick in sequence(mixture, rows) {
        counts[pick.task] += 1;
    }
    counts.into_iter().map(|count| count as f64 / rows as f64).collect()
}

fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance, "{found:?} for {expected:?}");
    }
}

#[test]
fn samples_tasks_by_their_rates() {
    let sizes = [67_349, 3_667, 2_490, 100];
    let expected = |weight: &dyn Fn(f64) -> f64| {
        let weights = sizes.map(|size| weight(size as f64));
        let sum: f64 = weights.iter().sum();
        weights.map(|weight| weight / sum)
    };
    let cases: [(Rates, [f64; 4]); 6] = [
        (Rates::Proportional { cap: None }, expected(&|size| size)),
        (Rates::Proportional { cap: Some(3_000) }, expected(&|size| size.min(3_000.0))),
        (Rates::Proportional { cap: Some(1) }, [0.25; 4]),
        (Rates::Temperature { temperature: 2.0, cap: None }, expected(&|size| size.sqrt())),
        (
            Rates::Temperature { temperature: 4.0, cap: Some(3_000) },
            expected(&|size| size.min(3_000.0).powf(0.25)),
        ),
        (Rates::Uniform, [0.25; 4]),
    ];
    for (rates, expected) in cases {
        let mixture = mixture(rates, &sizes, 3);
        // Rates are rounded to multiples of 1 / 4,096.
        close(&mixture.rates(), &expected, 1.0 / 4_096.0);
        // Whole blocks have exactly these rates, half a block approximately.
        close(&shares(&mixture, 3 * 4_096), &mixture.rates(), 1e-12);
        close(&shares(&mixture, 2_048), &mixture.rates(), 0.03);
    }
    let equal = mixture(Rates::Uniform, &[10, 1_000, 7], 0);
    assert_eq!(equal.rates(), [1.0 / 3.0; 3]);
}

#[test]
fn samples_rare_tasks() {
    let mixture = mixture(Rates::Proportional { cap: None }, &[1_000_000, 1, 1], 5);
    let rare: Vec<f64> = mixture.rates()[1..].to_vec();
    close(&rare, &[1.0 / 4_096.0; 2], 1e-4);
    assert!(rare.iter().all(|&rate| rate > 0.0));
    let sum: f64 = mixture.rates().iter().sum();
    assert!((sum - 1.0).abs() < 1e-12);
}

#[test]
fn uses_every_row_once_per_pass() {
    let sizes = [1, 2, 97, 4_500];
    for seed in 0..3 {
        let mixture = mixture(Rates::Uniform, &sizes, seed);
        let mut sampled: Vec<Vec<usize>> = vec![Vec::new(); sizes.len()];
        for pick in sequence(&mixture, 40_000) {
            sampled[pick.task].push(pick.row);
        }
        for (rows, size) in sampled.iter().zip(sizes) {
            let passes: Vec<&[usize]> = rows.chunks_exact(size).collect();
            assert!(passes.len() >= 2);
            for pass in &passes {
                let mut sorted = pass.to_vec();
                sorted.sort_unstable();
                assert!(sorted.into_iter().eq(0..size));
            }
            // Passes have different orders.
            assert!(size < 97 || passes[0] != passes[1]);
        }
    }
}

#[test]
fn uses_tasks_in_turn_without_shuffling() {
    let config = MixtureConfig { shuffle: false, ..MixtureConfig::default() };
    let mixture = Mixture::new(&config, &[2, 3], 9).unwrap();
    let picks: Vec<(usize, usize)> =
        (0..2).flat_map(|step| mixture.batch(step, 4)).map(|pick| (pick.task, pick.row)).collect();
    assert_eq!(picks, [(0, 0), (1, 0), (0, 1), (1, 1), (0, 0), (1, 2), (0, 1), (1, 0)]);
    assert_eq!(mixture.rates(), [0.5, 0.5]);
}

/// The order of a seed is the same in every version, on every machine and in the Python reference.
#[test]
fn order_matches_the_reference() {
    let mixture = mixture(Rates::Uniform, &[5, 100, 20], 42);
    let picks: Vec<(usize, usize)> =
        mixture.batch(1_024, 32).into_iter().map(|pick| (pick.task, pick.row)).collect();
    assert_eq!(picks, PICKS);
}

#[test]
fn reports_options_out_of_range() {
    let new = |rates, sizes: &[usize]| {
        message(Mixture::new(&MixtureConfig { rates, ..MixtureConfig::default() }, sizes, 0))
    };
    assert_eq!(new(Rates::Uniform, &[]), "a mixture needs at least one task, found none");
    assert_eq!(
        new(Rates::Uniform, &[1, 0]),
        "task 1 of the mixture (counted from 0) has no examples"
    );
    assert_eq!(
        new(Rates::Temperature { temperature: -1.0, cap: None }, &[1]),
        "expected `temperature` to be greater than 0, found -1"
    );
    assert_eq!(
        new(Rates::Proportional { cap: Some(0) }, &[1]),
        "expected `cap` to be at least 1, found 0"
    );
}

#[test]
fn reads_configurations_from_toml() {
    #[derive(serde::Deserialize)]
    struct Document {
        mixture: MixtureConfig,
    }
    for (text, expected) in [
        ("[mixture]", MixtureConfig::default()),
        (
            "[mixture]\nrates = \"uniform\"\nshuffle = false",
            MixtureConfig { rates: Rates::Uniform, shuffle: false, stochastic: None },
        ),
        (
            "[mixture]\nrates = { proportional = { cap = 7 } }",
            MixtureConfig {
                rates: Rates::Proportional { cap: Some(7) },
                ..MixtureConfig::default()
            },
        ),
        (
            "[mixture.rates.temperature]\ntemperature = 2.0",
            MixtureConfig {
                rates: Rates::Temperature { temperature: 2.0, cap: None },
                ..MixtureConfig::default()
            },
        ),
        (
            "[mixture]\nstochastic = { most_tasks = 6 }",
            MixtureConfig { stochastic: Some(StochasticTasks::new(6)), ..MixtureConfig::default() },
        ),
        (
            "[mixture.stochastic]\nmost_tasks = 2\nreplacement = false",
            MixtureConfig { stochastic: Some(without_replacement(2)), ..MixtureConfig::default() },
        ),
    ] {
        let document: Document = toml::from_str(text).unwrap();
        assert_eq!(document.mixture, expected);
        let again: MixtureConfig = toml::from_str(&toml::to_string(&expected).unwrap()).unwrap();
        assert_eq!(again, expected);
    }
    assert!(toml::from_str::<Document>("[mixture]\nrate = \"uniform\"").is_err());
}

fn without_replacement(most_tasks: usize) -> StochasticTasks {
    StochasticTasks { most_tasks, replacement: false }
}

fn stochastic(stochastic: StochasticTasks, sizes: &[usize], seed: u64) -> Mixture {
    let stochastic = Some(stochastic);
    let config = MixtureConfig { stochastic, ..MixtureConfig::default() };
    Mixture::new(&config, sizes, seed).unwrap()
}

/// Returns the numbers of consecutive rows of the same task.
fn runs(batch: &[Pick]) -> Vec<usize> {
    batch.chunk_by(|a, b| a.task == b.task).map(<[Pick]>::len).collect()
}

#[test]
fn samples_the_number_of_tasks_uniformly() {
    const STEPS: usize = 3_000;
    const MOST: usize = 5;
    // Without replacement, each run of rows is one sampled task.
    let mixture = stochastic(without_replacement(MOST), &[10; 12], 3);
    let mut counts = [0_usize; MOST + 1];
    for step in 0..STEPS as u64 {
        let batch = mixture.batch(step, 13);
        let runs = runs(&batch);
        let number = runs.len();
        counts[number] += 1;
        // All are equal except one, which has the remainder.
        let (least, rest) = (13 / number, 13 % number);
        let larger: Vec<_> = runs.iter().filter(|&&rows| rows != least).collect();
        assert_eq!(batch.len(), 13);
        assert!(if rest == 0 { larger.is_empty() } else { larger == [&(least + rest)] });
    }
    assert_eq!(counts[..2], [0, 0]);
    // The standard deviation of a count is 24.
    let expected = STEPS / (MOST - 1);
    assert!(counts[2..].iter().all(|count| count.abs_diff(expected) < 120), "{counts:?}");
}

#[test]
fn stochastic_tasks_follow_their_rates() {
    let sizes = [6_000, 3_000, 1_000];
    let mixture = stochastic(StochasticTasks::new(3), &sizes, 5);
    close(&mixture.rates(), &[0.6, 0.3, 0.1], 1e-12);
    // About 12,500 sampled tasks: a standard deviation of 0.005, and slightly more for the rows.
    close(&shares(&mixture, 32 * 5_000), &mixture.rates(), 0.02);
    // Without replacement, small tasks are sampled more often.
    let mixture = stochastic(without_replacement(3), &sizes, 5);
    let rates = mixture.rates();
    assert!(rates[0] < 0.5 && rates[2] > 0.15, "{rates:?}");
    close(&[rates.iter().sum()], &[1.0], 1e-9);
    close(&shares(&mixture, 32 * 5_000), &rates, 0.02);
    let batches = (0..500).map(|step| mixture.batch(step, 12));
    assert!(batches.map(|batch| runs(&batch).len()).all(|tasks| tasks == 2 || tasks == 3));
}

#[test]
fn supports_a_single_stochastic_task() {
    for stochastic_tasks in [StochasticTasks::new(4), without_replacement(4)] {
        let mixture = stochastic(stochastic_tasks, &[7], 1);
        let mut rows: Vec<usize> = mixture.batch(3, 7).into_iter().map(|pick| pick.row).collect();
        rows.sort_unstable();
        assert_eq!(rows, [0, 1, 2, 3, 4, 5, 6]);
    }
}

#[test]
fn samples_at_most_one_task_per_row() {
    for most_tasks in [13, 1_000, usize::MAX] {
        let stochastic_tasks = StochasticTasks::new(most_tasks);
        let failure = stochastic_tasks.check_batch_size(12).unwrap_err().to_string();
        let found = most_tasks as f64;
        assert_eq!(
            failure,
            format!("expected `most_tasks` to be at most `batch_size`, found {found}")
        );
        for stochastic_tasks in [stochastic_tasks, without_replacement(most_tasks)] {
            let mixture = stochastic(stochastic_tasks, &[10; 40], 3);
            for step in 0..40 {
                let batch = mixture.batch(step, 12);
                assert_eq!(batch.len(), 12);
                // Every sampled task has at least one row, so none has all of them.
                let most = runs(&batch).into_iter().max().unwrap();
                assert!(most <= 6 || stochastic_tasks.replacement, "{batch:?}");
            }
            close(&[mixture.rates().iter().sum()], &[1.0], 1e-9);
            assert_eq!(mixture.batch(0, 1).len(), 1);
        }
    }
    StochasticTasks::new(12).check_batch_size(12).unwrap();
}

#[test]
fn rejects_invalid_stochastic_tasks() {
    let new = |config: MixtureConfig| message(Mixture::new(&config, &[3, 4], 0));
    let config =
        MixtureConfig { stochastic: Some(StochasticTasks::new(1)), ..MixtureConfig::default() };
    assert_eq!(new(config), "expected `most_tasks` to be at least 2, found 1");
    let config = MixtureConfig {
        shuffle: false,
        stochastic: Some(StochasticTasks::new(2)),
        ..MixtureConfig::default()
    };
    assert!(new(config).contains("`shuffle = false` uses them in turn"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn stochastic_batches_are_a_function_of_seed_and_step(
        sizes in prop::collection::vec(1_usize..200, 1..6),
        seed in any::<u64>(),
        step in 0_u64..1_500,
        most_tasks in 2_usize..8,
        replacement in any::<bool>(),
        rows in 1_usize..40,
    ) {
        let stochastic_tasks = StochasticTasks { most_tasks, replacement };
        let mixture = stochastic(stochastic_tasks, &sizes, seed);
        let again = stochastic(stochastic_tasks, &sizes, seed);
        // Calls for other steps and batch sizes have no effect.
        for other in [0, step + 1_100, step / 2] {
            again.batch(other, rows);
            again.batch(other, rows + 1);
        }
        let batch = mixture.batch(step, rows);
        prop_assert_eq!(&batch, &again.batch(step, rows));
        prop_assert_eq!(batch.len(), rows);
        prop_assert!(batch.iter().all(|pick| pick.row < sizes[pick.task]));
        let mut tasks: Vec<usize> = batch.iter().map(|pick| pick.task).collect();
        tasks.sort_unstable();
        tasks.dedup();
        prop_assert!(tasks.len() <= most_tasks.min(rows));
    }

    #[test]
    fn stochastic_tasks_use_every_row_once_per_pass(
        sizes in prop::collection::vec(1_usize..60, 1..5),
        seed in any::<u64>(),
        steps in 1_u64..80,
        replacement in any::<bool>(),
    ) {
        let mixture = stochastic(StochasticTasks { most_tasks: 3, replacement }, &sizes, seed);
        let mut counts: Vec<HashMap<usize, usize>> = vec![HashMap::new(); sizes.len()];
        for pick in (0..steps).flat_map(|step| mixture.batch(step, 17)) {
            *counts[pick.task].entry(pick.row).or_default() += 1;
        }
        for (counts, &size) in counts.iter().zip(&sizes) {
            let most = counts.values().copied().max().unwrap_or(0);
            let least = if counts.len() < size { 0 } else { counts.values().copied().min().unwrap() };
            prop_assert!(most <= least + 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn batches_are_parts_of_one_sequence(
        sizes in prop::collection::vec(1_usize..500, 1..6),
        seed in any::<u64>(),
        step in 0_u64..1_000,
        shuffle in any::<bool>(),
    ) {
        let config = MixtureConfig {
            rates: Rates::Proportional { cap: Some(100) },
            shuffle,
            ..MixtureConfig::default()
        };
        let mixture = Mixture::new(&config, &sizes, seed).unwrap();
        let again = Mixture::new(&config, &sizes, seed).unwrap();
        let whole = mixture.batch(step, 24);
        // Calls for other steps have no effect.
        again.batch(step + 1, 24);
        prop_assert_eq!(&whole, &again.batch(step, 24));
        let parts: Vec<Pick> = (0..3).flat_map(|part| mixture.batch(3 * step + part, 8)).collect();
        prop_assert_eq!(&whole, &parts);
        prop_assert!(whole.iter().all(|pick| pick.row < sizes[pick.task]));
    }

    #[test]
    fn uses_every_row_once_per_pass_for_any_sizes(
        sizes in prop::collection::vec(1_usize..60, 1..5),
        seed in any::<u64>(),
        rows in 1_usize..2_000,
    ) {
        let mixture = mixture(Rates::Temperature { temperature: 3.0, cap: None }, &sizes, seed);
        let mut counts: Vec<HashMap<usize, usize>> = vec![HashMap::new(); sizes.len()];
        for pick in sequence(&mixture, rows) {
            *counts[pick.task].entry(pick.row).or_default() += 1;
        }
        for (counts, &size) in counts.iter().zip(&sizes) {
            let most = counts.values().copied().max().unwrap_or(0);
            let least = if counts.len() < size { 0 } else { counts.values().copied().min().unwrap() };
            prop_assert!(most <= least + 1);
        }
    }
}

#[test]
fn order_depends_on_the_seed() {
    let batch = |seed| mixture(Rates::Uniform, &[1_000, 1_000], seed).batch(0, 32);
    assert_ne!(batch(0), batch(1));
    assert_eq!(batch(1), batch(1));
}
