//! The rules of an address book: at most 50 addresses, and exactly one of them is offered first as long
//! as there is any. Pure; no IO.

use member_api::{ADDRESSES_MAX, Error};
use rpc::Fault;
use types::AddressId;

/// An address in the book, as far as the rules care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Which one.
    pub id: AddressId,
    /// Whether it is offered first.
    pub is_default: bool,
}

/// Whether an address that is added (or replaces another one) is then offered first.
///
/// # Errors
/// When the book is full, or there is nothing to replace.
pub fn put(book: &[Entry], replaces: Option<AddressId>, wanted: bool) -> Result<bool, Error> {
    let Some(id) = replaces else {
        if book.len() >= ADDRESSES_MAX {
            return Err(Error::TooManyAddresses);
        }
        return Ok(wanted || book.is_empty());
    };
    let replaced = book.iter().find(|e| e.id == id).ok_or_else(unknown)?;
    Ok(wanted || replaced.is_default)
}

/// Which address is offered first once one is removed, if that changes: the newest of the others.
#[must_use]
pub fn heir(book: &[Entry], removed: AddressId) -> Option<AddressId> {
    book.iter().find(|e| e.id == removed && e.is_default)?;
    book.iter().map(|e| e.id).filter(|id| *id != removed).max()
}

/// There is no such address in this book.
#[must_use]
pub fn unknown() -> Fault {
    Fault::not_found("this address")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(n: i64) -> AddressId {
        AddressId::from_i64(n).unwrap()
    }

    #[derive(Debug, Clone)]
    enum Step {
        Add(bool),
        Replace(i64, bool),
        Remove(i64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => any::<bool>().prop_map(Step::Add),
            2 => (1_i64..80, any::<bool>()).prop_map(|(n, d)| Step::Replace(n, d)),
            1 => (1_i64..80).prop_map(Step::Remove),
        ]
    }

    /// What the service does with the rules' answers.
    fn apply(book: &mut Vec<Entry>, next: &mut i64, step: &Step) {
        match *step {
            Step::Add(wanted) => {
                if let Ok(is_default) = put(book, None, wanted) {
                    set(book, Entry { id: id(*next), is_default });
                    *next += 1;
                }
            }
            Step::Replace(n, wanted) => {
                if let Ok(is_default) = put(book, Some(id(n)), wanted) {
                    set(book, Entry { id: id(n), is_default });
                }
            }
            Step::Remove(n) => {
                let heir = heir(book, id(n));
                book.retain(|e| e.id != id(n));
                if let Some(heir) = heir {
                    set(book, Entry { id: heir, is_default: true });
                }
            }
        }
    }

    fn set(book: &mut Vec<Entry>, entry: Entry) {
        if entry.is_default {
            book.iter_mut().for_each(|e| e.is_default = false);
        }
        book.retain(|e| e.id != entry.id);
        book.push(entry);
    }

    proptest! {
        #[test]
        fn a_book_that_is_not_empty_offers_exactly_one_first(
            steps in proptest::collection::vec(step(), 0..150),
        ) {
            let (mut book, mut next) = (Vec::new(), 1);
            for step in &steps {
                apply(&mut book, &mut next, step);
                prop_assert!(book.len() <= ADDRESSES_MAX);
                let first = book.iter().filter(|e| e.is_default).count();
                prop_assert_eq!(first, usize::from(!book.is_empty()));
            }
        }
    }

    #[test]
    fn the_first_address_is_offered_first_and_stays_so() {
        assert_eq!(put(&[], None, false), Ok(true));
        let one = [Entry { id: id(1), is_default: true }];
        assert_eq!(put(&one, Some(id(1)), false), Ok(true));
        assert_eq!(put(&one, None, false), Ok(false));
        assert!(put(&one, Some(id(2)), true).is_err());
        assert_eq!(heir(&one, id(1)), None);
    }
}
