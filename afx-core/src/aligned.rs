//! A buffer that starts at a cache line.

use crate::Scalar;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

/// Numbers in a row whose first one lies at a multiple of 64 bytes; a slice otherwise.
///
/// ```
/// let buffer = afx_core::Aligned::<f32>::zeros(100);
/// assert_eq!(buffer.as_ptr() as usize % 64, 0);
/// assert_eq!(buffer.len(), 100);
/// ```
#[derive(Debug)]
pub struct Aligned<T> {
    store: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Scalar> Aligned<T> {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let slack = 64 / size_of::<T>().clamp(1, 64);
        let store = vec![T::ZERO; len + slack];
        let start = store.as_ptr().align_offset(64);
        Aligned { store, start: if start <= slack { start } else { 0 }, len }
    }
}

impl<T: Scalar> From<&[T]> for Aligned<T> {
    fn from(values: &[T]) -> Self {
        let mut copy = Self::zeros(values.len());
        copy.copy_from_slice(values);
        copy
    }
}

impl<T: Scalar> Clone for Aligned<T> {
    fn clone(&self) -> Self {
        Self::from(&**self)
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.store[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.store[self.start..self.start + self.len]
    }
}
