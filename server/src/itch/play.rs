//! `corelane itch play`: sends a file as MoldUDP64 packets.

use std::{net::SocketAddr, time::Duration};

use corelane_codecs::text::Alpha;
use corelane_market::{Faults, LineReport, LineSpec, Pace, PlayReport, PlaySpec, Player, RetransmissionSpec};
use miette::IntoDiagnostic;

use super::source;
use crate::{
    cli::{PlayArgs, Speed},
    tables::say,
};

/// The default time for repeating the end of session and answering requests, with a retransmission server.
const LINGER: Duration = Duration::from_secs(3);

pub(super) fn play(args: &PlayArgs) -> miette::Result<()> {
    let mut player = Player::new(spec(args)?, source::open(&args.file)?).into_diagnostic()?;
    if let Some(address) = player.retransmission() {
        say(format_args!("retransmission requests on {address}"));
    }
    let report = player.play_all().into_diagnostic()?;
    print(&report, args);
    Ok(())
}

fn spec(args: &PlayArgs) -> miette::Result<PlaySpec> {
    let faults_a = Faults {
        loss: args.loss_a.unwrap_or(args.loss),
        duplication: args.dup_a.unwrap_or(args.dup),
        reordering: args.reorder_a.unwrap_or(args.reorder),
        seed: args.seed,
    };
    let faults_b = Faults {
        loss: args.loss_b.unwrap_or(args.loss),
        duplication: args.dup_b.unwrap_or(args.dup),
        reordering: args.reorder_b.unwrap_or(args.reorder),
        // A different seed, so that the lines lose packets independently.
        seed: !args.seed,
    };
    let skew = Duration::from_millis(args.skew.into());
    let linger = args.linger.map(|seconds| Duration::from_secs(seconds.into()));
    Ok(PlaySpec {
        line_a: LineSpec { faults: faults_a, ..LineSpec::new(args.to) },
        line_b: args.to_b.map(|to| LineSpec { faults: faults_b, skew, ..LineSpec::new(to) }),
        retransmission: args.retransmission.map(|listen| RetransmissionSpec { listen, messages_max: args.keep }),
        linger: linger.unwrap_or(if args.retransmission.is_some() { LINGER } else { Duration::ZERO }),
        session: Alpha::new(&args.session).into_diagnostic()?,
        pace: match args.speed {
            Speed::Times(speed) => Pace::Timestamps { speed },
            Speed::Max => Pace::Max,
        },
        ..PlaySpec::new(args.to)
    })
}

fn print(report: &PlayReport, args: &PlayArgs) {
    let [line_a, line_b] = &report.lines;
    say(format_args!("{} messages in {} packets", report.messages, report.packets));
    print_line("line A", args.to, line_a, args.seed);
    if let Some(to) = args.to_b {
        print_line("line B", to, line_b, args.seed);
    }
    if args.retransmission.is_some() {
        let sent = report.retransmission;
        say(format_args!(
            "{} retransmission requests, {} answers, {} messages retransmitted",
            sent.requests, sent.answers, sent.messages
        ));
    }
}

fn print_line(line: &str, to: SocketAddr, report: &LineReport, seed: u64) {
    let LineReport { bytes, lost, duplicated, reordered, .. } = report;
    let faults = match lost + duplicated + reordered {
        0 => String::new(),
        _ => format!("; {lost} packets lost, {duplicated} duplicated, {reordered} reordered (seed {seed})"),
    };
    say(format_args!("{line}: {bytes} bytes to {to}{faults}"));
}
