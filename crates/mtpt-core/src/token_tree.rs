/// A prefix tree of token sequences, in which common prefixes are stored once.
///
/// Each node is a token that follows the tokens of its parent. Nodes are numbered in the order of
/// insertion. Node 0 is the root, the start token.
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
    /// Parent and token of every node except the root. Parents have lower numbers.
    nodes: Vec<(usize, u32)>,
}

impl TokenTree {
    /// The root node.
    pub const ROOT: usize = 0;

    /// Creates a tree with only a root.
    #[expect(clippy::new_without_default, reason = "a default would suggest an empty tree")]
    pub fn new() -> Self {
        Self { nodes: Vec::new() }
    }

    /// Returns the child of a node with a token, and adds it if it doesn't exist.
    ///
    /// # Panics
    ///
    /// When the parent doesn't exist.
    pub fn child(&mut self, parent: usize, token: u32) -> usize {
        assert!(parent < self.len(), "node {parent} of {}", self.len());
        let known = self.nodes.iter().position(|node| *node == (parent, token));
        known.map_or_else(
            || {
                self.nodes.push((parent, token));
                self.nodes.len()
            },
            |index| index + 1,
        )
    }

    /// Returns the number of nodes, which is at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a tree always has a root")]
    pub fn len(&self) -> usize {
        self.nodes.len() + 1
    }

    /// Iterates over the token of each node, with the given start token for the root.
    pub fn tokens(&self, start: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::once(start).chain(self.nodes.iter().map(|(_, token)| *token))
    }

    /// Returns the nodes without children.
    pub fn leaves(&self) -> Vec<usize> {
        let mut is_leaf = vec![true; self.len()];
        for &(parent, _) in &self.nodes {
            is_leaf[parent] = false;
        }
        (0..self.len()).filter(|&node| is_leaf[node]).collect()
    }

    /// Iterates over a node and its ancestors up to the root.
    ///
    /// # Panics
    ///
    /// When the node doesn't exist.
    pub fn ancestors(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(node), |&node| {
            (node > Self::ROOT).then(|| self.nodes[node - 1].0)
        })
    }

    /// Returns the tokens from the root to a node, without the start token.
    ///
    /// # Panics
    ///
    /// When the node doesn't exist.
    pub fn path(&self, node: usize) -> Vec<u32> {
        let nodes = self.ancestors(node).take_while(|&node| node > Self::ROOT);
        let mut tokens: Vec<u32> = nodes.map(|node| self.nodes[node - 1].1).collect();
        tokens.reverse();
        tokens
    }
}
