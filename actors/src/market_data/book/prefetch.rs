//! Prefetching: load the memory of the next messages while earlier ones are applied.

use corelane_codecs::itch::Side;

use super::{books::Books, ids::SideId};

/// Resting orders from which prefetching pays. With fewer, the tables are in the caches: at 180,000 orders in 16 books
/// it costs 2 of 25 ns per message; at 2.5 million in 8,000 it saves a quarter of the time (`cargo bench -p
/// corelane-benches --bench itch`).
const LIVE_MIN: usize = 400_000;
/// Messages between two stages of prefetching. A message touches three tables, each found through the one before; the
/// first is prefetched three steps ahead, the last one step.
const STEP: usize = 8;
/// Messages that [`Books::prefetch`] looks at: more than an Ethernet frame holds, and few enough that what they touch
/// fits the first-level cache.
const PREFETCHED_MAX: usize = 64;

/// Bytes of the reference in all messages about an order.
const ORDER_REF: std::ops::Range<usize> = 11..19;
/// Bytes of the feed's locate in all messages.
pub(super) const LOCATE: std::ops::Range<usize> = 1..3;
const SIDE: usize = 19;
const PRICE: std::ops::Range<usize> = 32..36;

impl Books {
    /// Calls `apply` with each message of a packet or a file, and prefetches the memory that the next messages touch.
    /// The messages may be any bytes.
    #[inline]
    pub fn for_each_prefetched<'a>(
        &mut self,
        messages: impl Iterator<Item = &'a [u8]> + Clone,
        mut apply: impl FnMut(&mut Books, &'a [u8]),
    ) {
        let mut prefetcher = self.is_large().then(|| Prefetcher::new(self, messages.clone()));
        // One loop for small and large books, so that `apply` is inlined once. The prefetcher is not inlined: the loop
        // would hold its registers for small books too.
        for message in messages {
            if let Some(prefetcher) = &mut prefetcher {
                prefetcher.step(self);
            }
            apply(self, message);
        }
    }

    /// Prefetches the memory that the first 64 messages of a packet touch. Call it before applying them.
    #[inline]
    pub fn prefetch<'a>(&self, messages: impl Iterator<Item = &'a [u8]> + Clone) {
        if self.is_large() {
            let messages = messages.take(PREFETCHED_MAX);
            messages.clone().for_each(|message| self.prefetch_first(message));
            messages.clone().for_each(|message| self.prefetch_second(message));
            messages.for_each(|message| self.prefetch_third(message));
        }
    }

    #[inline]
    fn is_large(&self) -> bool {
        self.orders.len() >= LIVE_MIN
    }

    /// Prefetches the order's slot; for an add, also the side.
    #[inline]
    fn prefetch_first(&self, message: &[u8]) {
        if let Some(order_ref) = order_ref(message) {
            self.orders.prefetch(order_ref);
            if let Some((side, _)) = self.added_to(message) {
                self.sides.prefetch(side);
            }
        }
    }

    /// Prefetches the order's level and its neighbours in the queue; for an add, the price's place in the ladder.
    #[inline]
    fn prefetch_second(&self, message: &[u8]) {
        if let Some((side, price)) = self.added_to(message) {
            self.sides.prefetch_place(side, price);
        } else if let Some(order_ref) = order_ref(message) {
            let order = &self.orders[self.orders.guess(order_ref)];
            self.levels.prefetch(order.level);
            self.orders.prefetch_slot(order.older);
            self.orders.prefetch_slot(order.newer);
        }
    }

    /// Prefetches the level of an add.
    #[inline]
    fn prefetch_third(&self, message: &[u8]) {
        if let Some((side, price)) = self.added_to(message) {
            self.levels.prefetch(self.sides.peek(side, price));
        }
    }

    /// Side and price of an add order message for a known book.
    #[inline]
    fn added_to(&self, message: &[u8]) -> Option<(SideId, u32)> {
        if !matches!(message.first(), Some(b'A' | b'F')) {
            return None;
        }
        let price = u32::from_be_bytes(message.get(PRICE)?.try_into().ok()?);
        let locate = u16::from_be_bytes(message.get(LOCATE)?.try_into().ok()?);
        let locate = self.locates.ours(locate)?;
        Some((SideId::of(locate, message[SIDE] == Side::Buy.to_wire()), price))
    }
}

/// Three iterators, each a step ahead of the next and the last ahead of the messages that are applied.
struct Prefetcher<I> {
    first: I,
    second: I,
    third: I,
}

impl<'a, I: Iterator<Item = &'a [u8]> + Clone> Prefetcher<I> {
    fn new(books: &Books, messages: I) -> Self {
        let mut prefetcher = Prefetcher { first: messages.clone(), second: messages.clone(), third: messages };
        prefetcher.first.by_ref().take(3 * STEP).for_each(|message| books.prefetch_first(message));
        prefetcher.second.by_ref().take(2 * STEP).for_each(|message| books.prefetch_second(message));
        prefetcher.third.by_ref().take(STEP).for_each(|message| books.prefetch_third(message));
        prefetcher
    }

    #[inline(never)]
    fn step(&mut self, books: &Books) {
        self.first.next().into_iter().for_each(|message| books.prefetch_first(message));
        self.second.next().into_iter().for_each(|message| books.prefetch_second(message));
        self.third.next().into_iter().for_each(|message| books.prefetch_third(message));
    }
}

#[inline]
fn order_ref(message: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(message.get(ORDER_REF)?.try_into().ok()?))
}
