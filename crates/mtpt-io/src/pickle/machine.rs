use std::collections::HashMap;
use std::io::BufRead;

use super::memory::{Account, Excess, Memory};
use super::operands::Operands;

/// Checks the memory of the objects of `count` consecutive pickles in a file of a length.
///
/// Damage is not an error here: the operations before it are checked, and the reader of the objects
/// reports it.
pub(crate) fn check_memory(
    pickles: impl BufRead,
    count: usize,
    file_length: u64,
) -> Result<(), Excess> {
    let mut operands = Operands(pickles);
    let mut account = Account::new(file_length);
    for _ in 0..count {
        let mut machine =
            Machine { stack: Vec::new(), marks: Vec::new(), memo: HashMap::new(), account };
        loop {
            let state = machine.execute(&mut operands);
            let Machine { stack, marks, memo, account } = &mut machine;
            account.check(stack.len(), marks.len(), memo.len())?;
            match state {
                Some(State::Running) => {}
                Some(State::Stopped) => break,
                None => return Ok(()),
            }
        }
        // The results are still there when the next pickle is read.
        account = machine.account;
    }
    Ok(())
}

/// Modules and names of what returns a container of its arguments, or one of them.
const CONTAINERS: [&[u8]; 8] = [
    b"collections\nOrderedDict\n",
    b"builtins\nset\n",
    b"builtins\nfrozenset\n",
    b"__builtin__\nset\n",
    b"__builtin__\nfrozenset\n",
    b"torch._utils\n_rebuild_parameter\n",
    b"torch._utils\n_rebuild_parameter_with_state\n",
    b"torch._tensor\n_rebuild_from_type_v2\n",
];

enum State {
    Running,
    Stopped,
}

/// An object on the stack.
#[derive(Clone, Copy)]
struct Entry {
    memory: Memory,
    /// Where it is stored in the memo.
    memo: Option<u32>,
    /// Whether it is a class or function other than [`CONTAINERS`].
    is_other: bool,
}

/// The stack machine that executes pickles, see Python's `pickletools`.
struct Machine {
    stack: Vec<Entry>,
    /// Lengths of the stack at each mark.
    marks: Vec<usize>,
    memo: HashMap<u32, Entry>,
    account: Account,
}

