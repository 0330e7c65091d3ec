//! A bound on how much work of one class is under way at once.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

/// The permits of one class of work, such as requests to servers or queries. Whoever begins such work takes one, and its guard
/// gives it back, also if the work panics. A clone has the same permits; any thread may use it.
///
/// Nobody waits for a permit: who gets none puts the work off or refuses it.
///
/// ```
/// use corelane_runtime::resilience::{NoPermit, Permits};
///
/// let queries = Permits::new(2);
/// let [first, _second] = [queries.try_acquire()?, queries.try_acquire()?];
/// assert_eq!(queries.try_acquire().err(), Some(NoPermit { max: 2 }));
/// drop(first);
/// assert!(queries.try_acquire().is_ok());
/// assert_eq!((queries.in_use(), queries.refused()), (1, 1));
/// # Ok::<(), NoPermit>(())
/// ```
#[derive(Clone, Debug)]
pub struct Permits(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    max: u32,
    /// A count and nothing else: it orders no other memory, so its accesses are relaxed.
    in_use: AtomicU32,
    refused: AtomicU64,
}

/// Work of a class is under way; dropped when it has ended.
#[derive(Debug)]
#[must_use = "a permit that is dropped is given back"]
pub struct WorkPermit(Permits);

/// All permits of a class are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no permit of {max} is left; try again when some of that work has ended, or allow more of it")]
pub struct NoPermit {
    /// How many there are.
    pub max: u32,
}

impl Permits {
    /// A class of which `max` pieces of work may be under way at once.
    #[must_use]
    pub fn new(max: u32) -> Self {
        Permits(Arc::new(Shared { max, in_use: AtomicU32::new(0), refused: AtomicU64::new(0) }))
    }

    /// Takes a permit.
    ///
    /// # Errors
    /// [`NoPermit`] if all are in use, which is counted.
    pub fn try_acquire(&self) -> Result<WorkPermit, NoPermit> {
        let Shared { max, in_use, refused } = &*self.0;
        let one_more = |used: u32| (used < *max).then(|| used + 1);
        if in_use.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_err() {
            refused.fetch_add(1, Ordering::Relaxed);
            return Err(NoPermit { max: *max });
        }
        Ok(WorkPermit(self.clone()))
    }

    /// How many there are.
    #[must_use]
    pub fn max(&self) -> u32 {
        self.0.max
    }

    /// How many are in use.
    #[must_use]
    pub fn in_use(&self) -> u32 {
        self.0.in_use.load(Ordering::Relaxed)
    }

    /// How often none was left.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

impl Drop for WorkPermit {
    fn drop(&mut self) {
        self.0.0.in_use.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use super::*;

    #[test]
    fn below_the_bound_it_gives_at_it_too_and_above_it_refuses_and_counts() {
        let permits = Permits::new(3);
        let mut held: Vec<_> = (0..3).map(|_| permits.try_acquire().unwrap()).collect();
        assert_eq!((permits.max(), permits.in_use(), permits.refused()), (3, 3, 0));
        for refused in 1..=2 {
            assert_eq!(permits.try_acquire().err(), Some(NoPermit { max: 3 }));
            assert_eq!((permits.in_use(), permits.refused()), (3, refused));
        }
        held.pop();
        assert_eq!(permits.in_use(), 2);
        held.push(permits.try_acquire().unwrap());
        assert!(permits.try_acquire().is_err());
        drop(held);
        assert_eq!((permits.in_use(), permits.refused()), (0, 3));
    }

    #[test]
    fn a_class_without_permits_refuses_all() {
        assert_eq!(Permits::new(0).try_acquire().err(), Some(NoPermit { max: 0 }));
    }

    #[test]
    fn work_that_panics_gives_its_permit_back() {
        let permits = Permits::new(1);
        let work = permits.clone();
        let panicked = std::panic::catch_unwind(move || {
            let _permit = work.try_acquire().unwrap();
            panic!("as the test wants");
        });
        assert!(panicked.is_err() && permits.try_acquire().is_ok());
    }

    #[test]
    fn threads_together_never_hold_more_than_there_are() {
        const THREADS: usize = 4;
        let (permits, all_have_tried) = (Permits::new(2), Barrier::new(THREADS));
        let held: u32 = thread::scope(|scope| {
            let tries: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        (0..1000).for_each(|_| drop(permits.try_acquire()));
                        let permit = permits.try_acquire();
                        all_have_tried.wait();
                        assert!(permits.in_use() <= 2);
                        all_have_tried.wait();
                        u32::from(permit.is_ok())
                    })
                })
                .collect();
            tries.into_iter().map(|one| one.join().unwrap()).sum()
        });
        assert_eq!((held, permits.in_use()), (2, 0));
    }
}
