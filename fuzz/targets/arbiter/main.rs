//! The arbiter between two lines and two servers that send anything, in any order: packets of several runs, twice, late or
//! never; heartbeats, ends, forged packets, any bytes. The input is a script; `witness.rs` says what must hold.

#![no_main]

mod script;
mod wire;
mod witness;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut script = script::Script::new(bytes);
    while script.step() {}
    script.finish();
});
