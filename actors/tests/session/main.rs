//! Sessions of order entry: log-in, flow, numbers, limits, ends.

mod harness;

mod bulkheads;
mod flow;
mod half_close;
mod halt;
mod held;
mod many;
mod mass_cancel;
mod numbers;
mod protocol;
mod random;
mod requests;
mod tracking;
