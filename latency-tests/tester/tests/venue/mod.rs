//! A venue for tests, with a thread per client, blocking sockets, and the model as its book. It can misbehave on
//! purpose.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use corelane_codecs::ouch::{
    Accepted, Canceled, Capacity, CrossType, Display, Executed, Inbound, Liquidity, OrderState, Rejected, Replaced,
    TimeInForce,
};
use corelane_codecs::price::Price;
use corelane_codecs::soup::{ClientPacket, RejectCode, ServerPacket, packet_len};
use corelane_codecs::text::{Alpha, ClOrdId};
use corelane_codecs::{IntoBytes, MessageType, YesNo};
use corelane_tester::script::{Expected, Instrument, Limits, Model, Request, Rules};

/// A misdeed of the venue, at its answer number `at` (from 1) to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misdeed {
    None,
    /// Sleeps.
    Stall {
        at: u64,
        duration: Duration,
    },
    /// Omits the answer.
    Swallow {
        at: u64,
    },
    /// Sends the answer twice.
    Repeat {
        at: u64,
    },
    /// Sends a number of an execution, an acceptance or a cancel that is one too high.
    Falsify {
        at: u64,
    },
    /// Repeats an earlier reference or match number.
    ReuseNumbers {
        at: u64,
    },
    /// Sends the answer with an earlier time.
    TurnBackTime {
        at: u64,
    },
    /// Closes the connection instead of answering.
    HangUp {
        at: u64,
    },
    /// Ends the session instead of answering.
    End {
        at: u64,
    },
    /// Sends bytes that are not a packet.
    Garble {
        at: u64,
    },
}

/// Serves `clients` connections, each with its own model.
pub(crate) fn serve(clients: Vec<Vec<Instrument>>, limits: Limits, rules: Rules, misdeed: Misdeed) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let numbers = Arc::new(AtomicU64::new(1));
    thread::spawn(move || {
        for instruments in clients {
            let (stream, _) = listener.accept().unwrap();
            let client = Client {
                stream,
                model: Model::new(instruments, limits, rules),
                numbers: numbers.clone(),
                fixed_number: None,
                match_number: 0,
                now_ns: 1_000_000,
                answers: 0,
                misdeed,
            };
            thread::spawn(move || client.serve());
        }
    });
    address
}

struct Client {
    stream: TcpStream,
    model: Model,
    numbers: Arc<AtomicU64>,
    fixed_number: Option<u64>,
    match_number: u64,
    now_ns: u64,
    answers: u64,
    misdeed: Misdeed,
}

impl Client {
    fn serve(mut self) {
        self.stream.set_nodelay(true).unwrap();
        let mut buffer = vec![0; 65_536];
        let mut length = 0;
        let mut answers = VecDeque::new();
        // The tester hangs up, whether or not it is satisfied.
        while let Ok(bytes @ 1..) = self.stream.read(&mut buffer[length..]) {
            length += bytes;
            let mut used = 0;
            while let Some(packet) = packet_len(&buffer[used..length], 1024).unwrap() {
                let cl_ord_id = match ClientPacket::decode(&buffer[used..used + packet]).unwrap() {
                    ClientPacket::Login(login) => {
                        let known = login.matches(&Alpha::new("TEST").unwrap(), &Alpha::new("secret").unwrap());
                        let answer =
                            ServerPacket::LoginAccepted { session: Alpha::new("DAY1").unwrap(), next_sequence: 1 };
                        let refusal = ServerPacket::LoginRejected(RejectCode::NotAuthorized);
                        self.send(if known { answer } else { refusal });
                        None
                    }
                    ClientPacket::Unsequenced(message) => {
                        let request = Inbound::decode(message).unwrap();
                        if let Some(request) = as_request(&request) {
                            self.model.apply(request, &mut answers);
                        }
                        Some(match request {
                            Inbound::Enter(enter, _) => enter.cl_ord_id,
                            Inbound::Replace(replace, _) => replace.cl_ord_id,
                            _ => ClOrdId::BLANK,
                        })
                    }
                    ClientPacket::Logout => return,
                    _ => None,
                };
                used += packet;
                while let Some(answer) = answers.pop_front() {
                    if !self.answer(&answer, cl_ord_id.unwrap_or_default()) {
                        return;
                    }
                }
            }
            buffer.copy_within(used..length, 0);
            length -= used;
        }
    }

