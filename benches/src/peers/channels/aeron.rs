//! Aeron's IPC: log buffers in shared memory, between an exclusive publication and a subscription.
//!
//! A media driver lives in this process, all its agents on one thread that backs off to sleeps of 1 ms, and Aeron's client
//! has a thread that wakes every 16 ms. Neither is on the way of a message: publication and subscription meet in the log
//! buffer. But the driver alone moves the limit up to which may be published, an eighth of the window at a time, so it
//! wakes in a flood, and a sender may wait for it. Both threads are pinned to no CPU: with only two CPUs they take their
//! turns from the two sides that spin, which the tail shows; with more, or with isolated ones, the kernel puts them
//! elsewhere.
//!
//! Unlike the others it has room for more than [`CAPACITY`](crate::hop::CAPACITY) messages: with a window that small the
//! driver would be on the way.

use std::{
    ffi::{CStr, CString},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicI32, AtomicU32, Ordering},
        mpsc::{self, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use bytemuck::{bytes_of, pod_read_unaligned};
use corelane_runtime::message::{Envelope, Header};
use rusteron_client::{Aeron, AeronContext, AeronExclusivePublication, AeronOfferError, AeronSubscription, Handlers};
use rusteron_media_driver::{AeronCError, AeronDriver, AeronDriverContext, bindings::aeron_threading_mode_enum};

use crate::hop::{Ball, link::Link};

type Message = Envelope<Ball>;

/// Three buffers of 16 MiB in `/dev/shm`. The window, half of one, holds 87,381 messages of 96 bytes: more than go
/// through between two wake-ups of the driver.
const CHANNEL: &CStr = c"aeron:ipc?term-length=16m";
const HEADER_BYTES: usize = size_of::<Header>();
const MESSAGE_BYTES: usize = HEADER_BYTES + size_of::<Ball>();
/// Messages taken at once.
const FRAGMENTS_MAX: usize = 64;
/// Time limit for driver, publication and subscription to find each other.
const DEADLINE: Duration = Duration::from_secs(10);
/// Time after which driver and client give each other up; a client then ends the process. They live and die together
/// here, but the whole process may be stopped for a while.
const LIVENESS: Duration = Duration::from_secs(3600);

/// Each link is a stream of its own.
static NEXT_STREAM: AtomicI32 = AtomicI32::new(1);
/// The driver, shared by all links that exist together.
static DRIVER: Mutex<Weak<MediaDriver>> = Mutex::new(Weak::new());

/// See the [module](self).
pub(super) struct AeronIpc;

/// An end; what it holds is let go in this order.
pub(super) struct End<T> {
    port: T,
    _driver: Arc<MediaDriver>,
}

impl Link for AeronIpc {
    type Sender = End<AeronExclusivePublication>;
    type Receiver = End<AeronSubscription>;

    fn new() -> (Self::Sender, Self::Receiver) {
        let driver = MediaDriver::shared();
        let client = connect(&driver.dir).unwrap_or_else(|error| panic!("Aeron's client: {error}"));
        let stream = NEXT_STREAM.fetch_add(1, Ordering::Relaxed);
        let publication = client
            .async_add_exclusive_publication(CHANNEL, stream)
            .and_then(|asked| asked.poll_blocking(DEADLINE))
            .unwrap_or_else(|error| panic!("Aeron's publication: {error}"));
        let subscription = client
            .async_add_subscription(CHANNEL, stream, Handlers::NONE, Handlers::NONE)
            .and_then(|asked| asked.poll_blocking(DEADLINE))
            .unwrap_or_else(|error| panic!("Aeron's subscription: {error}"));
        let begun = Instant::now();
        while !publication.is_connected() {
            assert!(begun.elapsed() < DEADLINE, "Aeron's publication and subscription do not find each other");
            thread::sleep(Duration::from_millis(1));
        }
        (End { port: publication, _driver: driver.clone() }, End { port: subscription, _driver: driver })
    }

    #[inline]
    fn try_send(sender: &mut Self::Sender, message: Message) -> bool {
        let mut bytes = [0; MESSAGE_BYTES];
        bytes[..HEADER_BYTES].copy_from_slice(bytes_of(&message.header));
        bytes[HEADER_BYTES..].copy_from_slice(bytes_of(&message.body));
        loop {
            match sender.port.offer(&bytes) {
                Ok(_) => return true,
                // The next of the three buffers begins: there is room.
                Err(AeronOfferError::AdminAction) => {}
                Err(AeronOfferError::BackPressured) => return false,
                Err(error) => panic!("Aeron's publication: {error}"),
            }
        }
    }

    #[inline]
    fn try_receive(receiver: &mut Self::Receiver, mut each: impl FnMut(Message)) -> u64 {
        let take = |bytes: &[u8], _| {
            let (header, body) = bytes.split_at(HEADER_BYTES);
            each(Envelope { header: pod_read_unaligned(header), body: pod_read_unaligned(body) });
        };
        let taken = receiver.port.poll_fn(take, FRAGMENTS_MAX);
        taken.unwrap_or_else(|error| panic!("Aeron's subscription: {error}")) as u64
    }
}

fn connect(dir: &CStr) -> Result<Aeron, rusteron_client::AeronCError> {
    let context = AeronContext::new()?;
    context.set_dir(dir)?;
    context.set_pre_touch_mapped_memory(true)?;
    context.set_driver_timeout_ms(LIVENESS.as_millis() as u64)?;
    let client = Aeron::new(&context)?;
    client.start()?;
    Ok(client)
}

/// A media driver, until it is dropped.
pub(super) struct MediaDriver {
    dir: CString,
    /// Dropped, it ends the thread that owns the driver: Aeron's handles stay where they were made.
    stop: Option<Sender<()>>,
    owner: Option<JoinHandle<()>>,
}

impl MediaDriver {
    /// The one that runs, or a new one.
    fn shared() -> Arc<MediaDriver> {
        let mut running = DRIVER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(driver) = running.upgrade() {
            return driver;
        }
        let driver = Arc::new(MediaDriver::launch());
        *running = Arc::downgrade(&driver);
        driver
    }

    fn launch() -> MediaDriver {
        static LAUNCHED: AtomicU32 = AtomicU32::new(0);
        let number = LAUNCHED.fetch_add(1, Ordering::Relaxed);
        let dir = CString::new(format!("/dev/shm/corelane-aeron-{}-{number}", std::process::id()))
            .expect("there is no zero in it");
        let (started, ready) = mpsc::channel();
        let (stop, stopped) = mpsc::channel::<()>();
        let folder = dir.clone();
        let own = move || {
            let driver = start(&folder).unwrap_or_else(|error| panic!("Aeron's media driver in {folder:?}: {error}"));
            started.send(()).expect("somebody waits for it");
            // Nothing is ever sent: the other end is dropped.
            let _ = stopped.recv();
            drop(driver);
        };
        let owner = thread::Builder::new().name("aeron-owner".to_owned()).spawn(own).expect("a thread can start");
        ready.recv_timeout(DEADLINE).expect("the driver starts; if it did not, it said above why");
        MediaDriver { dir, stop: Some(stop), owner: Some(owner) }
    }
}

impl Drop for MediaDriver {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(owner) = self.owner.take() {
            // What made it panic has been printed.
            let _ = owner.join();
        }
    }
}

/// Starts a driver whose agents share one thread.
fn start(dir: &CStr) -> Result<AeronDriver, AeronCError> {
    let context = AeronDriverContext::new()?;
    context.set_dir(dir)?;
    context.set_dir_delete_on_start(true)?;
    context.set_dir_delete_on_shutdown(true)?;
    context.set_term_buffer_sparse_file(false)?;
    context.set_threading_mode(aeron_threading_mode_enum::AERON_THREADING_MODE_SHARED)?;
    // Looks again a few times, yields a few times, then sleeps from 1 µs up to 1 ms.
    context.set_shared_idle_strategy(c"backoff")?;
    context.set_client_liveness_timeout_ns(LIVENESS.as_nanos() as u64)?;
    context.set_publication_unblock_timeout_ns(2 * LIVENESS.as_nanos() as u64)?;
    let driver = AeronDriver::new(&context)?;
    driver.start(false)?;
    Ok(driver)
}
