//! Counters with one writer, readable from other threads while it runs.

use std::{
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::Metric;

/// The counters named by `K`. One thread writes them; every clone reads the same counters.
#[derive(Debug)]
pub struct Counters<K> {
    values: Arc<[AtomicU64]>,
    names: PhantomData<fn() -> K>,
}

impl<K> Clone for Counters<K> {
    fn clone(&self) -> Self {
        Counters { values: self.values.clone(), names: PhantomData }
    }
}

impl<K: Metric> Default for Counters<K> {
    fn default() -> Self {
        Counters { values: K::ALL.iter().map(|_| AtomicU64::new(0)).collect(), names: PhantomData }
    }
}

impl<K: Metric> Counters<K> {
    /// The count so far.
    pub fn get(&self, name: K) -> u64 {
        self.values[name.index()].load(Ordering::Relaxed)
    }

    /// Every counter with its value.
    pub fn iter(&self) -> impl Iterator<Item = (K, u64)> + '_ {
        K::ALL.iter().map(|&name| (name, self.get(name)))
    }

    /// Counts `count` more. Only one thread may write: two that do lose counts, because a load and a store suffice for
    /// one.
    #[inline]
    pub fn add(&self, name: K, count: u64) {
        let value = &self.values[name.index()];
        value.store(value.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    /// Sets a counter to a total that is kept elsewhere. For the one writing thread, as [`Counters::add`].
    #[inline]
    pub fn set(&self, name: K, total: u64) {
        self.values[name.index()].store(total, Ordering::Relaxed);
    }
}
