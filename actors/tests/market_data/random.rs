//! Generated days on a network that repeats, loses and truncates packets, compared with books built by a search of all
//! orders.

use std::collections::BTreeMap;

use crate::harness::{Feed, MS, add, config, delete, packet};
use corelane_actors::{market_data::FeedCount, types::Locate};
use corelane_codecs::{
    IntoBytes,
    itch::{Header, OrderCancel, OrderExecuted, OrderReplace, Side},
    price::Price4,
};
use proptest::prelude::*;

/// A message of the generated day. Indices are taken modulo the number of orders or instruments.
#[derive(Clone, Debug)]
enum Act {
    Add { ours: bool, buy: bool, price: u32, shares: u32 },
    Reduce { order: usize, shares: u32, cancel: bool },
    Delete { order: usize },
    Replace { order: usize, price: u32, shares: u32 },
    Noise(Vec<u8>),
}

fn act() -> impl Strategy<Value = Act> {
    let price = || 100_u32..112;
    let shares = || 1_u32..200;
    prop_oneof![
        5 => (prop::bool::weighted(0.8), any::<bool>(), price(), shares())
            .prop_map(|(ours, buy, price, shares)| Act::Add { ours, buy, price, shares }),
        3 => (any::<usize>(), shares(), any::<bool>())
            .prop_map(|(order, shares, cancel)| Act::Reduce { order, shares, cancel }),
        1 => any::<usize>().prop_map(|order| Act::Delete { order }),
        2 => (any::<usize>(), price(), shares())
            .prop_map(|(order, price, shares)| Act::Replace { order, price, shares }),
        1 => prop::collection::vec(any::<u8>(), 0..50).prop_map(Act::Noise),
    ]
}

#[derive(Clone, Copy)]
struct Resting {
    ours: bool,
    buy: bool,
    price: u32,
    shares: u32,
}

