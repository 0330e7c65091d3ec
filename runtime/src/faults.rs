//! Fault points: places in the code where a test makes something fail. Behind the feature `faults`, which no plain build of the
//! server has.
//!
//! [`fault!`](crate::fault) names a place. Without the feature it expands to nothing. With the feature, nothing happens either until
//! somebody arms the place: for all threads by `arm`, or for the calling thread by `arm_here`, as a simulation does. Then the next
//! pass fails, once.
//!
//! ```
//! # #[cfg(feature = "faults")] {
//! use corelane_runtime::{fault, faults::{self, Kind}};
//!
//! fn step() {
//!     fault!("doc.step");
//! }
//!
//! step();
//! faults::arm("doc.step", Kind::Panic);
//! assert!(std::panic::catch_unwind(step).is_err());
//! step();
//! # }
//! ```

/// A place where a test can make something fail; see the [module](crate::faults).
#[cfg(not(feature = "faults"))]
#[macro_export]
macro_rules! fault {
    ($site:literal) => {};
}

/// A place where a test can make something fail; see the [module](crate::faults).
#[cfg(feature = "faults")]
#[macro_export]
macro_rules! fault {
    ($site:literal) => {
        $crate::faults::pass($site)
    };
}

#[cfg(feature = "faults")]
pub use self::armed::{Kind, arm, arm_here, armed_here, disarm, disarm_here, pass};

#[cfg(feature = "faults")]
mod armed {
    use std::{
        cell::Cell,
        hint,
        panic::panic_any,
        sync::{
            Mutex, PoisonError,
            atomic::{AtomicUsize, Ordering},
        },
        thread,
        time::Duration,
    };

    /// What happens at a place that is armed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Kind {
        /// A panic.
        Panic,
        /// A panic whose payload panics in turn when it is dropped.
        PanicInDrop,
        /// An endless loop.
        Loop,
        /// The thread stands still for so long, and goes on.
        Stall(Duration),
    }

    /// Places armed for all threads.
    static ARMED: Mutex<Vec<(String, Kind)>> = Mutex::new(Vec::new());
    /// How many there are, so that a pass takes no lock while there is none.
    static ARMED_COUNT: AtomicUsize = AtomicUsize::new(0);

    thread_local! {
        static ARMED_HERE: Cell<Option<(&'static str, Kind)>> = const { Cell::new(None) };
    }

    /// Lets the next pass of a place fail, on whatever thread.
    pub fn arm(site: &str, kind: Kind) {
        let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
        armed.push((site.to_owned(), kind));
        ARMED_COUNT.store(armed.len(), Ordering::Release);
    }

    /// Takes back [`arm`]; returns whether a pass of the place was still to fail.
    pub fn disarm(site: &str) -> bool {
        let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
        let before = armed.len();
        armed.retain(|(one, _)| one != site);
        ARMED_COUNT.store(armed.len(), Ordering::Release);
        armed.len() < before
    }

    /// Lets the next pass of a place fail on this thread, in place of the one that was armed before.
    pub fn arm_here(site: &'static str, kind: Kind) {
        ARMED_HERE.set(Some((site, kind)));
    }

    /// Takes back [`arm_here`].
    pub fn disarm_here() {
        ARMED_HERE.set(None);
    }

    /// The place whose next pass on this thread fails.
    #[must_use]
    pub fn armed_here() -> Option<&'static str> {
        ARMED_HERE.get().map(|(site, _)| site)
    }

    /// Passes a place: what [`fault!`](crate::fault) expands to.
    #[inline]
    pub fn pass(site: &'static str) {
        if ARMED_COUNT.load(Ordering::Acquire) > 0 || ARMED_HERE.get().is_some() {
            fail_if_armed(site);
        }
    }

    #[cold]
    #[expect(clippy::disallowed_methods, reason = "a stall takes wall time")]
    fn fail_if_armed(site: &'static str) {
        let here = ARMED_HERE.get().filter(|(armed, _)| *armed == site);
        let kind = match here {
            Some((_, kind)) => {
                ARMED_HERE.set(None);
                Some(kind)
            }
            None => take(site),
        };
        match kind {
            None => {}
            Some(Kind::Panic) => panic!("fault point {site}"),
            Some(Kind::PanicInDrop) => panic_any(PanicsInDrop(site)),
            Some(Kind::Loop) => loop {
                hint::spin_loop();
            },
            Some(Kind::Stall(time)) => thread::sleep(time),
        }
    }

    /// What was armed for all threads, which it is no more.
    fn take(site: &str) -> Option<Kind> {
        let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
        let at = armed.iter().position(|(one, _)| one == site)?;
        let (_, kind) = armed.swap_remove(at);
        ARMED_COUNT.store(armed.len(), Ordering::Release);
        Some(kind)
    }

    struct PanicsInDrop(&'static str);

    impl Drop for PanicsInDrop {
        fn drop(&mut self) {
            panic!("fault point {}: its payload is dropped", self.0);
        }
    }

    #[cfg(test)]
    mod tests {
        use std::{mem, panic::catch_unwind};

        use super::*;

        fn passes(site: &'static str) -> bool {
            catch_unwind(|| pass(site)).map_err(mem::forget).is_ok()
        }

        #[test]
        fn an_armed_place_fails_once_on_any_thread() {
            assert!(passes("test.once"));
            arm("test.once", Kind::Panic);
            assert!(passes("test.other"));
            assert!(!thread::spawn(|| passes("test.once")).join().unwrap());
            assert!(passes("test.once"));
            arm("test.once", Kind::Panic);
            assert!(disarm("test.once"));
            assert!(!disarm("test.once"));
            assert!(passes("test.once"));
        }

        #[test]
        fn a_place_armed_for_a_thread_fails_on_that_thread_alone() {
            arm_here("test.here", Kind::Panic);
            assert!(thread::spawn(|| passes("test.here")).join().unwrap());
            assert_eq!(armed_here(), Some("test.here"));
            assert!(!passes("test.here"));
            assert_eq!(armed_here(), None);
            assert!(passes("test.here"));
        }

        #[test]
        fn a_payload_can_panic_when_it_is_dropped() {
            arm_here("test.drop", Kind::PanicInDrop);
            let payload = catch_unwind(|| pass("test.drop")).unwrap_err();
            let thrown = catch_unwind(std::panic::AssertUnwindSafe(|| drop(payload))).unwrap_err();
            let said = thrown.downcast_ref::<String>().map(String::as_str);
            assert_eq!(said, Some("fault point test.drop: its payload is dropped"));
        }
    }
}
