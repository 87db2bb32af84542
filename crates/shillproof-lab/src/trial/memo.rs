//! Work that several cells share, done once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::Key;

type Slot<T> = Arc<Mutex<Option<Arc<T>>>>;

/// Values by key. Whoever asks first makes the value, the others wait for it.
pub(super) struct Memo<T>(Mutex<HashMap<Key, Slot<T>>>);

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Memo<T> {
    /// The value of `key`; `good` says whether the one that is there will do, `make` makes one.
    pub(super) fn get<E>(
        &self,
        key: &Key,
        good: impl FnOnce(&T) -> bool,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let slot = lock(&self.0).entry(key.clone()).or_default().clone();
        let mut held = lock(&slot);
        match &*held {
            Some(value) if good(value) => Ok(value.clone()),
            _ => {
                let value = Arc::new(make()?);
                *held = Some(value.clone());
                Ok(value)
            }
        }
    }

    /// Forgets the value of `key`.
    pub(super) fn forget(&self, key: &Key) {
        lock(&self.0).remove(key);
    }
}

/// A panic while the value was made leaves no half of it behind, so the lock may be taken again.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn makes_once_unless_it_will_not_do_or_failed() {
        let (memo, key, made) = (Memo::<Vec<u8>>::default(), Key::of(&"x"), Cell::new(0));
        let make = |size: usize| {
            made.set(made.get() + 1);
            Ok::<_, String>(vec![0; size])
        };
        assert!(memo.get(&key, |_| true, || Err("first".to_owned())).is_err());
        memo.get(&key, |v| v.len() >= 2, || make(2)).unwrap();
        memo.get(&key, |v| !v.is_empty(), || make(1)).unwrap();
        assert_eq!(made.get(), 1);
        assert_eq!(memo.get(&key, |v| v.len() >= 3, || make(3)).unwrap().len(), 3);
        memo.forget(&key);
        memo.get(&key, |_| true, || make(1)).unwrap();
        assert_eq!(made.get(), 3);
    }
}