/// The messages of a day, and the best bid and ask at its end, found by a search of all orders.
fn day(acts: &[Act]) -> (Vec<Vec<u8>>, u64, u64) {
    let mut orders: BTreeMap<u64, Resting> = BTreeMap::new();
    let mut messages = Vec::new();
    for (order_ref, act) in (1..).zip(acts) {
        let pick = |order: usize| (!orders.is_empty()).then(|| *orders.keys().nth(order % orders.len()).unwrap());
        let header = |ours| if ours { 7 } else { 8 };
        match act {
            &Act::Add { ours, buy, price, shares } => {
                let side = if buy { Side::Buy } else { Side::Sell };
                let stock = if ours { "AAPL" } else { "IBM" };
                messages.push(add(header(ours), stock, order_ref, side, price, shares));
                orders.insert(order_ref, Resting { ours, buy, price, shares });
            }
            &Act::Reduce { order, shares, cancel } => {
                let Some(order_ref) = pick(order) else {
                    continue;
                };
                let resting = orders.get_mut(&order_ref).unwrap();
                let shares = shares.min(resting.shares);
                let locate = header(resting.ours);
                messages.push(if cancel {
                    let header = Header::new(locate, 0, 0);
                    OrderCancel { header, order_ref: order_ref.into(), cancelled_shares: shares.into() }
                        .as_bytes()
                        .to_vec()
                } else {
                    let header = Header::new(locate, 0, 0);
                    let (order_ref, executed_shares) = (order_ref.into(), shares.into());
                    OrderExecuted { header, order_ref, executed_shares, match_number: 1.into() }.as_bytes().to_vec()
                });
                resting.shares -= shares;
                if resting.shares == 0 {
                    orders.remove(&order_ref);
                }
            }
            &Act::Delete { order } => {
                let Some(order_ref) = pick(order) else {
                    continue;
                };
                let resting = orders.remove(&order_ref).unwrap();
                messages.push(delete(header(resting.ours), order_ref));
            }
            &Act::Replace { order, price, shares } => {
                let Some(original) = pick(order) else {
                    continue;
                };
                let resting = orders.remove(&original).unwrap();
                let replace = OrderReplace {
                    header: Header::new(header(resting.ours), 0, 0),
                    original_order_ref: original.into(),
                    new_order_ref: order_ref.into(),
                    shares: shares.into(),
                    price: Price4::from_raw(price).into(),
                };
                messages.push(replace.as_bytes().to_vec());
                orders.insert(order_ref, Resting { price, shares, ..resting });
            }
            // Too short for anything that changes a book but by chance; then its first byte is changed.
            Act::Noise(bytes) => {
                let mut bytes = bytes.clone();
                bytes.iter_mut().take(1).for_each(|kind| *kind |= 0x80);
                messages.push(bytes);
            }
        }
    }
    let best = |buy| {
        let ours = orders.values().filter(move |order| order.ours && order.buy == buy);
        ours.map(|order| u64::from(order.price))
    };
    (messages, best(true).max().unwrap_or(0), best(false).min().unwrap_or(0))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Packets of any size, each of which starts some messages back: repeats and overlaps, but no loss.
    #[test]
    fn repeats_and_overlaps_change_nothing(
        acts in prop::collection::vec(act(), 1..90),
        steps in prop::collection::vec((1_usize..8, 0_usize..6), 40..60)
    ) {
        let (messages, best_bid, best_ask) = day(&acts);
        let mut feed = Feed::new(config());
        let (mut at, mut reached) = (0, 0);
        for (length, back) in steps.iter().cycle() {
            if reached == messages.len() {
                break;
            }
            let end = (at + length).min(messages.len());
            feed.packet(at as u64 + 1, &messages[at..end]);
            reached = reached.max(end);
            // Goes back from the highest number sent, so that no message is skipped.
            at = if end < reached { reached } else { reached.saturating_sub(back % length.max(&1)) };
        }
        feed.new_references();
        let known = feed.known.get(&Locate(1)).copied().unwrap_or_default();
        prop_assert_eq!((known.bid.raw(), known.ask.raw(), known.stale), (best_bid, best_ask, 0));
        prop_assert_eq!(feed.count(FeedCount::Gaps), 0);
    }

    /// Some packets are lost, repeated or truncated: nothing fails, and references that may be wrong are stale.
    #[test]
    fn losses_make_the_references_stale_and_break_nothing(
        acts in prop::collection::vec(act(), 10..90),
        fates in prop::collection::vec(0_u8..6, 90),
        cut in 20_usize..60
    ) {
        let (messages, ..) = day(&acts);
        let mut feed = Feed::new(config());
        let mut reached = 0;
        let mut is_lossy = false;
        for (index, chunk) in messages.chunks(3).enumerate() {
            let mut bytes = packet("FEED", index as u64 * 3 + 1, chunk);
            match fates[index] {
                0 => { is_lossy = true; continue }
                1 => feed.datagram(&bytes.clone()),
                2 if bytes.len() > cut => { bytes.truncate(cut); is_lossy = true }
                _ => {}
            }
            feed.datagram(&bytes);
            feed.sim.run_until_idle();
            reached = index as u64 * 3 + 1 + chunk.len() as u64;
        }
        // The number of the last message reveals a loss at the end; it is believed the second time.
        let end = messages.len() as u64 + 1;
        (0..2).for_each(|_| feed.packet(end.max(reached), &[]));
        (0..3).for_each(|_| feed.advance(2 * MS));
        feed.new_references();
        prop_assert!(feed.sim.failures().is_empty());
        if is_lossy && !messages.is_empty() {
            prop_assert_eq!(feed.known[&Locate(1)].stale, 1);
            prop_assert!(feed.count(FeedCount::Gaps) > 0);
        } else {
            prop_assert_eq!(feed.count(FeedCount::Gaps), 0);
        }
    }

    #[test]
    fn any_datagram_is_survived(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
        let mut feed = Feed::new(config());
        for bytes in &datagrams {
            feed.datagram(bytes);
        }
        feed.sim.run_until_idle();
        prop_assert!(feed.sim.failures().is_empty());
    }
}
