/// A map from byte strings to ids that finds all keys at the start of a text.
#[derive(Clone, Debug)]
pub(crate) struct Trie {
    /// The root, then the children of each node, contiguous and in the order of their bytes.
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Node {
    byte: u8,
    first_child: u32,
    children: u16,
    id: Option<u32>,
}

impl Trie {
    /// Builds the trie of non-empty, distinct keys.
    pub(crate) fn new<'a>(keys: impl Iterator<Item = (&'a str, u32)>) -> Self {
        let mut keys: Vec<(&[u8], u32)> = keys.map(|(key, id)| (key.as_bytes(), id)).collect();
        keys.sort_unstable();
        let mut nodes = vec![Node::default()];
        // The keys of each node, in the order of the nodes, and the number of bytes they share.
        let mut pending = vec![(0..keys.len(), 0)];
        let mut node = 0;
        while node < pending.len() {
            let (mut range, depth) = pending[node].clone();
            if let Some((key, id)) = keys.get(range.start)
                && !range.is_empty()
                && key.len() == depth
            {
                nodes[node].id = Some(*id);
                range.start += 1;
            }
            nodes[node].first_child = nodes.len() as u32;
            while !range.is_empty() {
                let byte = keys[range.start].0[depth];
                let count = keys[range.clone()].partition_point(|(key, _)| key[depth] == byte);
                nodes[node].children += 1;
                nodes.push(Node { byte, ..Node::default() });
                pending.push((range.start..range.start + count, depth + 1));
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
        nodes.filter_map(|(length, id)| Some((length, id?)))
    }

    /// Returns the length of the longest key that the text starts with.
    pub(crate) fn longest_prefix(&self, text: &str) -> Option<usize> {
        self.prefixes(text).last().map(|(length, _)| length)
    }
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
