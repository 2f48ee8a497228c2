use crate::data::parquet::metadata::Element;
use crate::data::parquet_problem::ParquetProblem;

/// Maximum depth of a schema, as that of JSON: rows are assembled recursively.
const MAX_DEPTH: usize = 128;

/// Element of a schema with its children.
pub(super) struct Tree {
    pub(super) element: Element,
    pub(super) repetition: Repetition,
    pub(super) children: Vec<Self>,
}

/// Number of occurrences of an element in the one around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repetition {
    Required,
    Optional,
    Repeated,
}

impl Tree {
    /// Creates the tree of elements in depth-first order.
    pub(super) fn new(elements: Vec<Element>) -> Result<Self, ParquetProblem> {
        let mut elements = elements.into_iter();
        let root = elements
            .next()
            .ok_or(ParquetProblem::MissingValue { structure: "a schema", value: "elements" })?;
        // The repetition of the root has no meaning.
        let repetition = Some(0);
        let root = Self::with_children(Element { repetition, ..root }, &mut elements, 0)?;
        match elements.next() {
            None => Ok(root),
            Some(element) => Err(invalid(&element, "the element is not in a group")),
        }
    }

    fn with_children(
        element: Element,
        elements: &mut std::vec::IntoIter<Element>,
        depth: usize,
    ) -> Result<Self, ParquetProblem> {
        if depth > MAX_DEPTH {
            return Err(invalid(&element, "it is nested in more than 128 structures"));
        }
        let repetition = match element.repetition {
            Some(0) => Repetition::Required,
            Some(1) => Repetition::Optional,
            Some(2) => Repetition::Repeated,
            _ => return Err(invalid(&element, "it is not required, optional or repeated")),
        };
        let count = usize::try_from(element.children.unwrap_or(0))
            .ok()
            .filter(|&count| count <= elements.len())
            .ok_or_else(|| invalid(&element, "it has more children than there are elements"))?;
        if count == 0 && element.physical.is_none() && depth > 0 {
            return Err(invalid(&element, "it has neither a type nor children"));
        }
        let mut children = Vec::new();
        for _ in 0..count {
            let Some(child) = elements.next() else {
                return Err(invalid(&element, "it has more children than there are elements"));
            };
            children.push(Self::with_children(child, elements, depth + 1)?);
        }
        Ok(Self { element, repetition, children })
    }

    /// Returns whether the element is a column.
    pub(super) fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }

    /// Creates the error for an invalid element.
    pub(super) fn invalid(&self, problem: &'static str) -> ParquetProblem {
        invalid(&self.element, problem)
    }
}

fn invalid(element: &Element, problem: &'static str) -> ParquetProblem {
    ParquetProblem::Schema { column: element.name.chars().take(100).collect(), problem }
}
