//! What the benchmark feeds to everybody: days as length-prefixed ITCH 5.0 in memory.

use std::{collections::HashMap, env, fs, path::PathBuf};

use corelane_codecs::{
    IntoBytes,
    binary_file::{Frames, encode},
    itch::{AddOrder, Header, Message, OrderCancel, OrderDelete, OrderExecuted, OrderReplace, Side, StockDirectory},
    price::Price4,
    text::Symbol,
};
use zerocopy::FromZeros;

/// A day: `bytes[..warm]` builds the books up, the rest is what is timed.
pub struct Flow {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub warm: usize,
    /// Messages that are timed.
    pub messages: u64,
    pub symbols: Vec<Symbol>,
    /// Most orders at once.
    pub orders_max: usize,
}

/// The recorded day under sixteen locates, or a generated one where it is not to be had.
pub fn sixteen() -> Flow {
    let folder = env::var_os("CORELANE_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")), PathBuf::from);
    match fs::read(folder.join("itch/esh4_20231225_mbo.itch")) {
        Ok(day) => merged(&day, 16),
        Err(_) => generated("generated day, 16 instruments", 16, 180_000, 1_000_000),
    }
}

/// Eight thousand instruments with two and a half million live orders.
pub fn eight_thousand() -> Flow {
    generated("generated day, 8,000 instruments", 8_000, 2_500_000, 4_000_000)
}

fn symbol(index: usize) -> Symbol {
    Symbol::new(&format!("S{index:05}")).expect("six characters are a symbol")
}

fn push(bytes: &mut Vec<u8>, message: &[u8]) {
    let mut frame = [0; 64];
    let length = encode(message, &mut frame).expect("a frame has room for every message of ITCH");
    bytes.extend_from_slice(&frame[..length]);
}

fn directory(bytes: &mut Vec<u8>, symbols: &[Symbol]) {
    for (locate, stock) in (1..).zip(symbols) {
        let mut entry = StockDirectory::new_zeroed();
        entry.header = Header::new(locate, 0, 0);
        entry.stock = *stock;
        push(bytes, entry.as_bytes());
    }
}

/// `day` under `copies` locates, each a minute or so behind the one before, so that they are at different places of the
/// day; references are given anew, one after the other.
fn merged(day: &[u8], copies: usize) -> Flow {
    const SHIFT_NS: u64 = 61_700_000_000;
    let symbols: Vec<Symbol> = (0..copies).map(symbol).collect();
    let messages: Vec<&[u8]> = Frames::new(day).map(|frame| frame.expect("the recorded day is whole")).collect();
    fn decode(bytes: &[u8]) -> Message<'_> {
        Message::decode(bytes).expect("the recorded day is ITCH")
    }
    let mut order: Vec<(u64, usize, usize)> = Vec::new();
    for copy in 0..copies {
        let at = |(index, bytes): (usize, &&[u8])| (decode(bytes).timestamp_ns() + copy as u64 * SHIFT_NS, copy, index);
        order.extend(messages.iter().enumerate().map(at));
    }
    order.sort_by_key(|&(ns, copy, index)| (ns, index, copy));
    let mut bytes = Vec::with_capacity(day.len() * copies);
    directory(&mut bytes, &symbols);
    let warm = bytes.len();
    let mut references: Vec<HashMap<u64, u64>> = vec![HashMap::new(); copies];
    let (mut next_ref, mut live, mut timed, mut orders_max) = (1_u64, 0_usize, 0, 0);
    for (ns, copy, index) in order {
        let mut message = messages[index].to_vec();
        let ns = (ns % 86_400_000_000_000).to_be_bytes();
        message[1..3].copy_from_slice(&(copy as u16 + 1).to_be_bytes());
        message[5..11].copy_from_slice(&ns[2..]);
        let references = &mut references[copy];
        let mut rename = |message: &mut [u8], at: usize, is_new: bool| {
            let old = u64::from_be_bytes(message[at..at + 8].try_into().expect("eight bytes"));
            if is_new {
                references.insert(old, next_ref);
                next_ref += 1;
            }
            let new = references.get(&old).copied().unwrap_or(u64::MAX);
            message[at..at + 8].copy_from_slice(&new.to_be_bytes());
        };
        match message[0] {
            b'A' | b'F' => {
                rename(&mut message, 11, true);
                message[24..32].copy_from_slice(symbols[copy].as_bytes());
                live += 1;
            }
            b'U' => {
                rename(&mut message, 11, false);
                rename(&mut message, 19, true);
            }
            b'E' | b'C' | b'X' => rename(&mut message, 11, false),
            b'D' => {
                rename(&mut message, 11, false);
                live = live.saturating_sub(1);
            }
            b'P' => message[24..32].copy_from_slice(symbols[copy].as_bytes()),
            _ => continue,
        }
        push(&mut bytes, &message);
        timed += 1;
        orders_max = orders_max.max(live);
    }
    let name = "recorded day under 16 locates";
    Flow { name, bytes, warm, messages: timed, symbols, orders_max: orders_max + 1000 }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        (u128::from(self.next()) * u128::from(bound) >> 64) as u64
    }
}

