//! `corelane itch book`: the books of a file at its end, or at a time of its day.

use corelane_actors::{
    market_data::{InstrumentState, Level},
    types::Locate,
};
use corelane_codecs::{
    itch::{MarketCode, TradingState},
    price::Price4,
};
use serde_json::{Value, json};

use super::replay::Replay;
use crate::{
    cli::BookArgs,
    tables::{say, table},
};

/// The default number of levels of each side in the table.
const TABLE_DEPTH: usize = 10;

pub(super) fn book(args: &BookArgs) -> miette::Result<()> {
    let replay = Replay::run(&args.file, args.at.unwrap_or(u64::MAX), |_| ())?;
    replay.warn();
    if args.json {
        let books = books(&replay, args, usize::MAX);
        say(Value::from_iter(books.iter().map(Book::json)));
    } else {
        let books = books(&replay, args, TABLE_DEPTH);
        books.iter().for_each(Book::print);
        if books.is_empty() {
            say("no resting orders");
        }
    }
    Ok(())
}

/// The resting orders of an instrument, by level, and its state.
struct Book {
    symbol: String,
    bids: Vec<Level>,
    asks: Vec<Level>,
    state: InstrumentState,
}

/// The books with orders, sorted by symbol.
fn books(replay: &Replay, args: &BookArgs, depth: usize) -> Vec<Book> {
    let depth = args.depth.unwrap_or(depth);
    let wanted = replay.symbols.iter().filter(|(_, symbol)| args.symbol.is_none_or(|wanted| wanted == **symbol));
    let book = |locate: Locate, symbol: String| {
        let (bids, asks) = replay.books.levels(locate);
        let (bids, asks) = (bids.take(depth).collect(), asks.take(depth).collect());
        Book { symbol, bids, asks, state: *replay.books.state(locate) }
    };
    let rests = |locate: Locate| {
        let top = replay.books.top(locate);
        top.bid.is_some() || top.ask.is_some()
    };
    let mut books: Vec<_> = wanted
        .filter(|&(&locate, _)| replay.books.has(locate) && rests(locate))
        .map(|(&locate, symbol)| book(locate, symbol.to_string()))
        .collect();
    books.sort_by(|one, other| one.symbol.cmp(&other.symbol));
    books
}

impl Book {
    fn json(&self) -> Value {
        let level = |level: &Level| json!([price(level), level.quantity, level.orders]);
        let side = |levels: &[Level]| Value::from_iter(levels.iter().map(level));
        json!({
            "symbol": self.symbol,
            "bids": side(&self.bids),
            "asks": side(&self.asks),
            "state": state(&self.state),
        })
    }

    fn print(&self) {
        let mut rows = table(["bid orders", "bid quantity", "bid", "ask", "ask quantity", "ask orders"]);
        for at in 0..self.bids.len().max(self.asks.len()) {
            let cells = |level: Option<&Level>| {
                level.map_or([const { String::new() }; 3], |level| {
                    [level.orders.to_string(), level.quantity.to_string(), price(level)]
                })
            };
            let [ask_orders, ask_quantity, ask] = cells(self.asks.get(at));
            let row = cells(self.bids.get(at)).into_iter().chain([ask, ask_quantity, ask_orders]);
            rows.add_row(row);
        }
        say(format_args!("{} {}", self.symbol, self.state.trading.map_or("", trading)));
        say(rows);
    }
}

fn price(level: &Level) -> String {
    Price4::from_raw(level.price).to_string()
}

fn trading(state: TradingState) -> &'static str {
    match state {
        TradingState::Halted => "halted",
        TradingState::Paused => "paused",
        TradingState::QuotationOnly => "quotation only",
        TradingState::Trading => "trading",
    }
}

/// The state as JSON, with the codes of the wire format; `null` where the file has no message about it.
fn state(state: &InstrumentState) -> Value {
    let code = |code: Option<u8>| code.map(|code| char::from(code).to_string());
    let halted_by = MarketCode::ALL.iter().zip(state.operational_halts).filter(|(_, is_halted)| *is_halted);
    json!({
        "trading": state.trading.map(trading),
        "reason": state.reason.map(|reason| reason.to_wire().to_string()),
        "reg_sho": code(state.reg_sho.map(|action| action.to_wire())),
        "operational_halts": halted_by.map(|(market, _)| code(Some(market.to_wire()))).collect::<Value>(),
        "collar": state.collar.map(|collar| json!({
            "reference": collar.reference.to_string(),
            "upper": collar.upper.to_string(),
            "lower": collar.lower.to_string(),
            "extension": collar.extension,
        })),
        "imbalance": state.imbalance.map(|imbalance| json!({
            "at_ns": imbalance.at_ns,
            "cross": code(imbalance.cross.map(|cross| cross.to_wire())),
            "paired": imbalance.paired_shares,
            "imbalance": imbalance.imbalance_shares,
            "direction": code(imbalance.direction.map(|direction| direction.to_wire())),
            "far": imbalance.far.to_string(),
            "near": imbalance.near.to_string(),
            "reference": imbalance.reference.to_string(),
        })),
        "cross": state.cross.map(|cross| json!({
            "at_ns": cross.at_ns,
            "cross": code(cross.cross.map(|cross| cross.to_wire())),
            "shares": cross.shares,
            "price": cross.price.to_string(),
        })),
    })
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn recorded_days() -> PathBuf {
        let folder = std::env::var("CORELANE_DATA")
            .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data").to_owned());
        Path::new(&folder).to_owned()
    }

    fn args(file: PathBuf) -> BookArgs {
        BookArgs { file, at: None, symbol: None, depth: None, json: true }
    }

    fn json(args: &BookArgs) -> Vec<Value> {
        let replay = Replay::run(&args.file, args.at.unwrap_or(u64::MAX), |_| ()).unwrap();
        books(&replay, args, usize::MAX).iter().map(Book::json).collect()
    }

    #[test]
    fn every_recorded_file_ends_in_the_books_of_an_independent_builder() {
        for name in ["esh4_20231225_mbo", "nasdaq_dayhead_1000", "ritch_synthetic_12012"] {
            let Ok(expected) = std::fs::read_to_string(recorded_days().join(format!("expected/{name}.book.json")))
            else {
                return;
            };
            let expected: Vec<Value> = serde_json::from_str(&expected).unwrap();
            let mut got = json(&args(recorded_days().join(format!("itch/{name}.itch"))));
            for book in &mut got {
                assert!(book.as_object_mut().unwrap().remove("state").is_some());
            }
            assert!(got == expected, "{name}: the books differ");
        }
    }

    #[test]
    fn a_book_can_be_cut_by_time_depth_and_symbol() {
        let file = recorded_days().join("itch/ritch_synthetic_12012.itch");
        if !file.exists() {
            return;
        }
        let whole = json(&args(file.clone()));
        let symbol = whole[1]["symbol"].as_str().unwrap();
        let one = json(&BookArgs {
            symbol: Some(corelane_codecs::text::Symbol::new(symbol).unwrap()),
            depth: Some(2),
            ..args(file.clone())
        });
        assert_eq!(one.len(), 1);
        assert_eq!(one[0]["bids"].as_array().unwrap()[..], whole[1]["bids"].as_array().unwrap()[..2]);
        assert_eq!(one[0]["state"]["trading"], "trading");
        assert_eq!(json(&BookArgs { at: Some(0), ..args(file) }), Vec::<Value>::new());
    }
}
