use std::ops::Range;
use std::sync::Arc;

use crate::data::parquet::limits::Limits;
use crate::data::parquet::meaning::{Meaning, Physical};
use crate::data::parquet::metadata::{Annotation, Element};
use crate::data::parquet::tree::{Repetition, Tree};
use crate::data::parquet_problem::ParquetProblem;

type Result<T> = std::result::Result<T, ParquetProblem>;

/// Columns of a file and how rows are assembled from them.
pub(super) struct Schema {
    pub(super) fields: Vec<Node>,
    pub(super) leaves: Vec<Arc<Leaf>>,
    /// Number of elements, which bounds the work for a row.
    pub(super) elements: u64,
}

/// Field of a row, or of a structure in a row.
pub(super) struct Node {
    /// Name with those of the structures around it, such as `answers.text`.
    pub(super) name: Arc<str>,
    /// Definition level from which the field is not null, if it may be.
    pub(super) optional: Option<u16>,
    pub(super) shape: Shape,
    /// The columns with the field's values.
    pub(super) leaves: Range<usize>,
}

pub(super) enum Shape {
    /// A value of the column.
    Value,
    Structure(Vec<Node>),
    /// List of texts or numbers of the column, which has items from a definition level.
    List(u16),
    /// List of other values.
    OtherList(u16),
    Map,
}

/// A column.
pub(super) struct Leaf {
    pub(super) name: Arc<str>,
    pub(super) physical: Physical,
    pub(super) meaning: Meaning,
    pub(super) max_definition: u16,
    pub(super) max_repetition: u16,
    /// Whether values are decoded.
    pub(super) is_read: bool,
}

impl Schema {
    /// Creates the schema of elements in depth-first order.
    pub(super) fn new(elements: Vec<Element>, limits: &Limits) -> Result<Self> {
        let count = elements.len() as u64;
        let root = Tree::new(elements)?;
        let mut builder = Builder { leaves: Vec::new(), name_bytes: 0, limits };
        let levels = Levels { definition: 0, repetition: 0 };
        let fields = builder.nodes(&root.children, "", levels)?;
        Ok(Self { fields, leaves: builder.leaves, elements: count })
    }
}

/// Levels of an element.
#[derive(Clone, Copy)]
struct Levels {
    definition: u16,
    repetition: u16,
}

impl Levels {
    /// Returns the levels of an element in one with these levels. The depth of the tree is limited,
    /// so the sums are small.
    fn of(self, tree: &Tree) -> Self {
        let repetition = tree.repetition;
        Self {
            definition: self.definition + u16::from(repetition != Repetition::Required),
            repetition: self.repetition + u16::from(repetition == Repetition::Repeated),
        }
    }
}

struct Builder<'a> {
    leaves: Vec<Arc<Leaf>>,
    name_bytes: u64,
    limits: &'a Limits,
}

