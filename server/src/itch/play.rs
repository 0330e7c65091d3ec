//! `corelane itch play`: sends a file as MoldUDP64 packets.

use corelane_codecs::text::Alpha;
use corelane_latency_tests::market::{Faults, Pace, PlayReport, PlaySpec, Player};
use miette::IntoDiagnostic;

use super::source;
use crate::cli::{PlayArgs, Speed};

pub fn play(args: &PlayArgs) -> miette::Result<()> {
    let spec = PlaySpec {
        session: Alpha::new(&args.session).into_diagnostic()?,
        pace: match args.speed {
            Speed::Times(speed) => Pace::Timestamps { speed },
            Speed::Max => Pace::Max,
        },
        faults: Faults { loss: args.loss, duplication: args.dup, reordering: args.reorder, seed: args.seed },
        ..PlaySpec::new(args.to)
    };
    let mut player = Player::new(spec, source::open(&args.file)?).into_diagnostic()?;
    let report = player.play_all().into_diagnostic()?;
    print(&report, args);
    Ok(())
}

fn print(report: &PlayReport, args: &PlayArgs) {
    let PlayReport { messages, packets, bytes, lost, duplicated, reordered, .. } = report;
    println!("{messages} messages in {packets} packets, {bytes} bytes to {}", args.to);
    if lost + duplicated + reordered > 0 {
        println!("{lost} packets lost, {duplicated} duplicated, {reordered} reordered (seed {})", args.seed);
    }
}
