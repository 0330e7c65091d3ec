//! Rules that no schema can express: names must exist, and values must agree with each other.
//!
//! Every check reads only sections that fit the schema, so that no mistake is reported twice.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::addresses::{self, fixed_port};
use crate::breaker::{Breaker, Edge, SAMPLE_MS, Watches};
use crate::document::{Document, closest};
use crate::feeds::Recovery;
use crate::limits::WithoutReference;
use crate::schema::{
    Account, CANCELED_BYTES, Day, EXECUTED_BYTES, Firm, Idle, Instrument, Matching, Net, OrderEntry, Placement, Port,
    REPLY_LOG_SPARE_BYTES, Risk, Shard, Supervision,
};
use crate::values::{Cpu, Price, TimeOfDay};
use crate::{
    bulkhead,
    members::{self, PortsByOwner},
};

pub(crate) fn check(document: &mut Document) {
    let shards = document.elements::<Shard>("shards");
    let distinct = unique(document, "shard", "name", shards.iter().map(|(path, shard)| (path, shard.name.clone())));
    cpus(document, &shards);
    // If a shard is not readable or its name is taken, a name may only seem unknown.
    if distinct && shards.len() == document.len("shards") && !shards.is_empty() {
        placement(document, &shards);
    }
    network(document);
    order_entry(document);
    members(document);
    bulkhead::check(document);
    breakers(document);
    instruments(document);
    matching(document);
    addresses::check(document);
    day(document);
    supervision(document);
    recovery(document);
}

fn recovery(document: &mut Document) {
    let Some(recovery) = document.section::<Recovery>("feeds.in.recovery") else {
        return;
    };
    let Recovery { timeout_ms, timeout_step_ms, timeout_max_ms, .. } = recovery;
    if timeout_step_ms == 0 && document.has("feeds.in.recovery.timeout_max_ms") {
        document.conflict(
            "feeds.in.recovery.timeout_max_ms",
            "`timeout_max_ms` is set, but without `timeout_step_ms` no time is longer than the first".into(),
            "has no effect",
            "set `timeout_step_ms`, or remove it".into(),
        );
    }
    if timeout_ms > timeout_max_ms {
        document.conflict(
            "feeds.in.recovery.timeout_max_ms",
            format!("`timeout_max_ms` ({timeout_max_ms}) is less than `timeout_ms` ({timeout_ms})"),
            "shorter than the shortest time",
            format!("write {timeout_ms} or more, or lower `timeout_ms`"),
        );
    }
}

fn supervision(document: &mut Document) {
    let Some(supervision) = document.section::<Supervision>("supervision") else {
        return;
    };
    let Supervision { restarts_max, backoff_first_ms, backoff_max_ms, .. } = supervision;
    for key in ["period_ms", "backoff_first_ms", "backoff_max_ms"] {
        let key = format!("supervision.{key}");
        if restarts_max == 0 && document.has(&key) {
            document.conflict(
                &key,
                format!("`{key}` is set, but nothing is restarted, since `supervision.restarts_max` is 0"),
                "has no effect",
                "remove it, or raise `restarts_max`".into(),
            );
        }
    }
    if backoff_first_ms > backoff_max_ms {
        document.conflict(
            "supervision.backoff_first_ms",
            format!(
                "`supervision.backoff_first_ms` ({backoff_first_ms}) is more than `supervision.backoff_max_ms` \
                 ({backoff_max_ms})"
            ),
            "longer than the longest wait",
            "lower it, or raise `backoff_max_ms`".into(),
        );
    }
}

/// Refuses events that do not follow each other. One of the end may not have a time if an earlier one comes at the stop.
fn day(document: &mut Document) {
    let Some(day) = document.section::<Day>("day") else {
        return;
    };
    let timed = day.events().into_iter().filter_map(|(key, time)| Some((key, time?)));
    let timed: Vec<_> = timed.collect();
    for pair in timed.windows(2) {
        let [(before, earlier), (key, later)] = pair else { continue };
        if later < earlier {
            document.conflict(
                &format!("day.{key}"),
                format!("`day.{key}` ({later}) is before `day.{before}` ({earlier})"),
                "too early",
                format!("write {earlier} or later; a day ends before midnight"),
            );
        }
    }
    let events = day.events();
    let (start, end) = events.split_at(3);
    // Without a time, the market opens when the venue starts, at midnight at the earliest.
    let opens = start.iter().rev().find_map(|(_, time)| *time).map_or(0, TimeOfDay::seconds);
    let closes = end.iter().find_map(|(key, time)| Some((key, (*time)?)));
    if let Some((key, closes)) = closes.filter(|(_, closes)| closes.seconds() == opens) {
        document.conflict(
            &format!("day.{key}"),
            format!("`day.{key}` ({closes}) is not after the time at which the market opens"),
            "no market hours",
            "write a later time, or no day order is ever accepted".into(),
        );
    }
}

