//! The `corelane-latency` binary.

use clap::Parser;
use corelane_latency::cli::Cli;

fn main() {
    let _ = Cli::parse();
}
