//! Counters of one actor, readable from other threads while it runs.

use std::{
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Names the counters of an actor: an enum made by [`counter_names!`](crate::counter_names).
pub trait CounterName: Copy + 'static {
    /// Every counter, in the order of their indices.
    const ALL: &'static [Self];

    /// Its index in [`CounterName::ALL`].
    fn index(self) -> usize;

    /// Its name in reports: the variant's.
    fn name(self) -> &'static str;
}

/// Declares an enum of counter names.
#[macro_export]
macro_rules! counter_names {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_meta])* $variant,)+ }

        impl $crate::counters::CounterName for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            #[inline]
            fn index(self) -> usize {
                self as usize
            }

            fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }
        }
    };
}

/// The counters named by `K`, written by one actor. Cloning gives another reader of the same counters.
#[derive(Debug)]
pub struct Counters<K> {
    values: Arc<[AtomicU64]>,
    names: PhantomData<K>,
}

impl<K> Clone for Counters<K> {
    fn clone(&self) -> Self {
        Counters { values: self.values.clone(), names: PhantomData }
    }
}

impl<K: CounterName> Default for Counters<K> {
    fn default() -> Self {
        Counters { values: K::ALL.iter().map(|_| AtomicU64::new(0)).collect(), names: PhantomData }
    }
}

impl<K: CounterName> Counters<K> {
    /// The count so far.
    pub fn get(&self, name: K) -> u64 {
        self.values[name.index()].load(Ordering::Relaxed)
    }

    /// Every counter with its value.
    pub fn iter(&self) -> impl Iterator<Item = (K, u64)> + '_ {
        K::ALL.iter().map(|&name| (name, self.get(name)))
    }

    /// Counts `count` more. Only the owning actor does, so that a load and a store suffice.
    #[inline]
    pub(crate) fn add(&self, name: K, count: u64) {
        let value = &self.values[name.index()];
        value.store(value.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }
}
