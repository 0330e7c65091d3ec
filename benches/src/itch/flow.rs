//! Input of every contender: days as length-prefixed ITCH 5.0 in memory.

use std::{collections::HashMap, env, fmt, fs, path::PathBuf};

use corelane_codecs::{
    IntoBytes,
    binary_file::{Frames, encode},
    itch::{Header, Message, StockDirectory},
    text::Symbol,
};
use corelane_market::{Day, DaySpec};
use zerocopy::FromZeros;

/// A day: `bytes[..warm]` builds the books up, the rest is what is timed.
pub struct Flow {
    /// Name of the day.
    pub name: &'static str,
    /// All of it.
    pub bytes: Vec<u8>,
    /// Bytes that come before what is timed.
    pub warm: usize,
    /// Messages that are timed.
    pub messages: u64,
    /// Symbols by locate, from 1.
    pub symbols: Vec<Symbol>,
    /// Most orders at once.
    pub orders_max: usize,
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow")
            .field("name", &self.name)
            .field("bytes", &self.bytes.len())
            .field("messages", &self.messages)
            .finish_non_exhaustive()
    }
}

impl Flow {
    /// The bytes that are timed.
    pub fn timed(&self) -> &[u8] {
        &self.bytes[self.warm..]
    }
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

/// Eight thousand instruments and about two and a half million live orders.
pub fn eight_thousand() -> Flow {
    generated("generated day, 8,000 instruments", 8_000, 2_500_000, 4_000_000)
}

fn push(bytes: &mut Vec<u8>, message: &[u8]) {
    let mut frame = [0; 64];
    let length = encode(message, &mut frame).expect("a frame has room for every message of ITCH");
    bytes.extend_from_slice(&frame[..length]);
}

/// `day` under `copies` locates, each a minute or so behind the one before, so that they are at different places of the
/// day; references are given anew, one after the other.
fn merged(day: &[u8], copies: usize) -> Flow {
    const SHIFT_NS: u64 = 61_700_000_000;
    let symbols: Vec<Symbol> =
        (0..copies).map(|copy| Symbol::new(&format!("S{copy:02}")).expect("three characters are a symbol")).collect();
    let messages: Vec<&[u8]> = Frames::new(day).map(|frame| frame.expect("the recorded day is whole")).collect();
    let mut order: Vec<(u64, usize, usize)> = Vec::new();
    for copy in 0..copies {
        for (index, bytes) in messages.iter().enumerate() {
            let message = Message::decode(bytes).expect("the recorded day is ITCH");
            order.push((message.timestamp_ns() + copy as u64 * SHIFT_NS, index, copy));
        }
    }
    order.sort_unstable();
    let mut bytes = Vec::with_capacity(day.len() * copies);
    for (locate, stock) in (1..).zip(&symbols) {
        let mut entry = StockDirectory::new_zeroed();
        (entry.header, entry.stock) = (Header::new(locate, 0, 0), *stock);
        push(&mut bytes, entry.as_bytes());
    }
    let warm = bytes.len();
    let mut references: Vec<HashMap<u64, u64>> = vec![HashMap::new(); copies];
    let (mut next_ref, mut timed, mut orders_max) = (1, 0, 0);
    for (ns, index, copy) in order {
        let mut message = messages[index].to_vec();
        message[1..3].copy_from_slice(&(copy as u16 + 1).to_be_bytes());
        message[5..11].copy_from_slice(&ns.to_be_bytes()[2..]);
        let mut rename = |at: usize, is_new: bool| {
            let field = &mut message[at..at + 8];
            let old = u64::from_be_bytes((&*field).try_into().expect("a reference has eight bytes"));
            if is_new {
                references[copy].insert(old, next_ref);
                next_ref += 1;
            }
            field.copy_from_slice(&references[copy][&old].to_be_bytes());
        };
        match messages[index][0] {
            b'A' | b'F' => {
                rename(11, true);
                orders_max += 1;
            }
            b'U' => {
                rename(11, false);
                rename(19, true);
            }
            b'E' | b'C' | b'X' | b'D' => rename(11, false),
            b'P' => {}
            _ => continue,
        }
        if matches!(message[0], b'A' | b'F' | b'P') {
            message[24..32].copy_from_slice(symbols[copy].as_bytes());
        }
        push(&mut bytes, &message);
        timed += 1;
    }
    Flow { name: "recorded day under 16 locates", bytes, warm, messages: timed, symbols, orders_max }
}

/// A day of `corelane itch generate`: its opening builds the books up, `messages` of trading hours are timed.
fn generated(name: &'static str, instruments: usize, live: u64, messages: u64) -> Flow {
    let warm_messages = live + 4 * instruments as u64;
    let mut spec = DaySpec::made_up(1, instruments, warm_messages + messages);
    spec.opening_orders = live;
    let symbols = spec.instruments.iter().map(|one| one.symbol).collect();
    let mut day = Day::new(spec).expect("the day can be made");
    let mut bytes = Vec::with_capacity((warm_messages + messages) as usize * 36);
    let (mut warm, mut read, mut orders_max) = (0, 0, 0);
    while let Some(message) = day.next_message() {
        push(&mut bytes, message);
        read += 1;
        if read == warm_messages {
            warm = bytes.len();
        }
        orders_max = orders_max.max(day.resting_orders());
    }
    Flow { name, bytes, warm, messages, symbols, orders_max }
}
