//! The memory that `corelane check` prints is what the tables take. This test has its own binary, because it measures the
//! process.

mod group_support;

use std::hint::black_box;

use corelane_actors::{
    engine::Group,
    market_data::{BookLimits, Books},
    session::{Credentials, Session, SessionConfig},
    types::GroupConfig,
};
use corelane_codecs::text::{Alpha, Symbol};
use corelane_runtime::telemetry::Counters;

/// Tables of hundreds of megabytes, most of them never touched. What else the process does is less than 1 % of that.
const MANY: usize = 3 << 20;

/// By how much the process's memory grows while `made` lives, in bytes.
fn grows<T>(make: impl FnOnce() -> T) -> f64 {
    let before = mapped_bytes();
    let made = black_box(make());
    let after = mapped_bytes();
    drop(made);
    after - before
}

fn mapped_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    1024.0 * size.trim().strip_suffix(" kB").unwrap().parse::<f64>().unwrap()
}

#[track_caller]
fn assert_about(expected_bytes: usize, seen_bytes: f64) {
    let ratio = seen_bytes / expected_bytes as f64;
    assert!((0.97..1.03).contains(&ratio), "{expected_bytes} bytes expected, {seen_bytes} seen");
}

// T10
#[test]
fn tables_take_the_memory_that_is_said() {
    // Small tables first: what malloc keeps of freed large ones would hide them.
    let limits = BookLimits { orders_max: MANY / 4, levels_max: 16_384 };
    let symbols = [Symbol::new("AAPL").unwrap(), Symbol::new("MSFT").unwrap()];
    assert_about(Books::bytes(symbols.len(), limits), grows(|| Books::new(&symbols, limits)));

    let user = |user| Credentials { user: Alpha::new(user).unwrap(), password: Alpha::new("secret").unwrap() };
    let ports = vec![user("ALICE"), user("BOB")];
    let few = SessionConfig::new(Alpha::new("DAY0000001").unwrap(), ports, symbols.to_vec());
    let many = SessionConfig { open_orders_per_port_max: 1 << 20, reply_log_bytes: 9472, ..few };
    assert_about(many.number_bytes(), grows(|| Session::new(many.clone()).unwrap()));

    let group = GroupConfig {
        orders_max: MANY as u32,
        levels_max: MANY as u32,
        open_orders_per_port_max: MANY as u32 / 2,
        ..group_support::config()
    };
    let (orders, books) = Group::bytes(&group);
    assert_about(orders + books, grows(|| Group::new(&group, Counters::default())));
}
