//! Looking ahead: memory that messages will touch is asked for while those before them are applied.

use corelane_codecs::itch::Side;

use super::{books::Books, ids::SideId};

/// Live orders from which on looking ahead pays. With fewer, the tables are in the caches and asking costs more than
/// it brings: 2 ns of 25 per message at 180,000 orders in 16 books, against a quarter of the time won at 2.5 million in
/// 8,000 (`cargo bench -p corelane-benches --bench itch`).
const LIVE_MIN: usize = 400_000;
/// How many messages ahead the first thing is asked for that a message touches, and how many less for each that is
/// found only through the one before.
const STEP: usize = 8;
/// Messages that [`Books::prefetch`] asks for: more than an Ethernet frame holds, and no more than what they touch has room
/// for in the first cache.
const PREFETCHED_MAX: usize = 64;

/// Place of the reference in all messages about an order.
const ORDER_REF: std::ops::Range<usize> = 11..19;
const LOCATE: std::ops::Range<usize> = 1..3;
const SIDE: usize = 19;
const PRICE: std::ops::Range<usize> = 32..36;

impl Books {
    /// Calls `apply` with each of `messages`, which may be any bytes, after having asked for the memory that they and
    /// the next ones touch. Meant for the messages of a packet or of a file.
    #[inline]
    pub fn for_each_prefetched<'a>(
        &mut self,
        messages: impl Iterator<Item = &'a [u8]> + Clone,
        mut apply: impl FnMut(&mut Books, &'a [u8]),
    ) {
        let mut prefetcher = self.is_large().then(|| Prefetcher::new(self, messages.clone()));
        // One loop for both cases, so that `apply` is compiled into it, and what is asked for is not: small sets would
        // carry its registers.
        for message in messages {
            if let Some(prefetcher) = &mut prefetcher {
                prefetcher.step(self);
            }
            apply(self, message);
        }
    }

    /// Asks for the memory that the messages of a packet will touch, the first 64 of them, before any is
    /// applied.
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

    /// The order's slot, and the side that an order is added to.
    #[inline]
    fn prefetch_first(&self, message: &[u8]) {
        if let Some(order_ref) = order_ref(message) {
            self.orders.prefetch(order_ref);
            if let Some((side, _)) = self.added_to(message) {
                self.sides.prefetch(side);
            }
        }
    }

    /// The price's place in the ladder; the order's level and its neighbours in the queue.
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

    /// The level of the price.
    #[inline]
    fn prefetch_third(&self, message: &[u8]) {
        if let Some((side, price)) = self.added_to(message) {
            self.levels.prefetch(self.sides.peek(side, price));
        }
    }

    /// Side and price of an add order message for a book that is known.
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

/// Asks ahead of the messages that are applied.
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