/// Reports every name that an earlier element of the array has. Where case does not matter, pass names in one case.
fn unique<'p>(
    document: &mut Document,
    what: &str,
    key: &str,
    names: impl Iterator<Item = (&'p String, String)>,
) -> bool {
    let mut first: HashMap<String, &String> = HashMap::new();
    let mut all_unique = true;
    for (path, name) in names {
        if let Some(earlier) = first.get(&name) {
            all_unique = false;
            document.conflict(
                &format!("{path}.{key}"),
                format!("two {what}s have the {key} \"{name}\""),
                "already used",
                format!("give each {what} its own {key}; `{earlier}` has this one"),
            );
        } else {
            first.insert(name, path);
        }
    }
    all_unique
}

/// Refuses to share a CPU that a shard spins on: it has no time for anything else.
fn cpus(document: &mut Document, shards: &[(String, Shard)]) {
    let mut first: HashMap<usize, (&String, &Shard)> = HashMap::new();
    let housekeeping = document.section::<Placement>("placement").map(|placement| placement.housekeeping_cpu);
    for (path, shard) in shards {
        let Cpu::Number(number) = shard.cpu else {
            continue;
        };
        if shard.idle == Idle::Spin && housekeeping == Some(shard.cpu) {
            document.conflict(
                "placement.housekeeping_cpu",
                format!("housekeeping and the spinning shard \"{}\" share CPU {number}", shard.name),
                "never idle",
                format!("choose another CPU or \"auto\", or set {path}.idle = \"auto\""),
            );
        }
        match first.get(&number) {
            Some((_, other)) if shard.idle == Idle::Spin || other.idle == Idle::Spin => {
                let spins = if shard.idle == Idle::Spin { shard } else { other };
                document.conflict(
                    &format!("{path}.cpu"),
                    format!(
                        "the shards \"{}\" and \"{}\" share CPU {number}, and \"{}\" spins on it",
                        other.name, shard.name, spins.name
                    ),
                    "already taken",
                    "give each spinning shard a CPU of its own, or set idle = \"auto\" on those that share one".into(),
                );
            }
            Some(_) => {}
            None => drop(first.insert(number, (path, shard))),
        }
    }
}

fn placement(document: &mut Document, shards: &[(String, Shard)]) {
    let Some(placement) = document.section::<Placement>("placement") else {
        return;
    };
    let roles = [("ingress", &placement.ingress), ("core", &placement.core), ("publisher", &placement.publisher)];
    let names = || shards.iter().map(|(_, shard)| shard.name.as_str());
    let mut all_known = true;
    for (role, name) in roles {
        if names().any(|known| known == name) {
            continue;
        }
        all_known = false;
        let quoted = names().map(|known| format!("\"{known}\"")).collect::<Vec<_>>().join(", ");
        let help = match closest(name, names()) {
            Some(known) => format!("did you mean \"{known}\"? The shards are {quoted}"),
            None => format!("name one of the shards, {quoted}, or add a section [[shards]] with this name"),
        };
        document.conflict(
            &format!("placement.{role}"),
            format!("{role} is placed on \"{name}\", which is not a shard"),
            "no such shard",
            help,
        );
    }
    let idle = shards.iter().filter(|(_, shard)| roles.iter().all(|(_, name)| **name != shard.name));
    for (path, shard) in idle.filter(|_| all_known) {
        document.conflict(
            &format!("{path}.name"),
            format!("no role is placed on the shard \"{}\"", shard.name),
            "runs nothing",
            "remove the shard, or name it in [placement]".into(),
        );
    }
}

/// Connections that `net.connections_max` must leave to clients that have not logged in: one, and one that makes room.
pub const LOG_INS_MIN: usize = 2;

