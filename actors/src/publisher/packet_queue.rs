//! Queue of finished packets that wait for the network: a ring of buffers of one size.

/// Packets in order, oldest first.
#[derive(Debug)]
pub(super) struct PacketQueue {
    /// The buffers, `payload_max` bytes each.
    bytes: Box<[u8]>,
    /// By buffer.
    packets: Box<[Waiting]>,
    payload_max: usize,
    first: usize,
    count: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    length: usize,
    messages: u16,
}

impl PacketQueue {
    /// An empty queue of at most `packets_max` packets of at most `payload_max` bytes.
    pub(super) fn new(packets_max: usize, payload_max: usize) -> Self {
        PacketQueue {
            bytes: vec![0; payload_max * packets_max].into(),
            packets: vec![Waiting::default(); packets_max].into(),
            payload_max,
            first: 0,
            count: 0,
        }
    }

    /// Whether no packet waits.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether there is no buffer for another packet.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.count == self.packets.len()
    }

    /// Adds a packet. `write` writes it to a buffer and returns its length and its number of messages.
    ///
    /// # Panics
    /// If the queue is full.
    #[inline]
    pub(super) fn push(&mut self, write: impl FnOnce(&mut [u8]) -> (usize, u16)) {
        assert!(!self.is_full(), "the packet queue is full");
        let index = (self.first + self.count) % self.packets.len();
        let (length, messages) = write(&mut self.bytes[index * self.payload_max..][..self.payload_max]);
        self.packets[index] = Waiting { length, messages };
        self.count += 1;
    }

    /// The oldest packet.
    #[inline]
    pub(super) fn front(&self) -> Option<&[u8]> {
        let length = self.packets[self.first].length;
        (self.count > 0).then(|| &self.bytes[self.first * self.payload_max..][..length])
    }

    /// Removes the oldest packet, if there is one.
    #[inline]
    pub(super) fn pop_front(&mut self) {
        if self.count > 0 {
            self.first = (self.first + 1) % self.packets.len();
            self.count -= 1;
        }
    }

    /// Messages in all packets.
    pub(super) fn messages(&self) -> u64 {
        let indices = (0..self.count).map(|index| (self.first + index) % self.packets.len());
        indices.map(|index| u64::from(self.packets[index].messages)).sum()
    }
}
