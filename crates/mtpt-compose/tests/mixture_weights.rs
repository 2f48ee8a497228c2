//! Mixture weights reproduce PyTorch's prompts in the fixture of `reference`.

use mtpt_compose::{Composition, CompositionConfig, MixtureWeights};

use crate::reference::{Case, Reference};

impl Case {
    fn values(&self, name: &str) -> Vec<f64> {
        self.tensors[name].values.iter().copied().map(f64::from).collect()
    }

    /// Returns the prompt of a row.
    fn prompt(&self, row: usize) -> Vec<f64> {
        let size: usize = self.prompts.shape[1..].iter().product();
        self.prompts.values[row * size..][..size].iter().copied().map(f64::from).collect()
    }
}

/// Returns the weighted sum of vectors.
fn weighted_sum(parts: &[(f64, &[f64])]) -> Vec<f64> {
    let value = |index| parts.iter().map(|(weight, part)| weight * part[index]).sum();
    (0..parts[0].1.len()).map(value).collect()
}

#[track_caller]
fn check_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        // Both are computed in single precision.
        assert!((found - expected).abs() < 2e-5, "expected {expected}, found {found}");
    }
}

fn parent_and_part(weights: &MixtureWeights) -> [f64; 2] {
    let MixtureWeights::ParentAndPart { parent, part } = weights else { panic!("{weights:?}") };
    assert!((parent + part - 1.0).abs() < 1e-6, "{weights:?}");
    [*parent, *part]
}

/// Applies a check to the cases of a strategy and asserts that there are any.
fn each(strategy: &str, check: impl Fn(&Case, &Composition)) {
    let reference = Reference::read();
    let cases = reference.cases.iter().filter(|case| case.composition.name() == strategy);
    let mut count = 0;
    for case in cases {
        check(case, &case.composition(reference.length, reference.d_model));
        count += 1;
    }
    assert!(count > 0, "no case of {strategy}");
}

#[test]
fn weighted_and_gated_weights_reproduce_prompts() {
    for strategy in ["weighted", "gated"] {
        each(strategy, |case, composition| {
            let found = composition.mixture_weights();
            assert_eq!(found.iter().map(|found| found.node).collect::<Vec<_>>(), [1, 2, 3]);
            for (task, found) in found.iter().enumerate() {
                let weights = parent_and_part(&found.weights);
                let shared = case.values("shared");
                let part = case.values(&format!("tasks.{task}.prompt"));
                let parts = [(weights[0], shared.as_slice()), (weights[1], part.as_slice())];
                check_close(&weighted_sum(&parts), &case.prompt(task));
            }
        });
    }
}

#[test]
fn attention_weights_are_averaged_per_head() {
    each("attention", |case, composition| {
        let CompositionConfig::Attention(config) = &case.composition else { unreachable!() };
        let (count, heads, inner) = (config.components, config.heads, config.inner);
        let width = inner / heads;
        let [_, length, d_model] = case.tensors["pool.components"].shape[..] else {
            panic!("three axes")
        };
        let (components, key, query) =
            (case.values("pool.components"), case.values("pool.key"), case.values("pool.query"));
        let times = |vector: &[f64], matrix: &[f64], column: usize| {
            let product = |(row, value): (usize, &f64)| value * matrix[row * inner + column];
            vector.iter().enumerate().map(product).sum::<f64>() / d_model as f64
        };
        let found = composition.mixture_weights();
        assert_eq!(found.len(), case.lines.len());
        for (task, found) in found.iter().enumerate() {
            assert_eq!(found.node, task + 1);
            let MixtureWeights::Heads(found) = &found.weights else { panic!("{found:?}") };
            assert_eq!(found.len(), heads);
            let task_query = case.values(&format!("tasks.{task}"));
            for (head, found) in found.iter().enumerate() {
                let mut expected = vec![0.0; count];
                for position in 0..length {
                    let score = |component: usize| {
                        let vector =
                            &components[(component * length + position) * d_model..][..d_model];
                        let square =
                            vector.iter().map(|value| value * value).sum::<f64>() / d_model as f64;
                        let normalized: Vec<f64> =
                            vector.iter().map(|value| value / (square + 1e-6).sqrt()).collect();
                        let columns = head * width..(head + 1) * width;
                        let products = columns.map(|column| {
                            times(&task_query, &query, column) * times(&normalized, &key, column)
                        });
                        (products.sum::<f64>() / (width as f64).sqrt()).exp()
                    };
                    let scores: Vec<f64> = (0..count).map(score).collect();
                    let sum: f64 = scores.iter().sum();
                    for (expected, score) in expected.iter_mut().zip(scores) {
                        *expected += score / sum / length as f64;
                    }
                }
                check_close(found, &expected);
                assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-6);
            }
        }
    });
}

#[test]
fn hierarchies_report_weights_of_every_level() {
    each("hierarchy", |case, composition| {
        let found = composition.mixture_weights();
        let nodes: Vec<usize> = found.iter().map(|found| found.node).collect();
        let names = |name: &str| case.tensors.keys().any(|tensor| tensor == name);
        if names("nodes.2.weight") {
            // The levels are `separate`, `low_rank`, `weighted` and `gated`; tasks are the nodes
            // 3, 4 and 5.
            assert_eq!(nodes, [2, 3, 4]);
            let [second, third, fourth] =
                [0, 1, 2].map(|index| parent_and_part(&found[index].weights));
            let root = case.values("nodes.0");
            let (left, right) = (case.values("nodes.1.left"), case.values("nodes.1.right"));
            let first: Vec<f64> = root
                .iter()
                .enumerate()
                .map(|(index, value)| {
                    value * left[index / right.len()] * right[index % right.len()]
                })
                .collect();
            let combine = |parent: &[f64], node: usize, weights: [f64; 2]| {
                let part = case.values(&format!("nodes.{node}.prompt"));
                weighted_sum(&[(weights[0], parent), (weights[1], &part)])
            };
            check_close(&combine(&combine(&first, 2, second), 3, third), &case.prompt(0));
            check_close(&combine(&first, 4, fourth), &case.prompt(1));
        } else if names("pools.1.components") {
            assert_eq!(nodes, [1, 4]);
            assert!(found.iter().all(|found| matches!(&found.weights, MixtureWeights::Heads(_))));
        } else {
            assert!(nodes.is_empty(), "{nodes:?}");
        }
    });
}

#[test]
fn component_weights_reproduce_prompts_of_inputs() {
    each("instance_attention", |case, composition| {
        assert_eq!(composition.mixture_weights(), []);
        let Composition::InstanceAttention(attention) = composition else { unreachable!() };
        let rows = case.rows();
        let (inputs, mask) = case.inputs().unwrap();
        let weights = attention.component_weights(&rows, &inputs, &mask);
        let [_, columns] = weights.dims();
        let weights: Vec<f64> = weights.into_data().iter::<f32>().map(f64::from).collect();
        let components = case.values("components");
        for (row, (task, weights)) in rows.iter().zip(weights.chunks(columns)).enumerate() {
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-6);
            let part = case.values(&format!("tasks.{}", task.position()));
            let mut parts = vec![(1.0, part.as_slice())];
            let vectors = components.chunks(part.len()).chain([part.as_slice()]);
            parts.extend(weights.iter().copied().zip(vectors));
            check_close(&weighted_sum(&parts), &case.prompt(row));
        }
    });
}

#[test]
fn other_strategies_have_no_mixture_weights() {
    for strategy in ["low_rank", "concat", "add", "concat_features", "project", "separate"] {
        each(strategy, |_, composition| assert_eq!(composition.mixture_weights(), []));
    }
}
