//! Catches panics on the runtime's threads. The panic hook notes where a panic was and formats nothing; on other threads it
//! is the one there was before. What the panic said is read from its payload once it is caught.

use std::{
    any::Any,
    cell::Cell,
    fmt,
    panic::{AssertUnwindSafe, Location, PanicHookInfo, catch_unwind},
    sync::Once,
    time::Instant,
};

/// Bytes kept of a file's path: its end, which tells more than its beginning.
const PATH_BYTES: usize = 58;

/// Bytes kept of a panic's message: its beginning.
const MESSAGE_BYTES: usize = 159;

/// Where a panic was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PanicLocation {
    path: [u8; PATH_BYTES],
    path_length: u8,
    line: u32,
}

impl PanicLocation {
    /// A place that is not known.
    pub const UNKNOWN: PanicLocation = PanicLocation { path: [0; PATH_BYTES], path_length: 0, line: 0 };

    fn of(location: &Location<'_>) -> Self {
        let path = location.file().as_bytes();
        let tail = &path[path.len().saturating_sub(PATH_BYTES)..];
        let mut place =
            PanicLocation { path_length: tail.len() as u8, line: location.line(), ..PanicLocation::UNKNOWN };
        place.path[..tail.len()].copy_from_slice(tail);
        place
    }
}

impl fmt::Display for PanicLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = String::from_utf8_lossy(&self.path[..usize::from(self.path_length)]);
        write!(f, "{path}:{}", self.line)
    }
}

impl fmt::Debug for PanicLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a panic said: the first 159 bytes of it. Empty if its payload was no text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PanicMessage {
    text: [u8; MESSAGE_BYTES],
    length: u8,
}

impl PanicMessage {
    const EMPTY: PanicMessage = PanicMessage { text: [0; MESSAGE_BYTES], length: 0 };

    fn of(payload: &(dyn Any + Send)) -> Self {
        let literal = payload.downcast_ref::<&'static str>().copied();
        let text = literal.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
        let length = text.floor_char_boundary(MESSAGE_BYTES);
        let mut message = PanicMessage { length: length as u8, ..PanicMessage::EMPTY };
        message.text[..length].copy_from_slice(&text.as_bytes()[..length]);
        message
    }

    /// What is said of something that did not panic.
    pub(crate) fn new(text: &'static str) -> Self {
        PanicMessage::of(&text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl fmt::Display for PanicMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for PanicMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
    static LAST_LOCATION: Cell<PanicLocation> = const { Cell::new(PanicLocation::UNKNOWN) };
    static LAST_MESSAGE: Cell<PanicMessage> = const { Cell::new(PanicMessage::EMPTY) };
    static LAST_TIME: Cell<Option<Instant>> = const { Cell::new(None) };
}

static INSTALL: Once = Once::new();

/// Installs the hook, once per process.
#[expect(
    clippy::disallowed_methods,
    reason = "a panic is no part of the hot path, and its time is compared across threads"
)]
pub(crate) fn install_hook() {
    INSTALL.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            if IS_OURS.get() {
                LAST_TIME.set(Some(Instant::now()));
                LAST_LOCATION.set(info.location().map_or(PanicLocation::UNKNOWN, PanicLocation::of));
            } else {
                before(info);
            }
        }));
    });
}

/// Panics on this thread are caught by the runtime from now on, and reported.
pub(crate) fn mark_runtime_thread() {
    IS_OURS.set(true);
}

/// A panic that was caught on this thread; [`take`] says where it was and what it said.
#[derive(Debug)]
pub(crate) struct Caught;

/// Runs `run` and catches its panic. Whoever calls it answers for the state that a panic leaves behind.
#[inline]
pub(crate) fn catch<R>(run: impl FnOnce() -> R) -> Result<R, Caught> {
    catch_unwind(AssertUnwindSafe(run)).map_err(caught)
}

/// Notes what a panic said, and drops its payload.
#[cold]
fn caught(payload: Box<dyn Any + Send>) -> Caught {
    LAST_MESSAGE.set(PanicMessage::of(&*payload));
    let location = LAST_LOCATION.get();
    // The payload's own drop may panic. What that throws is leaked, as it may do the same.
    if let Err(thrown) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(thrown);
    }
    LAST_LOCATION.set(location);
    Caught
}

/// As [`catch`], on a thread that is the runtime's meanwhile only: of one that takes turns of a simulation.
pub(crate) fn catch_as_runtime<R>(run: impl FnOnce() -> R) -> Result<R, Caught> {
    let was_ours = IS_OURS.replace(true);
    let result = catch(run);
    IS_OURS.set(was_ours);
    result
}

/// What a panic of another thread said, of which the place is not known here. Drops its payload.
pub(crate) fn read(payload: Box<dyn Any + Send>) -> (PanicLocation, PanicMessage) {
    let Caught = caught(payload);
    let (_, message) = take();
    (PanicLocation::UNKNOWN, message)
}

/// When the last panic of this thread began; none on other threads than the runtime's.
pub(crate) fn time_of_last() -> Option<Instant> {
    LAST_TIME.get()
}

/// Where the last panic was that was caught on this thread, and what it said.
pub(crate) fn take() -> (PanicLocation, PanicMessage) {
    (LAST_LOCATION.replace(PanicLocation::UNKNOWN), LAST_MESSAGE.replace(PanicMessage::EMPTY))
}
