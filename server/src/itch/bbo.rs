//! `corelane itch bbo`: every change of a best bid or offer.

use std::{
    io::{self, BufWriter, Write, stdout},
    path::Path,
};

use corelane_actors::market_data::Level;
use miette::IntoDiagnostic;

use super::replay::{Applied, Replay};

/// Prices in ten-thousandths; 0 and 0 for a side without orders.
const HEADER: &str = "msg_index_1based,itch_ts_ns,stock_locate,bid_px_1e4,bid_qty,ask_px_1e4,ask_qty";

pub(super) fn bbo(file: &Path) -> miette::Result<()> {
    let mut out = BufWriter::new(stdout().lock());
    match write(file, &mut out)? {
        // A reader such as `head` may close the pipe early.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.into_diagnostic(),
    }
}

/// Writes the table. The inner result is that of the writer.
fn write(file: &Path, out: &mut impl Write) -> miette::Result<io::Result<()>> {
    let mut last = vec![(0, 0, 0, 0); 1 << 16];
    let mut written = writeln!(out, "{HEADER}");
    let replay = Replay::run(file, u64::MAX, |Applied { number, at_ns, locate, books }| {
        let top = books.top(locate);
        let side = |level: Option<Level>| level.map_or((0, 0), |level| (level.price, level.quantity));
        let ((bid, bid_quantity), (ask, ask_quantity)) = (side(top.bid), side(top.ask));
        let now = (bid, bid_quantity, ask, ask_quantity);
        let last = &mut last[locate.row()];
        if *last != now && written.is_ok() {
            *last = now;
            written = writeln!(out, "{number},{at_ns},{locate},{bid},{bid_quantity},{ask},{ask_quantity}");
        }
    })?;
    replay.warn();
    Ok(written.and_then(|()| out.flush()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_day_gives_the_changes_that_three_other_builders_found() {
        let folder = std::env::var("CORELANE_DATA")
            .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data").to_owned());
        let day = Path::new(&folder).join("itch/esh4_20231225_mbo.itch");
        let Ok(expected) = std::fs::read_to_string(day.with_extension("itch.bbo.csv")) else { return };
        let mut got = Vec::new();
        write(&day, &mut got).unwrap().unwrap();
        let got = String::from_utf8(got).unwrap();
        for (line, (got, expected)) in got.lines().zip(expected.lines()).enumerate() {
            assert_eq!(got, expected.trim_end(), "line {line}");
        }
        assert_eq!(got.lines().count(), expected.lines().count());
    }
}