fn network(document: &mut Document) {
    let Some(net) = document.section::<Net>("net") else {
        return;
    };
    let powers = [
        ("receive_buffers", net.receive_buffers, "the kernel's ring needs a power of two"),
        ("send_buffer_bytes", net.send_buffer_bytes, "the ring of unsent bytes needs a power of two"),
        ("submission_entries", net.submission_entries, "the kernel's ring needs a power of two"),
    ];
    for (key, count, why) in powers {
        if !count.is_power_of_two() {
            document.conflict(
                &format!("net.{key}"),
                format!("`net.{key}` is {count}, which is not a power of two"),
                why,
                format!("write {} or {}", count.next_power_of_two() / 2, count.next_power_of_two()),
            );
        }
    }
    if net.send_buffer_bytes < net.max_frame_bytes {
        document.conflict(
            "net.send_buffer_bytes",
            format!("`net.send_buffer_bytes` is less than one frame of {} bytes", net.max_frame_bytes),
            "too small for one frame",
            "raise it, or lower `net.max_frame_bytes`".into(),
        );
    }
    let ports = document.len("ports");
    if net.connections_max < ports + LOG_INS_MIN {
        document.conflict(
            "net.connections_max",
            format!("{ports} ports may log in, but `net.connections_max` is {}", net.connections_max),
            "no room for new connections",
            format!("raise it to {} or more, so that new connections have room beside them", ports + LOG_INS_MIN),
        );
    }
}

fn order_entry(document: &mut Document) {
    let Some(order_entry) = document.section::<OrderEntry>("order_entry") else {
        return;
    };
    fixed_port(document, "order_entry", "order_entry", order_entry.listen.port(), order_entry.allow_ephemeral_port);
    if let IpAddr::V4(address) = order_entry.listen.ip()
        && (address.is_multicast() || address.is_broadcast())
    {
        document.conflict(
            "order_entry.listen",
            format!("a TCP server cannot listen on {address}"),
            "multicast or broadcast",
            "listen on an address of this host, such as 127.0.0.1, or on 0.0.0.0 for all".into(),
        );
    }
    let net = document.section::<Net>("net");
    if let Some(Net { connections_max, .. }) = net
        && order_entry.connections_per_address_max >= connections_max
        && document.has("order_entry.connections_per_address_max")
    {
        document.conflict(
            "order_entry.connections_per_address_max",
            format!(
                "`order_entry.connections_per_address_max` is {}, but `net.connections_max` is {connections_max}",
                order_entry.connections_per_address_max
            ),
            "has no effect",
            format!("lower it to {} or less, or remove it", connections_max - 1),
        );
    }
    let least = net.as_ref().map_or(0, |net| order_entry.reply_log_bytes_min(net));
    if let Some(net) = net.filter(|_| order_entry.reply_log_bytes < least) {
        document.conflict(
            "order_entry.reply_log_bytes",
            format!(
                "`order_entry.reply_log_bytes` ({}) is less than twice `net.send_buffer_bytes` ({}), {} for each of \
                 `open_orders_per_port_max` ({}), and {REPLY_LOG_SPARE_BYTES} more",
                order_entry.reply_log_bytes,
                net.send_buffer_bytes,
                CANCELED_BYTES + EXECUTED_BYTES,
                order_entry.open_orders_per_port_max
            ),
            "forgets what a slow client has yet to read",
            format!("raise it to {least} or more, or lower one of these"),
        );
    }
    if order_entry.client_timeout_ms <= order_entry.heartbeat_ms {
        document.conflict(
            "order_entry.client_timeout_ms",
            format!(
                "`order_entry.client_timeout_ms` ({}) is not longer than `order_entry.heartbeat_ms` ({})",
                order_entry.client_timeout_ms, order_entry.heartbeat_ms
            ),
            "quiet clients would be dropped between two heartbeats",
            "make it several heartbeats long; 15000 is usual".into(),
        );
    }
}

fn members(document: &mut Document) {
    let ports = document.elements::<Port>("ports");
    // SoupBinTCP compares user names without case.
    unique(document, "port", "user", ports.iter().map(|(path, port)| (path, port.user.to_ascii_uppercase())));
    let accounts = document.elements::<Account>("accounts");
    unique(document, "account", "name", accounts.iter().map(|(path, account)| (path, account.name.clone())));
    let firms = document.elements::<Firm>("firms");
    unique(document, "firm", "name", firms.iter().map(|(path, firm)| (path, firm.name.clone())));
    members::check(document);
}

