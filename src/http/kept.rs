//! A few finished files kept in memory: those made last, of things that never change.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// The files kept, by what they show; the oldest go first. Never more than `MOST` bytes.
pub struct Kept<K, const MOST: usize> {
    files: Mutex<VecDeque<(K, Bytes)>>,
}

impl<K, const MOST: usize> Default for Kept<K, MOST> {
    fn default() -> Self {
        Kept { files: Mutex::default() }
    }
}

impl<K: PartialEq, const MOST: usize> Kept<K, MOST> {
    /// The file of this key, made by `make` if it is not here. Two requests at once may both make it.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn get<E>(&self, key: K, make: impl FnOnce() -> Result<Vec<u8>, E>) -> Result<Bytes, E> {
        let lock = || self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let found = lock().iter().find(|(known, _)| *known == key).map(|(_, file)| file.clone());
        if let Some(file) = found {
            return Ok(file);
        }
        let file = Bytes::from(make()?);
        let mut files = lock();
        files.retain(|(known, _)| *known != key);
        files.push_back((key, file.clone()));
        while files.iter().map(|(_, file)| file.len()).sum::<usize>() > MOST {
            files.pop_front();
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_not_made_again_and_the_oldest_goes_first() {
        let kept = Kept::<u8, 100>::default();
        let mut made = Vec::new();
        for key in [1, 2, 1, 3, 1, 3, 2] {
            let file = kept.get(key, || {
                made.push(key);
                Ok::<_, ()>(vec![key; 40])
            });
            assert_eq!(file.unwrap(), vec![key; 40]);
        }
        assert_eq!(made, [1, 2, 3, 1, 2], "three of 40 bytes do not fit: 1 went for 3, 2 for 1");
        assert!(kept.get(9, || Ok::<_, ()>(vec![9; 101])).is_ok(), "too large to keep, given all the same");
        assert!(kept.files.lock().unwrap().is_empty());
    }

    #[test]
    fn a_failure_is_not_kept() {
        let kept = Kept::<u8, 100>::default();
        assert_eq!(kept.get(1, || Err("broken")), Err("broken"));
        assert_eq!(kept.get(1, || Ok::<_, ()>(vec![1])).unwrap(), vec![1]);
    }
}
