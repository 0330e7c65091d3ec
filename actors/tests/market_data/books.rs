//! Books of recorded days, compared with those of independent implementations.

use std::{fs, path::PathBuf};

use corelane_actors::{
    market_data::{BookLimits, Books, FeedCount, Level, Top},
    types::Locate,
};
use corelane_codecs::{
    binary_file::{Frames, UnsizedFrames},
    itch::{Message, message_len},
    text::Symbol,
};
use corelane_runtime::telemetry::Counters;

/// A file of the recorded data, if the data is present.
fn recorded(path: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("CORELANE_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    if !folder.is_dir() {
        eprintln!("no recorded data in {}", folder.display());
        return None;
    }
    Some(fs::read(folder.join(path)).expect("the folder of recorded data is whole"))
}

fn messages(file: &[u8]) -> Vec<&[u8]> {
    if file.starts_with(&[0, 0]) {
        UnsizedFrames::new(file, message_len).map(Result::unwrap).collect()
    } else {
        Frames::new(file).map(Result::unwrap).collect()
    }
}

/// The symbols of a file's directory.
fn symbols(messages: &[&[u8]]) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    for message in messages {
        if let Ok(Message::StockDirectory(directory)) = Message::decode(message) {
            symbols.push(directory.stock);
        }
    }
    symbols
}

fn limits() -> BookLimits {
    BookLimits { orders_max: 50_000, levels_max: 2048 }
}

fn price(units: u32) -> String {
    format!("{}.{:04}", units / 10_000, units % 10_000)
}

fn json(levels: Vec<Level>) -> serde_json::Value {
    let level = |level: &Level| serde_json::json!([price(level.price), level.quantity, level.orders]);
    levels.iter().map(level).collect()
}

#[test]
fn recorded_days_end_in_the_expected_books() {
    let cases = [("esh4_20231225_mbo", 0), ("ritch_synthetic_12012", 117), ("nasdaq_dayhead_1000", 0)];
    for (name, unknown) in cases {
        let Some(file) = recorded(&format!("itch/{name}.itch")) else {
            return;
        };
        let Some(expected) = recorded(&format!("expected/{name}.book.json")) else {
            return;
        };
        let mut expected: Vec<serde_json::Value> = serde_json::from_slice(&expected).unwrap();
        let messages = messages(&file);
        let symbols = symbols(&messages);
        let mut books = Books::new(&symbols, limits());
        let counters = Counters::default();
        for message in &messages {
            books.apply(&Message::decode(message).unwrap(), &counters);
        }
        books.check().unwrap();
        let mut got = Vec::new();
        for (locate, symbol) in Locate::first(symbols.len()).zip(&symbols) {
            let (bids, asks) = books.levels(locate);
            let (bids, asks): (Vec<_>, Vec<_>) = (bids.collect(), asks.collect());
            if !bids.is_empty() || !asks.is_empty() {
                let (bids, asks) = (json(bids), json(asks));
                got.push(serde_json::json!({"symbol": symbol.to_string(), "bids": bids, "asks": asks}));
            }
        }
        let by_symbol = |book: &serde_json::Value| book["symbol"].to_string();
        expected.sort_by_key(by_symbol);
        got.sort_by_key(by_symbol);
        assert!(got == expected, "{name}: the books differ");
        assert_eq!(counters.get(FeedCount::UnknownOrders), unknown, "{name}");
        for other in [FeedCount::DuplicateOrders, FeedCount::Excess, FeedCount::Overflows] {
            assert_eq!(counters.get(other), 0, "{name}: {other:?}");
        }
    }
}

#[test]
fn a_recorded_day_gives_every_change_of_the_best_prices() {
    let Some(file) = recorded("itch/esh4_20231225_mbo.itch") else {
        return;
    };
    let Some(expected) = recorded("itch/esh4_20231225_mbo.itch.bbo.csv") else {
        return;
    };
    let messages = messages(&file);
    let mut books = Books::new(&symbols(&messages), limits());
    let counters = Counters::default();
    let mut last = Top::default();
    let mut got = String::from("msg_index_1based,itch_ts_ns,stock_locate,bid_px_1e4,bid_qty,ask_px_1e4,ask_qty\n");
    let side = |level: Option<Level>| level.map_or((0, 0), |level| (level.price, level.quantity));
    for (index, message) in (1..).zip(&messages) {
        let message = Message::decode(message).unwrap();
        let Some(locate) = books.apply(&message, &counters) else {
            continue;
        };
        let top = books.top(locate);
        let (bid, ask) = (side(top.bid), side(top.ask));
        if (bid, ask) != (side(last.bid), side(last.ask)) {
            let ns = message.timestamp_ns();
            got += &format!("{index},{ns},{locate},{},{},{},{}\n", bid.0, bid.1, ask.0, ask.1);
            last = top;
        }
    }
    let expected = String::from_utf8(expected).unwrap();
    for (line, (got, expected)) in got.lines().zip(expected.lines()).enumerate() {
        assert_eq!(got, expected.trim_end(), "line {line}");
    }
    assert_eq!(got.lines().count(), expected.lines().count());
}
