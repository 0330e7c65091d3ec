//! Calls of the allocator, by thread, stage and call site.
//!
//! A program whose global allocator calls [`count`] counts every call of Rust code; what C code takes by `malloc` is not
//! seen. Numbers are exact: each thread adds to its own.

use std::{
    cell::Cell,
    cmp::Reverse,
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use serde::{Deserialize, Serialize};

use super::{image::Image, stages::Stage};

/// Threads that are told apart; those after them share the last place.
pub const THREADS_MAX: usize = 256;
/// Frames of a call site that are kept.
const FRAMES_MAX: usize = 24;

/// What is asked of an allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// New memory of this size.
    Allocate,
    /// More or less memory for something, of this size then.
    Grow,
    /// Memory given back.
    Release,
}

/// How often, and how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// New memory.
    pub allocations: u64,
    /// Memory that changed its size.
    pub growths: u64,
    /// Memory given back.
    pub releases: u64,
    /// Bytes asked for by the first two.
    pub bytes: u64,
}

impl Calls {
    /// All calls of the allocator.
    pub fn all(&self) -> u64 {
        self.allocations + self.growths + self.releases
    }
}

/// What one thread did in one stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The thread.
    pub tid: i32,
    /// The stage.
    pub stage: Stage,
    /// The calls.
    pub calls: Calls,
}

/// Allocations and growths from one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The thread.
    pub tid: i32,
    /// The stage.
    pub stage: Stage,
    /// Addresses in the program's file, innermost first. What is not of the program is left out.
    pub addresses: Vec<u64>,
    /// How often.
    pub calls: u64,
    /// Bytes asked for.
    pub bytes: u64,
}

/// Zero: nothing is counted. Otherwise one above the stage's place in [`Stage::ALL`].
static STAGE: AtomicUsize = AtomicUsize::new(0);
static SEATS: [Seat; THREADS_MAX] = [const { Seat::new() }; THREADS_MAX];
static SEATS_TAKEN: AtomicUsize = AtomicUsize::new(0);
static SITES: Mutex<Option<HashMap<SiteKey, SiteCount>>> = Mutex::new(None);

thread_local! {
    /// Without destructors, so that they may be asked at any time.
    static SEAT: Cell<Option<usize>> = const { Cell::new(None) };
    static IS_COUNTING: Cell<bool> = const { Cell::new(false) };
}

struct Seat {
    tid: AtomicI32,
    stages: [[AtomicU64; 4]; Stage::ALL.len()],
}

impl Seat {
    const fn new() -> Seat {
        Seat { tid: AtomicI32::new(0), stages: [const { [const { AtomicU64::new(0) }; 4] }; Stage::ALL.len()] }
    }
}

/// Seat, place of the stage, return addresses.
type SiteKey = (usize, usize, Vec<usize>);

#[derive(Default)]
struct SiteCount {
    calls: u64,
    bytes: u64,
}

/// Called by the global allocator at each of its calls.
#[inline]
pub fn count(call: Call, bytes: usize) {
    let stage = STAGE.load(Relaxed);
    if stage != 0 {
        count_in(stage - 1, call, bytes);
    }
}

#[cold]
fn count_in(stage: usize, call: Call, bytes: usize) {
    if IS_COUNTING.replace(true) {
        // What the counting itself needs.
        return;
    }
    let seat = SEAT.get().unwrap_or_else(take_seat);
    let counts = &SEATS[seat].stages[stage];
    counts[call as usize].fetch_add(1, Relaxed);
    if call != Call::Release {
        counts[3].fetch_add(bytes as u64, Relaxed);
        count_site(seat, stage, bytes);
    }
    IS_COUNTING.set(false);
}

fn take_seat() -> usize {
    let seat = SEATS_TAKEN.fetch_add(1, Relaxed).min(THREADS_MAX - 1);
    SEATS[seat].tid.store(rustix::thread::gettid().as_raw_nonzero().get(), Relaxed);
    SEAT.set(Some(seat));
    seat
}

fn count_site(seat: usize, stage: usize, bytes: usize) {
    let mut frames = Vec::with_capacity(FRAMES_MAX);
    backtrace::trace(|frame| {
        frames.push(frame.ip() as usize);
        frames.len() < FRAMES_MAX
    });
    let mut sites = SITES.lock().unwrap_or_else(PoisonError::into_inner);
    let count = sites.get_or_insert_default().entry((seat, stage, frames)).or_default();
    count.calls += 1;
    count.bytes += bytes as u64;
}

/// From now on calls count in this stage.
pub(super) fn count_as(stage: Stage) {
    STAGE.store(1 + stage as usize, Relaxed);
}

/// Counts no more.
pub(super) fn stop_counting() {
    STAGE.store(0, Relaxed);
}

/// What every thread did in every stage since the program's start; nothing where it did nothing.
pub fn counted() -> Vec<Counted> {
    let seats = SEATS.iter().take(SEATS_TAKEN.load(Relaxed));
    seats
        .flat_map(|seat| Stage::ALL.iter().zip(&seat.stages).map(move |(stage, counts)| (seat, stage, counts)))
        .map(|(seat, &stage, counts)| {
            let [allocations, growths, releases, bytes] = counts.each_ref().map(|count| count.load(Relaxed));
            Counted { tid: seat.tid.load(Relaxed), stage, calls: Calls { allocations, growths, releases, bytes } }
        })
        .filter(|counted| counted.calls.all() > 0)
        .collect()
}

/// The places that asked for memory, those that did so under load first, then those that asked most often.
pub fn sites(image: &Image) -> Vec<Site> {
    let sites = SITES.lock().unwrap_or_else(PoisonError::into_inner);
    let mut sites: Vec<Site> = sites
        .iter()
        .flatten()
        .map(|((seat, stage, frames), count)| Site {
            tid: SEATS[*seat].tid.load(Relaxed),
            stage: Stage::ALL[*stage],
            // The call is before the address that it returns to.
            addresses: frames.iter().filter_map(|frame| image.address((*frame as u64).checked_sub(1)?)).collect(),
            calls: count.calls,
            bytes: count.bytes,
        })
        .collect();
    sites.sort_by(|one, other| {
        let order = |site: &Site| (site.stage != Stage::Load, Reverse(site.calls));
        order(one).cmp(&order(other)).then_with(|| one.addresses.cmp(&other.addresses))
    });
    sites
}
