use std::collections::VecDeque;

/// A map from byte strings to ids that finds all keys at the start of a text.
#[derive(Clone, Debug)]
pub(crate) struct Trie {
    /// The root, then the children of each node, contiguous and in the order of their bytes.
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    first_child: u32,
    /// Id of the key that ends here, or [`NO_ID`].
    id: u32,
    children: u16,
    byte: u8,
}

/// Larger than every id.
const NO_ID: u32 = u32::MAX;

impl Node {
    fn new(byte: u8) -> Self {
        Self { first_child: 0, id: NO_ID, children: 0, byte }
    }
}

impl Trie {
    /// Builds the trie of non-empty, distinct keys.
    pub(crate) fn new<'a>(keys: impl Iterator<Item = (&'a str, u32)>) -> Self {
        let mut keys: Vec<(&[u8], u32)> = keys.map(|(key, id)| (key.as_bytes(), id)).collect();
        keys.sort_unstable();
        let bytes: usize = keys.iter().map(|(key, _)| key.len()).sum();
        let shared = keys.windows(2).map(|pair| shared(pair[0].0, pair[1].0));
        let mut nodes = Vec::with_capacity(1 + bytes - shared.sum::<usize>());
        nodes.push(Node::new(0));
        // The keys of the next nodes, in the same order, and the number of bytes they share.
        let mut pending = VecDeque::from([(0..keys.len(), 0)]);
        let mut node = 0;
        while let Some((mut range, depth)) = pending.pop_front() {
            if let Some((key, id)) = keys.get(range.start)
                && !range.is_empty()
                && key.len() == depth
            {
                nodes[node].id = *id;
                range.start += 1;
            }
            nodes[node].first_child = nodes.len() as u32;
            while !range.is_empty() {
                let byte = keys[range.start].0[depth];
                let count = keys[range.clone()].partition_point(|(key, _)| key[depth] == byte);
                nodes[node].children += 1;
                nodes.push(Node::new(byte));
                pending.push_back((range.start..range.start + count, depth + 1));
                range.start += count;
            }
            node += 1;
        }
        Self { nodes }
    }

    /// Returns the lengths and ids of all keys that the text starts with, the shortest first.
    pub(crate) fn prefixes<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (usize, u32)> + 'a {
        let mut node = &self.nodes[0];
        let nodes = text.bytes().zip(1..).map_while(move |(byte, length)| {
            let children = &self.nodes[node.first_child as usize..][..usize::from(node.children)];
            let child = children.binary_search_by_key(&byte, |child| child.byte).ok()?;
            node = &children[child];
            Some((length, node.id))
        });
        nodes.filter(|(_, id)| *id != NO_ID)
    }

    /// Returns the length of the longest key that the text starts with.
    pub(crate) fn longest_prefix(&self, text: &str) -> Option<usize> {
        self.prefixes(text).last().map(|(length, _)| length)
    }
}

/// Returns the number of bytes that two keys share at their start.
fn shared(first: &[u8], second: &[u8]) -> usize {
    first.iter().zip(second).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_prefix_that_is_a_key() {
        let keys = ["a", "ab", "abcd", "b", "ä", "日本"];
        let trie = Trie::new(keys.into_iter().zip(0..));
        let found = |text: &str| trie.prefixes(text).collect::<Vec<_>>();
        assert_eq!(found("abcde"), [(1, 0), (2, 1), (4, 2)]);
        assert_eq!(found("abc"), [(1, 0), (2, 1)]);
        assert_eq!(found("日本語"), [(6, 5)]);
        assert_eq!(found("日"), []);
        assert_eq!(found(""), []);
        assert_eq!(trie.longest_prefix("ää"), Some(2));
    }

    #[test]
    fn empty_trie_finds_nothing() {
        let trie = Trie::new(std::iter::empty());
        assert_eq!(trie.longest_prefix("a"), None);
    }
}
