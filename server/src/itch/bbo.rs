//! `corelane itch bbo`: every change of a best bid or offer.

use std::io::{self, Write};

use corelane_actors::market_data::Level;
use corelane_console::{Exit, Output};
use corelane_market::Order;

use super::{
    input::Input,
    replay::{Applied, Replay},
};
use crate::cli::InputArgs;

/// Prices in ten-thousandths; 0 and 0 for a side without orders.
const HEADER: &str = "msg_index_1based,itch_ts_ns,stock_locate,bid_px_1e4,bid_qty,ask_px_1e4,ask_qty";

pub(super) fn bbo(args: &InputArgs, out: &mut Output) -> miette::Result<Exit> {
    let mut input = Input::open(args, Order::OneSession)?;
    match write(&mut input, out) {
        Ok(()) => Ok(input.finish()),
        // The output is lost.
        Err(_) => Ok(Exit::NotDone),
    }
}

fn write(input: &mut Input, out: &mut impl Write) -> io::Result<()> {
    let mut last = vec![(0, 0, 0, 0); 1 << 16];
    let mut header = Some(HEADER);
    Replay::run(input, u64::MAX, |Applied { number, at_ns, locate, books }| {
        let top = books.top(locate);
        let side = |level: Option<Level>| level.map_or((0, 0), |level| (level.price, level.quantity));
        let ((bid, bid_quantity), (ask, ask_quantity)) = (side(top.bid), side(top.ask));
        let now = (bid, bid_quantity, ask, ask_quantity);
        let last = &mut last[locate.row()];
        if *last == now {
            return Ok(());
        }
        *last = now;
        write_header(&mut header, out)?;
        writeln!(out, "{number},{at_ns},{locate},{bid},{bid_quantity},{ask},{ask_quantity}")
    })?;
    if input.is_usable() {
        write_header(&mut header, out)?;
    }
    out.flush()
}

/// Writes the header, unless it is written. An input that is not ITCH gets none.
fn write_header(header: &mut Option<&str>, out: &mut impl Write) -> io::Result<()> {
    header.take().map_or(Ok(()), |header| writeln!(out, "{header}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_recorded_day_gives_the_changes_that_three_other_builders_found() {
        let folder = std::env::var("CORELANE_DATA")
            .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data").to_owned());
        let day = Path::new(&folder).join("itch/esh4_20231225_mbo.itch");
        let Ok(expected) = std::fs::read_to_string(day.with_extension("itch.bbo.csv")) else { return };
        let mut got = Vec::new();
        write(&mut Input::open(&InputArgs::all_of(day), Order::OneSession).unwrap(), &mut got).unwrap();
        let got = String::from_utf8(got).unwrap();
        for (line, (got, expected)) in got.lines().zip(expected.lines()).enumerate() {
            assert_eq!(got, expected.trim_end(), "line {line}");
        }
        assert_eq!(got.lines().count(), expected.lines().count());
    }
}