impl Builder<'_> {
    fn nodes(&mut self, trees: &[Tree], prefix: &str, levels: Levels) -> Result<Vec<Node>> {
        trees.iter().map(|tree| self.node(tree, prefix, levels)).collect()
    }

    fn node(&mut self, tree: &Tree, prefix: &str, outer: Levels) -> Result<Node> {
        // Names of nested structures repeat those around them.
        self.name_bytes += (prefix.len() + tree.element.name.len()) as u64;
        self.limits.check_names(self.name_bytes)?;
        let name: Arc<str> = format!("{prefix}{}", tree.element.name).into();
        let levels = outer.of(tree);
        let first = self.leaves.len();
        let shape = match tree.element.annotation {
            // A repeated element that is not in a list is a list of such elements.
            _ if tree.repetition == Repetition::Repeated => self.list_of(tree, &name, outer)?,
            _ if tree.is_leaf() => {
                self.leaf(tree, &name, levels, true)?;
                Shape::Value
            }
            Some(Annotation::List) => {
                let [repeated] = tree.children.as_slice() else {
                    return Err(tree.invalid("a list has one element"));
                };
                self.list(repeated, &name, levels)?
            }
            Some(Annotation::Map) => self.map(tree, &name, levels)?,
            _ => Shape::Structure(self.nodes(&tree.children, &format!("{name}."), levels)?),
        };
        let optional = (tree.repetition == Repetition::Optional).then_some(levels.definition);
        Ok(Node { name, optional, shape, leaves: first..self.leaves.len() })
    }

    /// Returns the shape of a group annotated as list, whose items are a repeated element or its
    /// only child.
    fn list(&mut self, repeated: &Tree, name: &Arc<str>, levels: Levels) -> Result<Shape> {
        if repeated.repetition != Repetition::Repeated {
            return Err(repeated.invalid("the element of a list is repeated"));
        }
        match repeated.children.as_slice() {
            [item] if !is_item(repeated, item) => {
                let inner = levels.of(repeated);
                self.items(item, name, inner, inner.definition)
            }
            _ => self.list_of(repeated, name, levels),
        }
    }

    /// Returns the shape of a list whose items are the repeated element.
    fn list_of(&mut self, repeated: &Tree, name: &Arc<str>, outer: Levels) -> Result<Shape> {
        let levels = outer.of(repeated);
        if repeated.is_leaf() {
            let is_read = Meaning::of(repeated)?.is_text_or_number();
            self.leaf(repeated, name, levels, is_read)?;
            return Ok(list_shape(is_read, levels.definition));
        }
        self.unread(repeated, name, outer)?;
        Ok(Shape::OtherList(levels.definition))
    }

    /// Returns the shape of a list with items that are the child of the repeated element.
    fn items(
        &mut self,
        item: &Tree,
        name: &Arc<str>,
        outer: Levels,
        present: u16,
    ) -> Result<Shape> {
        if !item.is_leaf() || item.repetition == Repetition::Repeated {
            self.unread(item, name, outer)?;
            return Ok(Shape::OtherList(present));
        }
        let is_read = Meaning::of(item)?.is_text_or_number();
        self.leaf(item, name, outer.of(item), is_read)?;
        Ok(list_shape(is_read, present))
    }

    /// Returns the shape of a group annotated as map. A map without values is a list of its keys.
    fn map(&mut self, tree: &Tree, name: &Arc<str>, levels: Levels) -> Result<Shape> {
        let [pairs] = tree.children.as_slice() else {
            return Err(tree.invalid("a map has one element"));
        };
        if pairs.is_leaf() || pairs.repetition != Repetition::Repeated {
            return Err(pairs.invalid("the element of a map is a repeated structure"));
        }
        if let [key] = pairs.children.as_slice() {
            let inner = levels.of(pairs);
            return self.items(key, name, inner, inner.definition);
        }
        self.unread(pairs, name, levels)?;
        Ok(Shape::Map)
    }

    fn leaf(&mut self, tree: &Tree, name: &Arc<str>, levels: Levels, is_read: bool) -> Result<()> {
        let meaning = Meaning::of(tree)?;
        self.leaves.push(Arc::new(Leaf {
            name: Arc::clone(name),
            physical: Physical::of(tree)?,
            meaning,
            max_definition: levels.definition,
            max_repetition: levels.repetition,
            is_read: is_read && meaning.is_shown(),
        }));
        Ok(())
    }

    /// Adds the columns of an element whose values are not read.
    fn unread(&mut self, tree: &Tree, name: &Arc<str>, outer: Levels) -> Result<()> {
        let levels = outer.of(tree);
        if tree.is_leaf() {
            return self.leaf(tree, name, levels, false);
        }
        tree.children.iter().try_for_each(|child| self.unread(child, name, levels))
    }
}

fn list_shape(is_read: bool, present: u16) -> Shape {
    if is_read { Shape::List(present) } else { Shape::OtherList(present) }
}

/// Returns whether the repeated element of a list is its item, although it has only one child.
///
/// These are the rules for files of older writers:
/// <https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists>.
fn is_item(repeated: &Tree, child: &Tree) -> bool {
    let is_list = repeated.element.annotation == Some(Annotation::List)
        || child.repetition == Repetition::Repeated;
    let name = &repeated.element.name;
    !is_list && (name == "array" || name.ends_with("_tuple"))
}
