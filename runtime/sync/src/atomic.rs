//! The atomics of this crate (std's, or loom's in the model-checking build) and named memory orderings.
//!
//! `order!("site", Release)` is `Ordering::Release` and `fence!("site", SeqCst)` is `fence(Ordering::SeqCst)`. Under
//! `--cfg corelane_loom` the environment variable `CORELANE_MUTANT=site=Weaker` replaces the ordering of that one site;
//! `Relaxed` removes a fence. The ordering is chosen at run time, so that one test binary serves every mutant. `cargo
//! xtask mutants` finds the sites by these two macros, and rejects an ordering written without them.

#[cfg(not(corelane_loom))]
mod imp {
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::Arc;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
    pub(crate) use std::thread::yield_now;

    macro_rules! order {
        ($site:literal, $order:ident) => {
            $crate::atomic::Ordering::$order
        };
    }

    macro_rules! fence {
        ($site:literal, $order:ident) => {
            ::std::sync::atomic::fence(::std::sync::atomic::Ordering::$order)
        };
    }

    pub(crate) use {fence, order};
}

#[cfg(corelane_loom)]
mod imp {
    pub(crate) use loom::hint::spin_loop;
    pub(crate) use loom::sync::Arc;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
    pub(crate) use loom::thread::yield_now;
    use std::sync::OnceLock;

    macro_rules! order {
        ($site:literal, $order:ident) => {
            $crate::atomic::selected($site, $crate::atomic::Ordering::$order)
        };
    }

    macro_rules! fence {
        ($site:literal, $order:ident) => {
            $crate::atomic::selected_fence($crate::atomic::order!($site, $order))
        };
    }

    pub(crate) use {fence, order};

    pub(crate) fn selected(site: &str, order: Ordering) -> Ordering {
        static MUTANT: OnceLock<Option<(String, Ordering)>> = OnceLock::new();
        let mutant = MUTANT.get_or_init(|| std::env::var("CORELANE_MUTANT").ok().map(|m| parse(&m)));
        match mutant {
            Some((mutated, weaker)) if mutated == site => *weaker,
            _ => order,
        }
    }

    pub(crate) fn selected_fence(order: Ordering) {
        if order != Ordering::Relaxed {
            loom::sync::atomic::fence(order);
        }
    }

    fn parse(mutant: &str) -> (String, Ordering) {
        let order = match mutant.split_once('=') {
            Some((_, "Relaxed")) => Ordering::Relaxed,
            Some((_, "Acquire")) => Ordering::Acquire,
            Some((_, "Release")) => Ordering::Release,
            Some((_, "AcqRel")) => Ordering::AcqRel,
            _ => {
                panic!("CORELANE_MUTANT={mutant:?}: expected <site>=Relaxed|Acquire|Release|AcqRel")
            }
        };
        let site = mutant.split('=').next().unwrap_or_default();
        (site.to_owned(), order)
    }
}

pub(crate) use imp::*;
