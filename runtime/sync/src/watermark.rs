//! A position that only grows, published by one thread and read by any.
//!
//! Sequence numbers processed, made durable, or released: readers learn how far the writer is, and may rely on
//! everything the writer did up to there.
//!
//! # Memory ordering
//!
//! [`publish`](WatermarkWriter::publish) releases and [`get`](WatermarkReader::get) acquires: a reader that sees
//! a position sees everything that was written before that position was published.
//!
//! # Examples
//!
//! ```
//! use corelane_sync::watermark::watermark;
//!
//! let (mut durable, reader) = watermark();
//! durable.publish(17);
//! assert_eq!(std::thread::spawn(move || reader.get()).join().unwrap(), 17);
//! ```

use crate::atomic::{Arc, AtomicU64, order};

/// Creates a watermark at position 0.
#[must_use]
pub fn watermark() -> (WatermarkWriter, WatermarkReader) {
    let cell = Arc::new(Cell {
        position: AtomicU64::new(0),
    });
    let writer = WatermarkWriter {
        published: 0,
        cell: Arc::clone(&cell),
    };
    (writer, WatermarkReader { cell })
}

/// The one writer of a watermark.
#[derive(Debug)]
pub struct WatermarkWriter {
    /// The published position; the writer has no need to read the shared line.
    published: u64,
    cell: Arc<Cell>,
}

impl WatermarkWriter {
    /// Publishes `position`, and with it everything this thread wrote before.
    ///
    /// # Panics
    ///
    /// If `position` is below the published one: readers have already acted on that.
    pub fn publish(&mut self, position: u64) {
        assert!(
            position >= self.published,
            "watermark: position {position} is below the published {}; a watermark never goes back",
            self.published
        );
        self.published = position;
        self.cell
            .position
            .store(position, order!("watermark_publish", Release));
    }

    /// The position published last.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.published
    }
}

/// A reader of a watermark; clone it for each thread.
#[derive(Clone, Debug)]
pub struct WatermarkReader {
    cell: Arc<Cell>,
}

impl WatermarkReader {
    /// The position published last, as far as this thread can see; never less than it saw before.
    ///
    /// Everything the writer wrote before publishing it is visible afterwards.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.cell.position.load(order!("watermark_get", Acquire))
    }
}

/// Alone on its pair of cache lines: neither neighbours nor the `Arc`'s counts may share the readers' line.
#[derive(Debug)]
#[repr(align(128))]
struct Cell {
    position: AtomicU64,
}