fn breakers(document: &mut Document) {
    let breakers = document.elements::<Breaker>("breaker");
    unique(document, "breaker", "name", breakers.iter().map(|(path, one)| (path, one.name.clone())));
    for (path, breaker) in &breakers {
        let missing = match (breaker.watches, breaker.edge) {
            (Watches::Feed, _) | (Watches::Edge, Some(Edge::References)) => Some("feeds.in"),
            (Watches::Publisher, _) | (Watches::Edge, Some(Edge::Publications)) => Some("feeds.out"),
            _ => None,
        };
        if breaker.edge.is_some() != (breaker.watches == Watches::Edge) {
            document.conflict(
                &format!("{path}.watches"),
                format!(
                    "the breaker \"{}\" watches an edge and names none, or names one and watches none",
                    breaker.name
                ),
                "no edge",
                "write `watches = \"edge\"` and `edge` together, or neither".into(),
            );
        }
        if let Some(section) = missing.filter(|section| !document.has(section)) {
            document.conflict(
                &format!("{path}.watches"),
                format!("the breaker \"{}\" watches a feed that is not configured", breaker.name),
                "nothing to watch",
                format!("add [{section}], or remove the breaker"),
            );
        }
        let samples_max = breaker.samples_max();
        if u64::from(breaker.samples_min) > samples_max {
            let (window, has) = match breaker.window_samples {
                None => ("window_ms", format!("({}) is sure to have {samples_max} samples only", breaker.window_ms)),
                Some(_) => ("window_samples", format!("is {samples_max}")),
            };
            document.conflict(
                &format!("{path}.samples_min"),
                format!("`{path}.{window}` {has}"),
                "the breaker might never open",
                format!("lower `samples_min` to {samples_max} or less, or raise `{window}`"),
            );
        }
        if breaker.window_samples.is_some() && document.has(&format!("{path}.window_ms")) {
            document.conflict(
                &format!("{path}.window_ms"),
                format!("the window of the breaker \"{}\" is a time and a number of samples", breaker.name),
                "one too many",
                "write one of `window_ms` and `window_samples`".into(),
            );
        }
        let (without_effect, sampled): (&[&str], _) = match breaker.watches {
            Watches::Feed | Watches::Publisher | Watches::Log | Watches::Edge => {
                (&["slow_percent", "slow_ms"], "fail or not, but are never slow")
            }
            Watches::Answers | Watches::Housekeeping => (&["failure_percent"], "are slow or not, but never fail"),
        };
        for key in without_effect.iter().filter(|key| document.has(&format!("{path}.{key}"))).collect::<Vec<_>>() {
            document.conflict(
                &format!("{path}.{key}"),
                format!("`{path}.{key}` is set, but samples of `watches = \"{}\"` {sampled}", breaker.watches),
                "has no effect",
                "remove it".into(),
            );
        }
        if matches!(breaker.watches, Watches::Answers | Watches::Housekeeping) && breaker.slow_ms <= SAMPLE_MS {
            document.conflict(
                &format!("{path}.slow_ms"),
                format!("`{path}.slow_ms` is {}, but a sample is only taken every {SAMPLE_MS} ms", breaker.slow_ms),
                "quick samples would be slow",
                format!("write several times {SAMPLE_MS}, such as {}", 10 * SAMPLE_MS),
            );
        }
        for (key, share) in [("failure_percent", breaker.failure_percent), ("slow_percent", breaker.slow_percent)] {
            if share.parts_per_million() == 0 {
                document.conflict(
                    &format!("{path}.{key}"),
                    format!("`{path}.{key}` is zero, so the breaker would open without a cause"),
                    "always reached",
                    "write a share above zero, up to 100".into(),
                );
            }
        }
    }
}

