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
