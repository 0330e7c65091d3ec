//! A SoupBinTCP and OUCH client on a blocking socket, written from the protocol page.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
};

use super::PATIENCE;

/// A SoupBinTCP packet.
pub(crate) fn packet(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(1 + payload.len()).unwrap();
    [&length.to_be_bytes(), &[kind][..], payload].concat()
}

/// A log-in request of user `DEMO0{user}`.
pub(crate) fn login_request(user: usize, password: &str, session: &str, sequence: &str) -> Vec<u8> {
    packet(b'L', format!("DEMO0{user}{password:<10}{session:<10}{sequence:>20}").as_bytes())
}

/// An OUCH enter order in its packet.
pub(crate) fn enter(user_ref: u32, side: u8, quantity: u32, symbol: &str, price: u64, time_in_force: u8) -> Vec<u8> {
    let mut order = vec![b'O'];
    order.extend(user_ref.to_be_bytes());
    order.push(side);
    order.extend(quantity.to_be_bytes());
    order.extend(format!("{symbol:<8}").bytes());
    order.extend(price.to_be_bytes());
    order.extend([time_in_force, b'Y', b'A', b'N', b'N']);
    order.extend(format!("ID{user_ref:<12}").bytes());
    order.extend([0, 0]);
    packet(b'U', &order)
}

/// An OUCH replace in its packet.
pub(crate) fn replace(original: u32, user_ref: u32, quantity: u32, price: u64) -> Vec<u8> {
    let mut order = vec![b'U'];
    order.extend(original.to_be_bytes());
    order.extend(user_ref.to_be_bytes());
    order.extend(quantity.to_be_bytes());
    order.extend(price.to_be_bytes());
    order.extend(*b"0YN");
    order.extend(format!("ID{user_ref:<12}").bytes());
    order.extend([0, 0]);
    packet(b'U', &order)
}

/// An OUCH cancel of everything in its packet.
pub(crate) fn cancel(user_ref: u32) -> Vec<u8> {
    packet(b'U', &[&[b'X'][..], &user_ref.to_be_bytes(), &[0; 4]].concat())
}

/// A packet from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub kind: u8,
    pub payload: Vec<u8>,
}

/// An OUCH answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Wire type.
    pub kind: u8,
    pub user_ref: u32,
    /// Shares, of the kinds that have them; else 0.
    pub quantity: u32,
    /// Match number of an execution; else 0.
    pub match_number: u64,
    pub bytes: Vec<u8>,
}

impl Answer {
    fn decode(bytes: Vec<u8>) -> Answer {
        let u32_at = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        let u64_at = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap());
        let (user_ref, quantity, match_number) = match (bytes[0], bytes.len()) {
            (b'A', 64) => (u32_at(9), u32_at(14), 0),
            (b'U', 68) => (u32_at(13), u32_at(18), 0),
            (b'C', 18) => (u32_at(9), u32_at(13), 0),
            (b'E', 36) => (u32_at(9), u32_at(13), u64_at(26)),
            (b'M', 18) => (u32_at(9), u32_at(14), 0),
            // The number of an answer to an account query is the next one.
            (b'J', 29) | (b'X', 27) | (b'G' | b'K', 19) | (b'Q', 13) => (u32_at(9), 0, 0),
            // A system event.
            (b'S', 10) => (0, 0, 0),
            _ => panic!("no answer to an order: {bytes:?}"),
        };
        Answer { kind: bytes[0], user_ref, quantity, match_number, bytes }
    }
}

/// One connection.
pub(crate) struct Client {
    pub stream: TcpStream,
    received: Vec<u8>,
    /// Bytes of `received` that were read already.
    at: usize,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("the venue accepts connections");
        Client::on(stream)
    }

    pub(crate) fn on(stream: TcpStream) -> Client {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { stream, received: Vec::new(), at: 0 }
    }

    /// A connection on which `DEMO0{user}` is logged in from message `sequence` on.
    #[track_caller]
    pub(crate) fn log_in(address: SocketAddr, user: usize, sequence: u64) -> Client {
        let mut client = Client::connect(address);
        client.send(&login_request(user, "corelane", "", &sequence.to_string()));
        let accepted = client.packet().expect("an answer to the log-in");
        assert_eq!((accepted.kind, accepted.payload.len()), (b'A', 30), "{accepted:?}");
        client
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the venue takes what it is sent");
    }

    /// The next packet that is no heartbeat; `None` when the connection has ended, by end of stream or by reset.
    #[track_caller]
    pub(crate) fn packet(&mut self) -> Option<Packet> {
        loop {
            let unread = &self.received[self.at..];
            if let [high, low, rest @ ..] = unread {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                if rest.len() >= length {
                    let found = Packet { kind: rest[0], payload: rest[1..length].to_vec() };
                    self.at += 2 + length;
                    if found.kind != b'H' {
                        return Some(found);
                    }
                    continue;
                }
            }
            self.received.drain(..self.at);
            self.at = 0;
            let mut bytes = [0; 1 << 16];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(length) => self.received.extend(&bytes[..length]),
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                    return None;
                }
                Err(error) => panic!("no packet within {PATIENCE:?}: {error}"),
            }
        }
    }

    /// The next answer to an order; system events before it are left out.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        loop {
            let found = self.answer_or_event();
            if found.kind != b'S' {
                return found;
            }
        }
    }

    /// The next sequenced message.
    #[track_caller]
    pub(crate) fn answer_or_event(&mut self) -> Answer {
        let found = self.packet().expect("an answer, not the end of the connection");
        assert_eq!(found.kind, b'S', "{found:?}");
        Answer::decode(found.payload)
    }

    /// The next `count` answers.
    #[track_caller]
    pub(crate) fn answers(&mut self, count: usize) -> Vec<Answer> {
        (0..count).map(|_| self.answer()).collect()
    }

    /// Every answer to the end of the connection.
    #[track_caller]
    pub(crate) fn answers_to_the_end(&mut self) -> Vec<Answer> {
        let packets = std::iter::from_fn(|| self.packet());
        let sequenced = packets.filter(|packet| packet.kind == b'S');
        sequenced.map(|packet| Answer::decode(packet.payload)).filter(|answer| answer.kind != b'S').collect()
    }

    /// Asks to be logged out; the server closes.
    #[track_caller]
    pub(crate) fn log_out(mut self) {
        self.send(&packet(b'O', &[]));
        while self.packet().is_some() {}
    }

    /// Sends nothing more, but could still read.
    pub(crate) fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Ends the connection by a reset instead of in order.
    pub(crate) fn reset(self) {
        let no_wait = rustix::net::sockopt::set_socket_linger(&self.stream, Some(std::time::Duration::ZERO));
        no_wait.expect("a socket has a linger time");
    }
}