#[derive(Clone, Copy)]
struct Live {
    order_ref: u64,
    shares: u32,
    is_bid: bool,
}

/// A day with the mix of a real one in the messages that change books (A 45 %, D 44 %, U 7.5 %, E 2.2 %, X 1.3 %).
///
/// Instruments are chosen by a power law; orders rest 1 to 40 ticks from a middle that wanders, nearer ones more often;
/// half of what goes is among the youngest of its instrument and half is any, so that old orders are touched too.
fn generated(name: &'static str, instruments: usize, live_target: usize, messages: u64) -> Flow {
    let symbols: Vec<Symbol> = (0..instruments).map(symbol).collect();
    let mut bytes = Vec::with_capacity((live_target + messages as usize) * 36);
    directory(&mut bytes, &symbols);
    let mut random = Random(1);
    let mut books: Vec<(u32, Vec<Live>)> =
        (0..instruments).map(|_| (1_000 + random.below(20_000) as u32, Vec::new())).collect();
    let (mut live, mut orders_max, mut next_ref, mut ns, mut timed) = (0, 0, 1, 34_200_000_000_000, 0);
    let mut warm = 0;
    while timed < messages {
        if live >= live_target && warm == 0 {
            warm = bytes.len();
        }
        // A cube bends the choice to the first instruments: half of all messages are of an eighth of them.
        let draw = random.below(1 << 20) as f64 / (1 << 20) as f64;
        let index = (draw * draw * draw * instruments as f64) as usize;
        let (middle, orders) = &mut books[index];
        ns += 1 + random.below(200);
        let header_of = |ns| (index as u16 + 1, 0_u16, ns);
        let (locate, tracking, ns) = header_of(ns);
        match random.below(64) {
            0 => *middle += 1,
            1 => *middle -= u32::from(*middle > 200),
            _ => {}
        }
        let price_for = |random: &mut Random, is_bid: bool| {
            let away = 1 + (random.below(41) * random.below(41) / 41) as u32;
            Price4::from_raw(100 * if is_bid { *middle - away } else { *middle + away })
        };
        let kind = if warm == 0 { 0 } else { random.below(1000) };
        if kind < 450 || orders.is_empty() {
            let is_bid = random.below(2) == 0;
            let shares = 100 * (1 + random.below(10) as u32);
            let add = AddOrder {
                header: Header::new(locate, tracking, ns),
                order_ref: next_ref.into(),
                side: if is_bid { Side::Buy } else { Side::Sell },
                shares: shares.into(),
                stock: symbols[index],
                price: price_for(&mut random, is_bid).into(),
            };
            push(&mut bytes, add.as_bytes());
            orders.push(Live { order_ref: next_ref, shares, is_bid });
            next_ref += 1;
            live += 1;
        } else {
            let young = orders.len().min(16) as u64;
            let back = if random.below(2) == 0 { random.below(young) } else { random.below(orders.len() as u64) };
            let at = orders.len() - 1 - back as usize;
            let Live { order_ref, shares, is_bid } = orders[at];
            if kind < 890 {
                push(
                    &mut bytes,
                    OrderDelete { header: Header::new(locate, 0, ns), order_ref: order_ref.into() }.as_bytes(),
                );
                orders.remove(at);
                live -= 1;
            } else if kind < 965 {
                let replace = OrderReplace {
                    header: Header::new(locate, 0, ns),
                    original_order_ref: order_ref.into(),
                    new_order_ref: next_ref.into(),
                    shares: shares.into(),
                    price: price_for(&mut random, is_bid).into(),
                };
                push(&mut bytes, replace.as_bytes());
                orders.remove(at);
                orders.push(Live { order_ref: next_ref, shares, is_bid });
                next_ref += 1;
            } else {
                let taken = if random.below(4) == 0 { shares } else { 1 + random.below(u64::from(shares)) as u32 };
                let header = (locate, 0, ns);
                if kind < 987 {
                    let executed = OrderExecuted {
                        header: Header::new(header.0, header.1, header.2),
                        order_ref: order_ref.into(),
                        executed_shares: taken.into(),
                        match_number: timed.into(),
                    };
                    push(&mut bytes, executed.as_bytes());
                } else {
                    let cancel = OrderCancel {
                        header: Header::new(header.0, header.1, header.2),
                        order_ref: order_ref.into(),
                        cancelled_shares: taken.into(),
                    };
                    push(&mut bytes, cancel.as_bytes());
                }
                if taken == shares {
                    orders.remove(at);
                    live -= 1;
                } else {
                    orders[at].shares -= taken;
                }
            }
        }
        orders_max = orders_max.max(live);
        timed += u64::from(warm != 0);
    }
    Flow { name, bytes, warm, messages: timed, symbols, orders_max: orders_max + 1000 }
}
