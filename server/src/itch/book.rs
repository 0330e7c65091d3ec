//! `corelane itch book`: the books of a file at its end, or at a time of its day.

use corelane_actors::{
    market_data::{InstrumentState, Level},
    types::Locate,
};
use corelane_codecs::{
    itch::{MarketCode, TradingState},
    price::Price4,
    text::Symbol,
};
use corelane_console::{Exit, LostOutput, Output, Table};
use corelane_market::Order;
use miette::{IntoDiagnostic, Report, miette};
use serde_json::{Value, json};

use super::{input::Input, replay::Replay};
use crate::cli::BookArgs;

/// The default number of levels of each side in the table.
const TABLE_DEPTH: usize = 10;
/// The maximum number of symbols named instead of an unknown one, and how unlike it they may be, in characters.
const NEAR_SYMBOLS_MAX: usize = 5;
const NEAR_DISTANCE_MAX: usize = 2;

pub(super) fn book(args: &BookArgs, out: &mut Output) -> miette::Result<Exit> {
    let mut input = Input::open(&args.input, Order::OneSession)?;
    let replay = Replay::run(&mut input, args.at.unwrap_or(u64::MAX), |_| Ok(())).into_diagnostic()?;
    if !input.is_usable() {
        return Ok(input.finish());
    }
    if let Some(symbol) = args.symbol
        && replay.symbols.values().all(|known| *known != symbol)
    {
        return Err(unknown(symbol, &replay, args));
    }
    if args.json {
        let books = books(&replay, args, usize::MAX);
        out.say(Value::from_iter(books.iter().map(Book::json)))?;
    } else {
        let books = books(&replay, args, TABLE_DEPTH);
        books.iter().try_for_each(|book| book.print(out))?;
        if books.is_empty() {
            out.say("no resting orders")?;
        }
    }
    Ok(input.finish())
}

/// The error of a symbol that the file does not have, with the nearest ones that it has.
fn unknown(symbol: Symbol, replay: &Replay, args: &BookArgs) -> Report {
    let typed = symbol.to_string();
    let mut near: Vec<(usize, String)> = replay
        .symbols
        .values()
        .map(|known| (strsim::osa_distance(&typed, &known.to_string()), known.to_string()))
        .filter(|(distance, known)| *distance <= NEAR_DISTANCE_MAX || known.starts_with(&typed))
        .collect();
    near.sort();
    near.dedup();
    let near: Vec<_> = near.into_iter().take(NEAR_SYMBOLS_MAX).map(|(_, known)| known).collect();
    let help = match &near[..] {
        [] => format!("leave --symbol out to see all; the input has {} instruments", replay.symbols.len()),
        near => format!("did you mean {}?", near.join(" or ")),
    };
    let until = if args.at.is_some() { " until that time" } else { "" };
    miette!(help = help, "no instrument {typed} in {}{until}", super::source::name(&args.input.file))
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

    fn print(&self, out: &mut Output) -> Result<(), LostOutput> {
        let mut rows = Table::new(["bid orders", "bid quantity", "bid", "ask", "ask quantity", "ask orders"], 0);
        for at in 0..self.bids.len().max(self.asks.len()) {
            let cells = |level: Option<&Level>| {
                level.map_or([const { String::new() }; 3], |level| {
                    [level.orders.to_string(), level.quantity.to_string(), price(level)]
                })
            };
            let [ask_orders, ask_quantity, ask] = cells(self.asks.get(at));
            let row = cells(self.bids.get(at)).into_iter().chain([ask, ask_quantity, ask_orders]);
            rows.add(row);
        }
        out.say(format_args!("{} {}", self.symbol, self.state.trading.map_or("", trading)))?;
        out.say(rows.lines(out.columns()))
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
    use crate::cli::InputArgs;

    fn recorded_days() -> PathBuf {
        let folder = std::env::var("CORELANE_DATA")
            .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data").to_owned());
        Path::new(&folder).to_owned()
    }

    fn args(file: PathBuf) -> BookArgs {
        BookArgs { input: InputArgs::all_of(file), at: None, symbol: None, depth: None, json: true }
    }

    fn json(args: &BookArgs) -> Vec<Value> {
        let mut input = Input::open(&args.input, Order::OneSession).unwrap();
        let replay = Replay::run(&mut input, args.at.unwrap_or(u64::MAX), |_| Ok(())).unwrap();
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
