use std::sync::Arc;

use crate::data::parquet::column::Column;
use crate::data::parquet::convert::{scalar, text, value};
use crate::data::parquet::meaning::Meaning;
use crate::data::parquet::schema::{Node, Shape};
use crate::data::parquet::source::Source;
use crate::data::parquet_problem::{ColumnProblem, ParquetProblem};
use crate::data::value::{NULL, Value};

type Result<T> = std::result::Result<T, ParquetProblem>;

const OTHER_LIST: Value = Value::Unprintable("a list of other values than strings or numbers");

/// Assembles a row from the values of its columns.
pub(super) struct Record<'a> {
    pub(super) columns: &'a mut [Column],
    pub(super) source: &'a mut Source,
    pub(super) names: Vec<Arc<str>>,
    pub(super) values: Vec<Value>,
}

impl Record<'_> {
    /// Reads fields. Those of a structure have its name as prefix.
    pub(super) fn read(&mut self, nodes: &[Node]) -> Result<()> {
        nodes.iter().try_for_each(|node| self.read_field(node))
    }

    fn read_field(&mut self, node: &Node) -> Result<()> {
        let value = match &node.shape {
            _ if self.is_null(node)? => {
                self.skip(node)?;
                Value::Unprintable(NULL)
            }
            Shape::Value => self.value(node.leaves.start)?,
            Shape::List(present) => self.list(node.leaves.start, *present)?,
            Shape::OtherList(present) => {
                let is_empty = self.definition(node)? < *present;
                self.skip(node)?;
                if is_empty { Value::Texts(Vec::new()) } else { OTHER_LIST }
            }
            Shape::Map => {
                self.skip(node)?;
                Value::Unprintable("a map")
            }
            Shape::Structure(fields) => return self.structure(node, fields),
        };
        self.push(node, value);
        Ok(())
    }

    fn structure(&mut self, node: &Node, fields: &[Node]) -> Result<()> {
        let (start, mut texts) = (self.values.len(), None);
        for field in fields {
            let position = self.values.len();
            self.read_field(field)?;
            // SQuAD nests its answers: `{"text": ["..."], "answer_start": [17]}`.
            let is_text = field.name.len() == node.name.len() + ".text".len()
                && field.name.ends_with(".text");
            if let (true, Some(found @ Value::Texts(_))) = (is_text, self.values.get(position)) {
                texts.get_or_insert(found.clone());
            }
        }
        if let Some(texts) = texts {
            self.names.insert(start, Arc::clone(&node.name));
            self.values.insert(start, texts);
        }
        Ok(())
    }

    fn push(&mut self, node: &Node, value: Value) {
        self.names.push(Arc::clone(&node.name));
        self.values.push(value);
    }

    /// Returns the definition level of the first value of a field.
    fn definition(&mut self, node: &Node) -> Result<u16> {
        match self.columns.get_mut(node.leaves.start) {
            Some(column) => match column.peek(self.source)? {
                Some(levels) => Ok(levels.definition),
                None => Err(column.failed(ColumnProblem::Ends { what: "a row" })),
            },
            None => Ok(0),
        }
    }

    fn is_null(&mut self, node: &Node) -> Result<bool> {
        let definition = self.definition(node)?;
        Ok(node.optional.is_some_and(|level| definition < level))
    }

    fn skip(&mut self, node: &Node) -> Result<()> {
        let columns = &mut self.columns[node.leaves.clone()];
        columns.iter_mut().try_for_each(|column| column.skip_row(self.source))
    }

    fn value(&mut self, index: usize) -> Result<Value> {
        let column = &mut self.columns[index];
        let (leaf, is_read) = (Arc::clone(&column.leaf), column.leaf.is_read);
        let Some(bytes) = column.take()? else {
            return Ok(Value::Unprintable(if is_read { NULL } else { "bytes" }));
        };
        let length = bytes.len();
        let value = value(&leaf, bytes).map_err(|problem| column.failed(problem))?;
        self.source.limits.count_text(length)?;
        Ok(value)
    }

    /// Reads a list of texts or numbers, which has items from a definition level.
    fn list(&mut self, index: usize, present: u16) -> Result<Value> {
        let column = &mut self.columns[index];
        let leaf = Arc::clone(&column.leaf);
        let (mut items, mut has_null) = (Vec::new(), false);
        let mut levels = column.peek(self.source)?;
        while let Some(found) = levels {
            let item = match column.take()? {
                Some(bytes) => {
                    self.source.limits.count_text(bytes.len())?;
                    let item = match leaf.meaning {
                        Meaning::Text => text(bytes).map(Some),
                        meaning => Ok(scalar(meaning, bytes)),
                    };
                    item.map_err(|problem| column.failed(problem))?
                }
                None => {
                    has_null |= found.definition >= present;
                    None
                }
            };
            items.extend(item);
            self.source.limits.check_items(items.len())?;
            levels = column.peek(self.source)?.filter(|levels| levels.repetition > 0);
        }
        Ok(match leaf.meaning {
            _ if has_null => OTHER_LIST,
            Meaning::Text => Value::Texts(items),
            _ if items.is_empty() => Value::Texts(items),
            _ => Value::Numbers(items),
        })
    }
}
