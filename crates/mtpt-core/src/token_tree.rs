use burn::tensor::{Bool, Int, Tensor, TensorData};

use crate::Backbone;

/// Beginnings of texts that a decoder reads, each told once: a node reads one token after those of its parent.
///
/// Texts that begin alike share their first nodes. Nodes are numbered as they were added; the first is the root, which reads the
/// start token.
///
/// ```
/// use mtpt_core::TokenTree;
///
/// let mut tree = TokenTree::new();
/// let yes = tree.child(TokenTree::ROOT, 31);
/// let no = tree.child(TokenTree::ROOT, 58);
/// assert_eq!((yes, no, tree.child(TokenTree::ROOT, 31)), (1, 2, 1));
/// assert_eq!(tree.path(no), [58]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenTree {
    /// Of every node but the root: its parent, which comes before it, and its token.
    nodes: Vec<(usize, u32)>,
}

impl TokenTree {
    /// The node that every other comes from.
    pub const ROOT: usize = 0;

    /// A tree of its root alone.
    #[expect(clippy::new_without_default, reason = "a tree is never nothing")]
    pub fn new() -> Self {
        Self { nodes: Vec::new() }
    }

    /// The node that reads a token after those of another, which is added unless it is there.
    ///
    /// # Panics
    ///
    /// When there is no such parent.
    pub fn child(&mut self, parent: usize, token: u32) -> usize {
        assert!(parent < self.len(), "node {parent} of {}", self.len());
        let known = self.nodes.iter().position(|node| *node == (parent, token));
        known.map_or_else(
            || {
                self.nodes.push((parent, token));
                self.nodes.len()
            },
            |place| place + 1,
        )
    }

    /// Number of nodes, which is never 0.
    #[expect(clippy::len_without_is_empty, reason = "a tree has its root")]
    pub fn len(&self) -> usize {
        self.nodes.len() + 1
    }

    /// The token that each node reads, where the root reads the given one.
    pub fn tokens(&self, start: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::once(start).chain(self.nodes.iter().map(|(_, token)| *token))
    }

    /// The nodes that no other comes from.
    pub fn ends(&self) -> Vec<usize> {
        let mut is_end = vec![true; self.len()];
        for &(parent, _) in &self.nodes {
            is_end[parent] = false;
        }
        (0..self.len()).filter(|&node| is_end[node]).collect()
    }

    /// A node and those that it comes after, itself first and the root last.
    ///
    /// # Panics
    ///
    /// When there is no such node.
    pub fn line(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(node), |&node| {
            (node > Self::ROOT).then(|| self.nodes[node - 1].0)
        })
    }

    /// The tokens read up to a node after the start token.
    ///
    /// # Panics
    ///
    /// When there is no such node.
    pub fn path(&self, node: usize) -> Vec<u32> {
        let nodes = self.line(node).take_while(|&node| node > Self::ROOT);
        let mut tokens: Vec<u32> = nodes.map(|node| self.nodes[node - 1].1).collect();
        tokens.reverse();
        tokens
    }
}

/// [`Backbone::decode_trees`] of any backbone: the whole way to every end of a tree is a text of its own.
///
/// # Shapes
///
/// As of [`Backbone::decode_trees`].
///
/// # Panics
///
/// When there are more or fewer trees than rows.
pub fn decode_paths<B: Backbone + ?Sized>(
    backbone: &B,
    trees: &[&TokenTree],
    encoded: Tensor<3>,
    mask: Tensor<2, Bool>,
) -> Tensor<3> {
    let [batch, _, d_model] = encoded.dims();
    assert_eq!(trees.len(), batch, "a tree for each row");
    let nodes = trees.iter().map(|tree| tree.len()).max().unwrap_or(0);
    let ends: Vec<Vec<usize>> = trees.iter().map(|tree| tree.ends()).collect();
    let most = ends.iter().map(Vec::len).max().unwrap_or(0);
    let lines: Vec<Vec<Vec<usize>>> = trees
        .iter()
        .zip(&ends)
        .map(|(tree, ends)| ends.iter().map(|&end| tree.line(end).collect()).collect())
        .collect();
    let length = lines.iter().flatten().map(Vec::len).max().unwrap_or(0);
    let mut ids = vec![i64::from(backbone.pad_token_id()); batch * most * length];
    // Where each node is read; what fills up rows with fewer nodes is read anywhere.
    let mut places = vec![0_i64; batch * nodes];
    for (row, (tree, lines)) in trees.iter().zip(&lines).enumerate() {
        let tokens: Vec<u32> = tree.tokens(backbone.decoder_start_token_id()).collect();
        for (text, line) in lines.iter().enumerate() {
            for (depth, &node) in line.iter().rev().enumerate() {
                let place = (row * most + text) * length + depth;
                ids[place] = i64::from(tokens[node]);
                places[row * nodes + node] = place as i64;
            }
        }
    }
    let device = encoded.device();
    let ids = TensorData::new(ids, [batch * most, length]);
    let hidden = backbone.decode(Tensor::<2, Int>::from_data(ids, &device), encoded, mask);
    let places = Tensor::<1, Int>::from_data(TensorData::new(places, [batch * nodes]), &device);
    let hidden = hidden.reshape([batch * most * length, d_model]).select(0, places);
    hidden.reshape([batch, nodes, d_model])
}