    /// Sends an answer, altered by the misdeed if it applies. Returns `false` if the connection is over.
    fn answer(&mut self, answer: &Expected, cl_ord_id: ClOrdId) -> bool {
        self.answers += 1;
        self.now_ns += 1;
        match self.misdeed {
            Misdeed::Stall { at, duration } if at == self.answers => thread::sleep(duration),
            Misdeed::Swallow { at } if at == self.answers => return true,
            Misdeed::HangUp { at } if at == self.answers => return false,
            Misdeed::End { at } if at == self.answers => {
                self.send(ServerPacket::EndOfSession);
                return true;
            }
            Misdeed::Garble { at } if at == self.answers => {
                return self.stream.write_all(&[0, 0]).is_ok();
            }
            Misdeed::TurnBackTime { at } if at == self.answers => self.now_ns = 5,
            Misdeed::ReuseNumbers { at } if at == self.answers => self.fixed_number = Some(1),
            _ => {}
        }
        let mut message = self.encode(answer, cl_ord_id);
        if let Misdeed::Falsify { at } = self.misdeed
            && at == self.answers
        {
            // The last byte of the user reference number, or of the field after it.
            message[12] += 1;
        }
        self.send(ServerPacket::Sequenced(&message));
        if self.misdeed == (Misdeed::Repeat { at: self.answers }) {
            self.send(ServerPacket::Sequenced(&message));
        }
        true
    }

    fn send(&mut self, packet: ServerPacket<'_>) {
        let mut out = [0; 256];
        let length = packet.encode(&mut out).unwrap();
        // The tester may have hung up.
        let _ = self.stream.write_all(&out[..length]);
    }

    fn number(&self) -> u64 {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        self.fixed_number.unwrap_or(number)
    }

    fn encode(&mut self, answer: &Expected, cl_ord_id: ClOrdId) -> Vec<u8> {
        let timestamp = self.now_ns.into();
        match *answer {
            Expected::Accepted { user_ref, side, quantity, symbol, price, time_in_force } => Accepted {
                message_type: MessageType::NEW,
                timestamp,
                user_ref_num: user_ref.into(),
                side,
                quantity: quantity.into(),
                symbol,
                price: price.into(),
                time_in_force,
                display: Display::Visible,
                order_ref: self.number().into(),
                capacity: Capacity::Principal,
                intermarket_sweep: YesNo::No,
                cross_type: CrossType::Continuous,
                order_state: OrderState::Live,
                cl_ord_id,
                appendage_len: 0.into(),
            }
            .as_bytes()
            .to_vec(),
            Expected::Replaced { original, user_ref, side, quantity, symbol, price, .. } => Replaced {
                message_type: MessageType::NEW,
                timestamp,
                orig_user_ref_num: original.into(),
                user_ref_num: user_ref.into(),
                side,
                quantity: quantity.into(),
                symbol,
                price: price.into(),
                time_in_force: TimeInForce::Day,
                display: Display::Visible,
                order_ref: self.number().into(),
                capacity: Capacity::Principal,
                intermarket_sweep: YesNo::No,
                cross_type: CrossType::Continuous,
                order_state: OrderState::Live,
                cl_ord_id,
                appendage_len: 0.into(),
            }
            .as_bytes()
            .to_vec(),
            Expected::Canceled { user_ref, quantity, reason } => {
                Canceled::new(self.now_ns, user_ref, quantity, reason).as_bytes().to_vec()
            }
            Expected::Executed { user_ref, quantity, price, liquidity, second_side } => {
                if !second_side {
                    self.match_number = self.number();
                }
                executed(self.now_ns, user_ref, quantity, price, liquidity, self.match_number)
            }
            Expected::Rejected { user_ref, reason } => {
                Rejected::new(self.now_ns, user_ref, reason, cl_ord_id).as_bytes().to_vec()
            }
        }
    }
}

fn executed(
    now_ns: u64,
    user_ref: u32,
    quantity: u32,
    price: Price,
    liquidity: Liquidity,
    match_number: u64,
) -> Vec<u8> {
    Executed::new(now_ns, user_ref, quantity, price, liquidity, match_number).as_bytes().to_vec()
}

/// A request that the model knows. The others are left unanswered.
fn as_request(inbound: &Inbound<'_>) -> Option<Request> {
    Some(match inbound {
        Inbound::Enter(enter, _) => Request::Enter {
            user_ref: enter.user_ref_num.get(),
            side: enter.side,
            quantity: enter.quantity.get(),
            symbol: enter.symbol,
            price: enter.price.get(),
            time_in_force: enter.time_in_force,
        },
        Inbound::Replace(replace, _) => Request::Replace {
            original: replace.orig_user_ref_num.get(),
            user_ref: replace.user_ref_num.get(),
            quantity: replace.quantity.get(),
            price: replace.price.get(),
        },
        Inbound::Cancel(cancel, _) => {
            Request::Cancel { user_ref: cancel.user_ref_num.get(), quantity: cancel.quantity.get() }
        }
        _ => return None,
    })
}
