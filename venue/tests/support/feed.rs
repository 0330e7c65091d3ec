//! MoldUDP64 packets of ITCH messages, written from the protocol page.

use std::net::{SocketAddr, UdpSocket};

use super::{SYMBOLS, price_of};

/// A packet of `messages`, the first of which has the number `sequence`.
pub(crate) fn mold(session: &str, sequence: u64, messages: &[Vec<u8>]) -> Vec<u8> {
    let mut packet = format!("{session:<10}").into_bytes();
    packet.extend(sequence.to_be_bytes());
    packet.extend((messages.len() as u16).to_be_bytes());
    for message in messages {
        packet.extend((message.len() as u16).to_be_bytes());
        packet.extend(message);
    }
    packet
}

fn itch(kind: u8, locate: u16, body: &[&[u8]]) -> Vec<u8> {
    let prefix = [&[kind][..], &locate.to_be_bytes(), &[0; 8]].concat();
    [prefix, body.concat()].concat()
}

/// A stock directory message: `symbol` has `locate` from here on.
pub(crate) fn directory(locate: u16, symbol: &str) -> Vec<u8> {
    let symbol = format!("{symbol:<8}");
    itch(b'R', locate, &[symbol.as_bytes(), b"Q", b"N", &100_u32.to_be_bytes(), b"NCZ PNN1N", &[0; 4], b"N"])
}

/// An order of 100 shares is added.
pub(crate) fn add(locate: u16, reference: u64, side: u8, symbol: &str, price: u64) -> Vec<u8> {
    let (symbol, price) = (format!("{symbol:<8}"), u32::try_from(price).unwrap());
    itch(
        b'A',
        locate,
        &[&reference.to_be_bytes(), &[side], &100_u32.to_be_bytes(), symbol.as_bytes(), &price.to_be_bytes()],
    )
}

/// An order is gone.
pub(crate) fn delete(locate: u16, reference: u64) -> Vec<u8> {
    itch(b'D', locate, &[&reference.to_be_bytes()])
}

/// A market whose best prices move around the reference prices.
pub(crate) struct Market {
    socket: UdpSocket,
    sequence: u64,
    reference: u64,
    /// All messages from the first on.
    pub messages: Vec<Vec<u8>>,
}

impl Market {
    pub(crate) fn new(to: SocketAddr) -> Market {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(to).unwrap();
        let mut market = Market { socket, sequence: 1, reference: 1, messages: Vec::new() };
        let directories: Vec<_> = SYMBOLS.iter().zip(1..).map(|(symbol, locate)| directory(locate, symbol)).collect();
        let packet = market.packet(&directories);
        market.socket.send(&packet).unwrap();
        market
    }

    /// Every symbol gets a new best bid and offer.
    pub(crate) fn moves(&mut self) {
        let packet = self.next_moves();
        self.socket.send(&packet).unwrap();
    }

    /// An order of the first symbol is gone that never came.
    pub(crate) fn contradicts(&mut self) {
        let packet = self.packet(&[delete(1, u64::MAX)]);
        self.socket.send(&packet).unwrap();
    }

    /// The same as a packet that is not sent.
    pub(crate) fn next_moves(&mut self) -> Vec<u8> {
        let mut messages = Vec::new();
        let before = 2 * SYMBOLS.len() as u64;
        for (symbol, locate) in SYMBOLS.iter().zip(1..) {
            let reference = self.reference;
            self.reference += 2;
            let price = price_of(symbol) + 100 * (reference % 7);
            messages.push(add(locate, reference, b'B', symbol, price - 100));
            messages.push(add(locate, reference + 1, b'S', symbol, price + 100));
            if reference > before {
                messages.extend([delete(locate, reference - before), delete(locate, reference + 1 - before)]);
            }
        }
        self.packet(&messages)
    }

    fn packet(&mut self, messages: &[Vec<u8>]) -> Vec<u8> {
        let packet = mold("MARKET", self.sequence, messages);
        self.sequence += messages.len() as u64;
        self.messages.extend_from_slice(messages);
        packet
    }
}
