//! Weights are those by which the prompts of PyTorch, in the fixture of `reference`, were mixed.

use mtpt_compose::{Composition, CompositionConfig, MixtureWeights};

use crate::reference::{Case, Reference};

impl Case {
    fn values(&self, name: &str) -> Vec<f64> {
        self.tensors[name].values.iter().copied().map(f64::from).collect()
    }

    /// The prompt of a row.
    fn prompt(&self, row: usize) -> Vec<f64> {
        let size: usize = self.prompts.shape[1..].iter().product();
        self.prompts.values[row * size..][..size].iter().copied().map(f64::from).collect()
    }
}

/// Sum of things of the same size, each times its share.
fn mixed(parts: &[(f64, &[f64])]) -> Vec<f64> {
    let value = |place| parts.iter().map(|(share, part)| share * part[place]).sum();
    (0..parts[0].1.len()).map(value).collect()
}

#[track_caller]
fn check_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        // Single precision on the way to both.
        assert!((found - expected).abs() < 2e-5, "expected {expected}, found {found}");
    }
}

fn two_shares(weights: &MixtureWeights) -> [f64; 2] {
    let MixtureWeights::TwoShares { above, own } = weights else { panic!("{weights:?}") };
    assert!((above + own - 1.0).abs() < 1e-6, "{weights:?}");
    [*above, *own]
}

/// Applies a check to the cases of a strategy, of which there must be some.
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
fn two_shares_make_the_prompts() {
    for strategy in ["weighted", "gated"] {
        each(strategy, |case, composition| {
            let found = composition.mixture_weights();
            assert_eq!(found.iter().map(|found| found.node).collect::<Vec<_>>(), [1, 2, 3]);
            for (task, found) in found.iter().enumerate() {
                let [above, own] = two_shares(&found.weights);
                let (shared, part) =
                    (case.values("shared"), case.values(&format!("tasks.{task}.prompt")));
                check_close(&mixed(&[(above, &shared), (own, &part)]), &case.prompt(task));
            }
        });
    }
}

#[test]
fn heads_have_the_shares_of_their_components() {
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
            let own = case.values(&format!("tasks.{task}"));
            for (head, found) in found.iter().enumerate() {
                let mut expected = vec![0.0; count];
                for position in 0..length {
                    let score = |component: usize| {
                        let vector =
                            &components[(component * length + position) * d_model..][..d_model];
                        let square =
                            vector.iter().map(|value| value * value).sum::<f64>() / d_model as f64;
                        let even: Vec<f64> =
                            vector.iter().map(|value| value / (square + 1e-6).sqrt()).collect();
                        let columns = head * width..(head + 1) * width;
                        let products = columns
                            .map(|column| times(&own, &query, column) * times(&even, &key, column));
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
fn every_level_of_a_tree_tells_its_weights() {
    each("hierarchy", |case, composition| {
        let found = composition.mixture_weights();
        let nodes: Vec<usize> = found.iter().map(|found| found.node).collect();
        let names = |name: &str| case.tensors.keys().any(|tensor| tensor == name);
        if names("nodes.2.weight") {
            // Low-rank factors, then `weighted`, then `gated`; tasks are the nodes 3, 4 and 5.
            assert_eq!(nodes, [2, 3, 4]);
            let [second, third, fourth] = [0, 1, 2].map(|place| two_shares(&found[place].weights));
            let root = case.values("nodes.0");
            let (left, right) = (case.values("nodes.1.left"), case.values("nodes.1.right"));
            let first: Vec<f64> = root
                .iter()
                .enumerate()
                .map(|(place, value)| {
                    value * left[place / right.len()] * right[place % right.len()]
                })
                .collect();
            let fold = |above: &[f64], node: usize, [share, own]: [f64; 2]| {
                mixed(&[(share, above), (own, &case.values(&format!("nodes.{node}.prompt")))])
            };
            check_close(&fold(&fold(&first, 2, second), 3, third), &case.prompt(0));
            check_close(&fold(&first, 4, fourth), &case.prompt(1));
        } else if names("pools.1.components") {
            assert_eq!(nodes, [1, 4]);
            assert!(found.iter().all(|found| matches!(&found.weights, MixtureWeights::Heads(_))));
        } else {
            assert!(nodes.is_empty(), "{nodes:?}");
        }
    });
}

#[test]
fn shares_of_inputs_make_their_prompts() {
    each("instance_attention", |case, composition| {
        assert_eq!(composition.mixture_weights(), []);
        let Composition::InstanceAttention(attention) = composition else { unreachable!() };
        let rows = case.rows();
        let (inputs, mask) = case.inputs().unwrap();
        let shares = attention.component_weights(&rows, &inputs, &mask);
        let [_, columns] = shares.dims();
        let shares: Vec<f64> = shares.into_data().iter::<f32>().map(f64::from).collect();
        let components = case.values("components");
        for (row, (task, shares)) in rows.iter().zip(shares.chunks(columns)).enumerate() {
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-6);
            let own = case.values(&format!("tasks.{}", task.position()));
            let mut parts = vec![(1.0, own.as_slice())];
            let vectors = components.chunks(own.len()).chain([own.as_slice()]);
            parts.extend(shares.iter().copied().zip(vectors));
            check_close(&mixed(&parts), &case.prompt(row));
        }
    });
}

#[test]
fn what_learns_no_weights_has_none() {
    for strategy in ["low_rank", "concat", "add", "concat_features", "project", "separate"] {
        each(strategy, |_, composition| assert_eq!(composition.mixture_weights(), []));
    }
}
