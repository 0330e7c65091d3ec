//! A subscriber of the server's feed: whether it comes whole, and how it ends.

use std::{
    net::UdpSocket,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use corelane_codecs::{
    itch::{Message, TradingState},
    mold::{Content, Packet},
};

/// What a subscriber has seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Tape {
    pub messages: u64,
    /// Messages that did not come, or came twice.
    pub out_of_sequence: u64,
    /// Shares of all executions.
    pub executed: u64,
    /// Instruments that were paused, and that were traded again.
    pub paused: u64,
    pub resumed: u64,
    /// The last packet was the end of the session, with the number after its last message.
    pub has_ended: bool,
    /// Something came behind the end.
    pub goes_on: bool,
}

/// Reads the feed on a thread of its own.
pub(super) struct Subscriber {
    is_over: Arc<AtomicBool>,
    thread: thread::JoinHandle<Tape>,
}

impl Subscriber {
    pub(super) fn start(socket: UdpSocket) -> Subscriber {
        let is_over = Arc::<AtomicBool>::default();
        let over = is_over.clone();
        let thread = thread::spawn(move || {
            let (mut tape, mut bytes) = (Tape::default(), [0; 2048]);
            loop {
                match socket.recv(&mut bytes) {
                    Ok(length) => tape.take(&bytes[..length]),
                    Err(_) if over.load(Ordering::Acquire) => return tape,
                    Err(_) => {}
                }
            }
        });
        Subscriber { is_over, thread }
    }

    /// Takes what is still in the socket, and says what has come.
    pub(super) fn finish(self) -> Tape {
        self.is_over.store(true, Ordering::Release);
        self.thread.join().unwrap_or_default()
    }
}

impl Tape {
    fn take(&mut self, bytes: &[u8]) {
        let Ok(packet) = Packet::decode(bytes) else {
            self.out_of_sequence += 1;
            return;
        };
        let next = self.messages + 1;
        if packet.sequence != next {
            self.out_of_sequence += packet.sequence.abs_diff(next);
        }
        if packet.content == Content::EndOfSession {
            self.has_ended = packet.sequence == next;
            return;
        }
        self.goes_on |= self.has_ended;
        for message in packet.messages() {
            let Ok((sequence, message)) = message else { continue };
            self.messages = sequence;
            if let Ok(Message::StockTradingAction(action)) = Message::decode(message) {
                let is_trading = action.trading_state() == Some(TradingState::Trading);
                self.resumed += u64::from(is_trading);
                self.paused += u64::from(!is_trading);
            }
            self.executed += match Message::decode(message) {
                Ok(Message::OrderExecuted(executed)) => u64::from(executed.executed_shares.get()),
                Ok(Message::OrderExecutedWithPrice(executed)) => u64::from(executed.executed_shares.get()),
                _ => 0,
            };
        }
    }
}