fn instruments(document: &mut Document) {
    let instruments = document.elements::<Instrument>("instruments");
    unique(document, "instrument", "symbol", instruments.iter().map(|(path, one)| (path, one.symbol.clone())));
    let risk = document.section::<Risk>("risk");
    let needs_a_reference_price = !document.has("feeds.in") && reject_without_reference(document, risk.as_ref());
    let accepting = match &risk {
        Some(risk) if risk.collar_without_reference == WithoutReference::Reject => "risk.",
        _ => "",
    };
    for (path, instrument) in &instruments {
        let Instrument { symbol, tick, lot, reference_price } = instrument;
        if tick.ten_thousandths() == 0 || *tick > Price::ORDER_MAX {
            document.conflict(
                &format!("{path}.tick"),
                format!("the tick of {symbol} is {tick}"),
                "no price could be a multiple",
                format!("write the smallest price step, such as \"0.01\", up to {}", Price::ORDER_MAX),
            );
        } else if let Some(reference) = reference_price {
            reference_price_fits(document, path, symbol, *reference, *tick);
        } else if needs_a_reference_price {
            // No first order could come, so neither quotes of the own book nor a trade would ever give one.
            document.conflict(
                &format!("{path}.reference_price"),
                format!("{symbol} has no `reference_price`, so every order would be rejected"),
                "has no price for the collar",
                format!("write its reference price, add [feeds.in], or set `{accepting}collar_without_reference = \"accept\"`"),
            );
        }
        // Without a reference price, at the lowest price that there is.
        let (key, price) = reference_price.map_or(("tick", *tick), |price| ("reference_price", price));
        if let Some(risk) = risk.as_ref()
            && (1..instrument.notional(price)).contains(&risk.notional_max.ten_thousandths().into())
        {
            document.conflict(
                &format!("{path}.{key}"),
                format!("a lot of {symbol} is {lot} at {price}, more than the largest notional allowed"),
                "above the limit",
                format!("lower it, or raise `risk.notional_max` ({})", risk.notional_max),
            );
        }
        if let Some(risk) = risk.as_ref().filter(|risk| risk.quantity_max < *lot) {
            document.conflict(
                &format!("{path}.lot"),
                format!("the lot of {symbol} is {lot}, more than the largest order allowed"),
                "above the limit",
                format!("lower it, or raise `risk.quantity_max` ({})", risk.quantity_max),
            );
        }
    }
    if risk.is_some_and(|risk| risk.notional_max.ten_thousandths() == 0) {
        document.conflict(
            "risk.notional_max",
            "`risk.notional_max` is zero, so every order would be rejected".into(),
            "excludes every order",
            "write the largest price times quantity of one order, such as \"1000000\"".into(),
        );
    }
}

/// Whether the orders of all ports are rejected while an instrument has no reference price.
fn reject_without_reference(document: &Document, risk: Option<&Risk>) -> bool {
    let rejects = |word: Option<WithoutReference>| word == Some(WithoutReference::Reject);
    if rejects(risk.map(|risk| risk.collar_without_reference)) {
        return true;
    }
    let Some(owners) = PortsByOwner::read(document) else { return false };
    let own = document.elements::<Port>("ports").into_iter();
    let own = own.filter(|(_, port)| rejects(port.limits.collar_without_reference)).map(|(path, _)| path);
    let accounts = document.elements::<Account>("accounts").into_iter();
    let accounts = accounts.filter(|(_, account)| rejects(account.limits.collar_without_reference));
    let of_accounts = accounts.filter_map(|(_, account)| owners.of_account.get(&account.name)).flatten().cloned();
    let firms = document.elements::<Firm>("firms").into_iter();
    let firms = firms.filter(|(_, firm)| rejects(firm.limits.collar_without_reference));
    let of_firms = firms.filter_map(|(_, firm)| owners.of_firm.get(&firm.name)).flatten().cloned();
    let rejecting: HashSet<String> = own.chain(of_accounts).chain(of_firms).collect();
    !rejecting.is_empty() && rejecting.len() == document.len("ports")
}

fn reference_price_fits(document: &mut Document, path: &str, symbol: &str, reference: Price, tick: Price) {
    let key = format!("{path}.reference_price");
    let (units, step) = (reference.ten_thousandths(), tick.ten_thousandths());
    if units == 0 || reference > Price::ORDER_MAX {
        document.conflict(
            &key,
            format!("the reference price of {symbol} is {reference}"),
            "no order could have it",
            format!("write a price from {tick} to {}, or leave it out", Price::ORDER_MAX),
        );
    } else if units % step != 0 {
        let below = Price::from_ten_thousandths(units - units % step);
        let above = Price::from_ten_thousandths(units - units % step + step);
        document.conflict(
            &key,
            format!("the reference price of {symbol} is {reference}, not a multiple of its tick {tick}"),
            "between two ticks",
            format!("write \"{below}\" or \"{above}\""),
        );
    }
}

fn matching(document: &mut Document) {
    let Some(matching) = document.section::<Matching>("matching") else {
        return;
    };
    let Some(order_entry) = document.section::<OrderEntry>("order_entry") else {
        return;
    };
    let ports = document.len("ports").max(1);
    let share = order_entry.open_orders_per_port_max;
    // In the worst case, each order has a price level of its own.
    for (key, what, most) in
        [("orders_max", "orders", matching.orders_max), ("levels_max", "levels", matching.levels_max)]
    {
        if ports.saturating_mul(share) > most {
            document.conflict(
                "order_entry.open_orders_per_port_max",
                format!("{ports} ports may have {share} open orders each, but the books hold {most} {what}"),
                "one port could take the room of another",
                format!("lower it to {} or less, or raise `matching.{key}`", (most / ports).max(1)),
            );
        }
    }
}
