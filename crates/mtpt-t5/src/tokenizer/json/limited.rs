use std::fmt::{self, Formatter};
use std::marker::PhantomData;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Largest number of entries of a list. Those of tokenizers have less than ten.
pub(crate) const MAX_ENTRIES: usize = 64;

/// A list of at most [`MAX_ENTRIES`] entries.
#[derive(Debug)]
pub(crate) struct Limited<T>(pub(crate) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Limited<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Limited<T>;

            fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Limited<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = list.next_element()? {
                    if entries.len() == MAX_ENTRIES {
                        return Err(A::Error::custom("the list is too long"));
                    }
                    entries.push(entry);
                }
                Ok(Limited(entries))
            }
        }

        deserializer.deserialize_seq(Entries(PhantomData))
    }
}
