/// Memory of objects in parts that cost differently.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// Number of objects, those within containers included.
    objects: u64,
    /// Size of texts, bytes, and shapes.
    bytes: u64,
    /// Number of objects that may be tensors.
    tensors: u64,
    /// Size of the tensors' names, which are paths through the containers.
    names: u64,
}

/// Memory of an object in a tuple, or in the memo.
const OBJECT: u64 = 100;
/// Additional memory of an element of a list, whose array grows by doubling, in copies of texts.
const LIST_SPARE: u64 = 30;
/// Additional memory of an entry of a dictionary, in copies of texts.
const ENTRY_SPARE: u64 = 60;
/// Memory of an object on the stack, whose array grows by doubling and is copied into a container.
const SLOT: u64 = 310;
/// Memory of an entry of the memo besides its object.
const MEMO_ENTRY: u64 = 300;
/// Memory of a mark.
const MARK: u64 = 32;
/// Copies of a text, in the parsed pickle and in its conversion.
const TEXTS: u64 = 2;
/// Copies of a tensor's name.
const NAMES: u64 = 4;
/// Memory of an extent and a stride of a tensor.
const AXIS: u64 = 16;
/// Length of a number as part of a name.
const NUMBER: u64 = 20;

/// Limit on the memory of a pickle's objects: this, and [`RATIO`] times the size of its file.
///
/// A tensor takes up to 8 KB here, with all that the memo has of it, and about 300 bytes of the
/// file besides its values.
const FREE: u64 = 32 << 20;
const RATIO: u64 = 32;
/// Limit on all copies, relative to that of the objects at one time.
const COPIES: u64 = 2;

/// A pickle whose objects take too much memory.
#[derive(Debug)]
pub(crate) struct Excess {
    /// The limit in bytes.
    pub(crate) limit: u64,
}

impl Memory {
    /// Returns the memory of an object without others, with a text of a length.
    pub(super) fn of_object(bytes: u64) -> Self {
        Self { objects: 1, bytes, ..Self::default() }
    }

    /// Returns the memory of this object and that of others.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            objects: self.objects.saturating_add(other.objects),
            bytes: self.bytes.saturating_add(other.bytes),
            tensors: self.tensors.saturating_add(other.tensors),
            names: self.names.saturating_add(other.names),
        }
    }

    /// Returns the memory without that of an object that is part of it.
    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            objects: self.objects.saturating_sub(other.objects),
            bytes: self.bytes.saturating_sub(other.bytes),
            tensors: self.tensors.saturating_sub(other.tensors),
            names: self.names.saturating_sub(other.names),
        }
    }

    /// Returns the memory as an element of a tuple, whose position is part of names.
    pub(super) fn in_tuple(self) -> Self {
        self.named(NUMBER)
    }

    /// Returns the memory as an element of a list.
    pub(super) fn in_list(self) -> Self {
        self.in_tuple().with_text(LIST_SPARE)
    }

    /// Returns the memory as a value of a dictionary with a key.
    pub(super) fn with_key(self, key: Self) -> Self {
        self.named(key.bytes.saturating_add(NUMBER)).plus(key).with_text(ENTRY_SPARE)
    }

    fn with_text(self, bytes: u64) -> Self {
        Self { bytes: self.bytes.saturating_add(bytes), ..self }
    }

    fn named(self, part: u64) -> Self {
        let names = self.tensors.saturating_mul(part.saturating_add(1));
        Self { names: self.names.saturating_add(names), ..self }
    }

    /// Returns the memory of the result of a call that returns a container of its arguments, or one
    /// of them.
    pub(super) fn of_container(callable: Self, arguments: Self) -> Self {
        Self::of_other_result(callable, arguments).plus(arguments)
    }

    /// Returns the memory of the result of any other call: a tensor whose shape is among the
    /// arguments, or an object of which only texts are kept.
    pub(super) fn of_other_result(callable: Self, arguments: Self) -> Self {
        let shape = arguments.objects.saturating_mul(AXIS);
        let texts = callable.bytes.saturating_add(arguments.bytes);
        Self { objects: 1, bytes: shape.saturating_add(texts), tensors: 1, names: 0 }
    }

    fn cost(self) -> u64 {
        let costs = [(self.objects, OBJECT), (self.bytes, TEXTS), (self.names, NAMES)];
        costs
            .into_iter()
            .fold(0, |sum, (count, each)| sum.saturating_add(count.saturating_mul(each)))
    }
}

/// The memory of all objects at one time, and that of all copies.
pub(super) struct Account {
    limit: u64,
    /// Largest number of objects on the stack so far: its array doesn't shrink.
    slots: usize,
    marks: usize,
    objects: Memory,
    copies: u64,
}

impl Account {
    pub(super) fn new(file_length: u64) -> Self {
        let limit = file_length.saturating_mul(RATIO).saturating_add(FREE);
        Self { limit, slots: 0, marks: 0, objects: Memory::default(), copies: 0 }
    }

    pub(super) fn add(&mut self, object: Memory) {
        self.objects = self.objects.plus(object);
    }

    pub(super) fn remove(&mut self, object: Memory) {
        self.objects = self.objects.minus(object);
    }

    pub(super) fn add_copy(&mut self, object: Memory) {
        self.add(object);
        self.copies = self.copies.saturating_add(object.cost());
    }

    /// Checks the memory of all objects, and of the stack, its marks and the memo by their lengths.
    pub(super) fn check(&mut self, stack: usize, marks: usize, memo: usize) -> Result<(), Excess> {
        self.slots = self.slots.max(stack);
        self.marks = self.marks.max(marks);
        let lengths = [(self.slots, SLOT), (self.marks, MARK), (memo, MEMO_ENTRY)];
        let lengths = lengths.into_iter().map(|(count, each)| count as u64 * each).sum::<u64>();
        let total = self.objects.cost().saturating_add(lengths);
        if total > self.limit || self.copies > self.limit.saturating_mul(COPIES) {
            return Err(Excess { limit: self.limit });
        }
        Ok(())
    }
}
