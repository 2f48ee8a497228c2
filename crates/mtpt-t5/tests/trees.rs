//! Token trees, and the comparison of hidden states at their nodes.

use burn::tensor::{Tensor, Tolerance};
use mtpt_core::TokenTree;

/// Compares hidden states of the same tokens.
pub(crate) fn assert_states_close(found: Tensor<3>, expected: Tensor<3>) {
    // Values up to 200 in f32, summed in a different order.
    let tolerance = Tolerance::<f32>::rel_abs(1e-4, 1e-3);
    found.into_data().assert_approx_eq(&expected.into_data(), tolerance);
}

fn tree(texts: &[&[u32]]) -> TokenTree {
    let mut tree = TokenTree::new();
    for text in texts {
        text.iter().fold(TokenTree::ROOT, |node, &token| tree.child(node, token));
    }
    tree
}

/// Compares two ways to decode the trees of a batch of three rows, at every node.
pub(crate) fn assert_same_nodes(decode_twice: impl Fn(&[&TokenTree; 3]) -> [Tensor<3>; 2]) {
    // Paths with common prefixes, a single path, and the root only.
    let large = tree(&[&[5, 6, 7], &[5, 6, 8, 9], &[10], &[5, 11]]);
    let (small, least) = (tree(&[&[12, 13]]), TokenTree::new());
    // Too many nodes to be decoded jointly.
    let pairs: Vec<[u32; 2]> =
        (0..30).flat_map(|first| (0..20).map(move |second| [first, second])).collect();
    let wide = tree(&pairs.iter().map(<[u32; 2]>::as_slice).collect::<Vec<_>>());
    for trees in [[&large, &small, &least], [&large; 3], [&wide, &small, &wide]] {
        let [found, expected] = decode_twice(&trees);
        for (row, tree) in trees.iter().enumerate() {
            let of_row =
                |states: &Tensor<3>| states.clone().narrow(0, row, 1).narrow(1, 0, tree.len());
            assert_states_close(of_row(&found), of_row(&expected));
        }
    }
}
