//! The running process: sleeping and waking, clocks, stops, the process suspended.

#[path = "../support/mod.rs"]
mod support;

mod clock_faults;
mod faults;
mod figures;
mod hangs;
mod idle_cpu;
mod parking;
mod stop;
mod stop_network;
mod stop_timers;
mod suspended_process;
mod wakes;