impl Machine {
    /// Executes the next operation. `None` is the end of the file, an unknown operation, or one
    /// that needs other objects on the stack.
    fn execute(&mut self, operands: &mut Operands<impl BufRead>) -> Option<State> {
        match operands.number(1)? as u8 {
            b'.' => return Some(State::Stopped),
            0x80 => {
                operands.number(1)?;
            }
            0x95 => {
                operands.number(8)?;
            }
            // None, True, False, and empty containers.
            b'N' | 0x88 | 0x89 | b')' | b']' | b'}' | 0x8f => self.push_object(0),
            // Numbers.
            b'K' => self.push_object(operands.skip(1)?),
            b'M' => self.push_object(operands.skip(2)?),
            b'J' => self.push_object(operands.skip(4)?),
            b'G' => self.push_object(operands.skip(8)?),
            b'I' | b'L' | b'F' | b'V' => self.push_object(operands.line()?.1),
            // Long integers, texts and bytes.
            0x8a | b'U' | b'C' | 0x8c => self.push_object(operands.text(1)?),
            0x8b | b'T' | b'X' | b'B' => self.push_object(operands.text(4)?),
            0x8d | 0x8e | 0x96 => self.push_object(operands.text(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b't' => {
                let elements = self.pop_to_mark()?.into_iter().map(Memory::in_tuple);
                self.push_container(elements);
            }
            b'l' | 0x91 => {
                let elements = self.pop_to_mark()?.into_iter().map(Memory::in_list);
                self.push_container(elements);
            }
            b'd' => {
                let items = self.pop_to_mark()?;
                self.push_container(pairs(&items));
            }
            0x85 => self.push_tuple(1)?,
            0x86 => self.push_tuple(2)?,
            0x87 => self.push_tuple(3)?,
            b'a' => {
                let element = self.pop()?.memory.in_list();
                self.extend(element)?;
            }
            b'e' | 0x90 => {
                let elements = self.pop_to_mark()?.into_iter().map(Memory::in_list);
                self.extend(sum(elements))?;
            }
            b's' => {
                let (value, key) = (self.pop()?.memory, self.pop()?.memory);
                self.extend(value.with_key(key))?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.extend(sum(pairs(&items)))?;
            }
            b'0' if self.has_mark_on_top() => {
                self.marks.pop();
            }
            b'0' => {
                self.pop()?;
            }
            b'1' => {
                self.pop_to_mark()?;
            }
            b'2' => {
                let top = *self.top()?;
                self.push_copy(top);
            }
            b'g' => self.push_from_memo(operands.line_number()?)?,
            b'h' => self.push_from_memo(operands.number(1)? as u32)?,
            b'j' => self.push_from_memo(operands.number(4)? as u32)?,
            b'p' => self.store(operands.line_number()?)?,
            b'q' => self.store(operands.number(1)? as u32)?,
            b'r' => self.store(operands.number(4)? as u32)?,
            0x94 => self.store(self.memo.len() as u32)?,
            b'c' => {
                let ((module, module_length), (name, length)) =
                    (operands.line()?, operands.line()?);
                let is_other =
                    !CONTAINERS.contains(&[module.as_slice(), &name].concat().as_slice());
                self.push_object(module_length.saturating_add(length));
                self.top()?.is_other = is_other;
            }
            0x93 => self.call(1)?,
            b'Q' => self.call(0)?,
            b'R' => {
                let (arguments, callable) = (self.pop()?.memory, self.pop()?);
                self.push(if callable.is_other {
                    Memory::of_other_result(callable.memory, arguments)
                } else {
                    Memory::of_container(callable.memory, arguments)
                });
            }
            0x81 => self.call(1)?,
            0x92 => self.call(2)?,
            b'b' => self.build()?,
            _ => return None,
        }
        Some(State::Running)
    }

    fn push(&mut self, memory: Memory) {
        self.account.add(memory);
        self.stack.push(Entry { memory, memo: None, is_other: false });
    }

    fn push_object(&mut self, bytes: u64) {
        self.push(Memory::of_object(bytes));
    }

    fn push_container(&mut self, parts: impl Iterator<Item = Memory>) {
        self.push(Memory::of_object(0).plus(sum(parts)));
    }

    fn push_tuple(&mut self, length: usize) -> Option<()> {
        let mut elements = Memory::default();
        for _ in 0..length {
            elements = elements.plus(self.pop()?.memory.in_tuple());
        }
        self.push_container([elements].into_iter());
        Some(())
    }

    fn push_copy(&mut self, entry: Entry) {
        self.account.add_copy(entry.memory);
        self.stack.push(entry);
    }

    fn push_from_memo(&mut self, index: u32) -> Option<()> {
        let entry = *self.memo.get(&index)?;
        self.push_copy(entry);
        Some(())
    }

    /// Stores a copy of the object on top of the stack in the memo.
    fn store(&mut self, index: u32) -> Option<()> {
        let top = self.top()?;
        top.memo = Some(index);
        let entry = *top;
        self.account.add_copy(entry.memory);
        if let Some(replaced) = self.memo.insert(index, entry) {
            self.account.remove(replaced.memory);
        }
        Some(())
    }

    /// Adds parts, which were on the stack, to the container on top of it.
    fn extend(&mut self, parts: Memory) -> Option<()> {
        let top = self.top()?;
        top.memory = top.memory.plus(parts);
        self.account.add(parts);
        Some(())
    }

    /// Replaces the texts of a class or a persistent id, or a class and its arguments, with an
    /// object of which only texts are kept.
    fn call(&mut self, arguments: usize) -> Option<()> {
        let mut popped = Memory::default();
        for _ in 0..arguments {
            popped = popped.plus(self.pop()?.memory);
        }
        let callable = self.pop()?.memory;
        self.push(Memory::of_other_result(callable, popped));
        Some(())
    }

    /// Sets the state of the object below it, also in the memo.
    fn build(&mut self) -> Option<()> {
        let (state, object) = (self.pop()?.memory, self.pop()?);
        let built = object.memory.plus(state);
        self.push(built);
        match object.memo {
            Some(index) => {
                self.store(index)?;
                // Unlike an object that was stored itself.
                self.top()?.memo = None;
                Some(())
            }
            None => Some(()),
        }
    }

    /// Returns whether there is no object after the last mark.
    fn has_mark_on_top(&self) -> bool {
        self.marks.last() == Some(&self.stack.len())
    }

    fn top(&mut self) -> Option<&mut Entry> {
        if self.has_mark_on_top() { None } else { self.stack.last_mut() }
    }

    fn pop(&mut self) -> Option<Entry> {
        if self.has_mark_on_top() {
            return None;
        }
        let entry = self.stack.pop()?;
        self.account.remove(entry.memory);
        Some(entry)
    }

    fn pop_to_mark(&mut self) -> Option<Vec<Memory>> {
        let popped: Vec<Memory> =
            self.stack.split_off(self.marks.pop()?).into_iter().map(|entry| entry.memory).collect();
        popped.iter().for_each(|&memory| self.account.remove(memory));
        Some(popped)
    }
}

fn sum(parts: impl Iterator<Item = Memory>) -> Memory {
    parts.fold(Memory::default(), Memory::plus)
}

/// Returns the memory of the values of a dictionary with their keys, which precede them.
fn pairs(items: &[Memory]) -> impl Iterator<Item = Memory> {
    items.chunks(2).map(|pair| match *pair {
        [key, value] => value.with_key(key),
        [key] => key,
        _ => Memory::default(),
    })
}
