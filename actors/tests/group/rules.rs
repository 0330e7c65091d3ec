//! The rules of `docs/rules.md`, on both sides of each bound.

use crate::group_support::{
    COLLAR_PPM, Edges, Outputs, QUOTE_WIDTH_PPM, Venue, cancel, config, enter, kill, kill_port, market, reference,
    replace,
};
use corelane_actors::{
    engine::GroupCount,
    types::{
        Command, Enter, GroupConfig, Locate, Notional, PortId, Quantity, Reference, Replace, Reply, Scope, SequencerIn,
        WithoutReference,
    },
};
use corelane_codecs::ouch::Outbound;

const TICK: u64 = 100;

/// Replies as `0#1 A 100`: the port, the order, the kind of the answer with the reason of a cancel or reject, open shares.
fn answers(outputs: &Outputs) -> Vec<String> {
    let one = |reply: &Reply| {
        let kind = match Outbound::decode(&reply.bytes[..usize::from(reply.length)]).unwrap() {
            Outbound::Rejected(rejected, _) => format!("J {:#04x}", rejected.reason_code.get()),
            Outbound::Canceled(canceled, _) => {
                format!("C {}{}", canceled.quantity, char::from(canceled.reason_code))
            }
            Outbound::Executed(executed, _) => format!("E {}", executed.quantity),
            _ => char::from(reply.bytes[0]).to_string(),
        };
        format!("{}#{} {kind} {}", reply.port.0, reply.user_ref, reply.leaves_qty)
    };
    outputs.replies.iter().map(one).collect()
}

/// Ticks of 0.01 in an instrument without a configured price, limits that no order reaches but the collar, and rejection
/// where there is no reference price.
fn strict() -> GroupConfig {
    let mut config = config();
    config.limits.notional_max = Notional::MAX;
    config.limits.without_reference = WithoutReference::Reject;
    config
}

fn order(port: u32, user_ref: u32, locate: u16, side: u8, quantity: u32, price: u64) -> Command {
    Command::Enter(Enter { locate: Locate(locate), ..enter(port, user_ref, side, quantity, price) })
}

fn amend(original: u32, user_ref: u32, quantity: u32, price: u64) -> Command {
    Command::Replace(replace(0, original, user_ref, quantity, price))
}

/// Whether port 2 may enter an order of one share now. What does not trade is cancelled.
fn passes(venue: &mut Venue, user_ref: &mut u32, locate: u16, side: u8, price: u64) -> bool {
    *user_ref += 1;
    let seen = answers(&venue.run(0, order(2, *user_ref, locate, side, 1, price)));
    let is_in = !seen[0].contains("J 0x26");
    assert_eq!(is_in, seen[0].contains(" A "), "{seen:?}");
    venue.run(0, cancel(2, *user_ref, 0));
    is_in
}

/// The prices around the lowest and the highest that pass: below, at and above each.
fn check_collar(name: &str, venue: &mut Venue, locate: u16, [lowest, highest]: [u64; 2]) {
    let mut user_ref = 1_000;
    for side in [b'B', b'S'] {
        for (price, expected) in [
            (lowest - TICK, false),
            (lowest, true),
            (lowest + TICK, true),
            (highest - TICK, true),
            (highest, true),
            (highest + TICK, false),
        ] {
            let is_in = passes(venue, &mut user_ref, locate, side, price);
            assert_eq!(is_in, expected, "{name}: {} at {price}", char::from(side));
        }
    }
}

// M9
#[test]
fn the_collar_holds_above_and_below_for_buys_and_for_sells() {
    let mut venue = Venue::new(strict());
    assert_eq!(COLLAR_PPM, 100_000);
    check_collar("configured at 10.00", &mut venue, 1, [90_000, 110_000]);
    let far = venue.run(0, order(0, 1, 1, b'B', 10, TICK));
    assert_eq!(answers(&far), ["0#1 J 0x26 0"], "a buy at 0.01 with the reference at 10.00");
}

// M9
#[test]
fn the_reference_price_is_the_feeds_then_the_books_then_the_last_trades_then_the_configured() {
    let none = Reference::default();
    let stale = Reference { stale: 1, ..reference(299_000, 301_000) };
    // Whether the own book has two quotes around 20.00, and whether there was a trade at 15.00.
    let cases = [
        ("feed", reference(299_000, 301_000), true, true, [270_000, 330_000]),
        ("feed, locked quotes", reference(300_000, 300_000), true, true, [270_000, 330_000]),
        ("book: the feed is stale", stale, true, true, [180_000, 220_000]),
        ("book: the feed has no ask", reference(299_000, 0), true, true, [180_000, 220_000]),
        ("book: the feed has no bid", reference(0, 301_000), true, true, [180_000, 220_000]),
        ("book: the feed's quotes cross", reference(301_000, 300_900), true, true, [180_000, 220_000]),
        ("last trade: the book has one side", none, false, true, [135_000, 165_000]),
        ("configured: no trade", none, false, false, [90_000, 110_000]),
    ];
    for (name, fed, has_quotes, has_traded, bounds) in cases {
        let mut venue = Venue::new(strict());
        // Each order is near the feed's price at the time.
        let mut numbers = [0_u32; 2];
        let mut run = |port: usize, side, quantity, price: u64| {
            numbers[port] += 1;
            venue.reference(1, reference(price, price));
            let seen = answers(&venue.run(0, order(port as u32, numbers[port], 1, side, quantity, price)));
            assert!(seen[0].contains(" A "), "{name}: {seen:?}");
        };
        if has_traded {
            run(0, b'S', 10, 150_000);
            run(1, b'B', 10, 150_000);
        }
        if has_quotes {
            run(0, b'B', 10, 199_500);
            run(1, b'S', 10, 200_500);
        } else {
            // A stub on one side is no reference.
            run(0, b'S', 10, 1_999_999_900);
        }
        venue.reference(1, fed);
        check_collar(name, &mut venue, 1, bounds);
    }
}

// M9
#[test]
fn quotes_are_a_reference_price_up_to_their_width() {
    assert_eq!(QUOTE_WIDTH_PPM, 50_000);
    // 5 % of the mean, 20.00, is 1.00.
    for (bid, ask, counts) in [(195_000, 204_900, true), (195_000, 205_000, true), (195_000, 205_100, false)] {
        let mut fed = Venue::new(strict());
        fed.reference(3, reference(bid, ask));
        assert_eq!(passes(&mut fed, &mut 0, 3, b'B', bid), counts, "the feed's {bid} to {ask}");

        let mut own = Venue::new(strict());
        for (port, side, price) in [(0, b'B', bid), (1, b'S', ask)] {
            own.reference(3, reference(price, price));
            own.run(0, order(port, 1, 3, side, 10, price));
        }
        own.reference(3, Reference::default());
        assert_eq!(passes(&mut own, &mut 0, 3, b'B', bid), counts, "the book's {bid} to {ask}");
    }
}

// M9
#[test]
fn a_stub_quote_does_not_lift_the_collar() {
    let mut venue = Venue::new(strict());
    venue.reference(1, reference(100_000, 1_999_999_900));
    let out = venue.run(0, order(0, 1, 1, b'B', 10, 1_999_999_900));
    assert_eq!(answers(&out), ["0#1 J 0x26 0"], "a buy at 199,999.99 with the bid at 10.00");
}

// M9
#[test]
fn without_any_reference_price_the_configuration_decides_until_the_first_trade() {
    let mut lenient = strict();
    lenient.limits.without_reference = WithoutReference::Accept;
    for (config, expected) in [(strict(), false), (lenient, true)] {
        let mut venue = Venue::new(config);
        let mut user_ref = 0;
        for price in [TICK, 100_000, 1_999_999_900] {
            assert_eq!(passes(&mut venue, &mut user_ref, 3, b'B', price), expected, "{price}");
        }
        venue.reference(3, reference(100_000, 100_000));
        venue.run(0, order(0, 1, 3, b'S', 10, 100_000));
        venue.run(0, order(1, 1, 3, b'B', 10, 100_000));
        venue.reference(3, Reference::default());
        check_collar("after a trade at 10.00", &mut venue, 3, [90_000, 110_000]);
    }
}

/// An order of port 0 for 100 at 10.00, 20 of them executed, and limits of 150 shares and 1,500.00.
fn resting(side: u8) -> Venue {
    let mut config = strict();
    config.limits.quantity_max = Quantity(150);
    config.limits.notional_max = Notional(15_000_000);
    let mut venue = Venue::new(config);
    venue.reference(1, reference(100_000, 100_000));
    let other = if side == b'B' { b'S' } else { b'B' };
    venue.run(0, order(0, 1, 1, side, 100, 100_000));
    let traded = answers(&venue.run(0, order(1, 1, 1, other, 20, 100_000)));
    assert!(traded.contains(&"0#1 E 20 80".to_owned()), "{traded:?}");
    venue
}

// M10
#[test]
fn a_replace_is_checked_for_what_it_raises() {
    // Side, the feed's price, then the new total, the new price, and the answer. All but 20 of the total are open.
    let cases: &[(u8, u64, u32, u64, &str)] = &[
        // At a price that the collar would refuse: fewer and as many shares pass, one more does not.
        (b'B', 50_000, 99, 100_000, "0#2 U 79"),
        (b'B', 50_000, 100, 100_000, "0#2 U 80"),
        (b'B', 50_000, 101, 100_000, "0#2 J 0x26 0"),
        (b'S', 200_000, 99, 100_000, "0#2 U 79"),
        (b'S', 200_000, 100, 100_000, "0#2 U 80"),
        (b'S', 200_000, 101, 100_000, "0#2 J 0x26 0"),
        // A price that is less, as and more aggressive.
        (b'B', 50_000, 100, 99_900, "0#2 U 80"),
        (b'B', 50_000, 100, 100_100, "0#2 J 0x26 0"),
        (b'S', 200_000, 100, 100_100, "0#2 U 80"),
        (b'S', 200_000, 100, 99_900, "0#2 J 0x26 0"),
        // A more aggressive price is refused for fewer shares, too.
        (b'B', 50_000, 50, 100_100, "0#2 J 0x26 0"),
        // The collar's bounds for what is raised.
        (b'B', 100_000, 100, 110_000, "0#2 U 80"),
        (b'B', 100_000, 100, 110_100, "0#2 J 0x26 0"),
        (b'S', 100_000, 100, 90_000, "0#2 U 80"),
        (b'S', 100_000, 100, 89_900, "0#2 J 0x26 0"),
        // More shares: up to the maximum.
        (b'B', 100_000, 149, 100_000, "0#2 U 129"),
        (b'B', 100_000, 150, 100_000, "0#2 U 130"),
        (b'B', 100_000, 151, 90_000, "0#2 J 0x31 0"),
        // More notional: up to the maximum.
        (b'B', 100_000, 150, 99_900, "0#2 U 130"),
        (b'B', 100_000, 150, 100_100, "0#2 J 0x30 0"),
        (b'S', 100_000, 150, 100_100, "0#2 J 0x30 0"),
        (b'S', 140_000, 100, 150_000, "0#2 U 80"),
        (b'S', 140_000, 100, 150_100, "0#2 J 0x30 0"),
        // At the market.
        (b'B', 100_000, 100, 2_000_000_000, "0#2 J 0x2c 0"),
        (b'S', 100_000, 50, 2_000_000_000, "0#2 J 0x2c 0"),
    ];
    for &(side, fed, total, price, expected) in cases {
        let mut venue = resting(side);
        venue.reference(1, reference(fed, fed));
        let seen = answers(&venue.run(0, amend(1, 2, total, price)));
        let what = format!("{} {total} at {price}, the feed at {fed}", char::from(side));
        assert_eq!(seen, [expected], "{what}");
        // A refused replace has used its number and left the order.
        let left = if expected.contains('U') { (2, total - 20) } else { (1, 80) };
        assert_eq!(answers(&venue.run(0, amend(left.0, 2, total, price))), [""; 0], "{what}: the number is used");
        assert_eq!(answers(&venue.run(0, cancel(0, left.0, 0))), [format!("0#{} C {}U 0", left.0, left.1)], "{what}");
    }
}

// M10
#[test]
fn an_order_that_the_collar_would_refuse_now_is_lowered_step_by_step() {
    let mut venue = resting(b'B');
    venue.reference(1, reference(50_000, 50_000));
    for (number, total) in (2..).zip([90, 50, 21]) {
        let seen = answers(&venue.run(0, amend(number - 1, number, total, 100_000)));
        assert_eq!(seen, [format!("0#{number} U {}", total - 20)]);
    }
    assert_eq!(answers(&venue.run(0, amend(4, 5, 20, 100_000))), ["0#4 C 1U 0"], "no more than is executed");
}

// M10
#[test]
fn a_refused_replace_leaves_the_order_its_place() {
    let mut venue = Venue::new(strict());
    venue.run(0, order(0, 1, 1, b'B', 10, 100_000));
    venue.run(0, order(1, 1, 1, b'B', 10, 100_000));
    assert_eq!(answers(&venue.run(0, amend(1, 2, 10_001, 100_000))), ["0#2 J 0x31 0"]);
    let out = venue.run(0, order(2, 1, 1, b'S', 10, 100_000));
    assert_eq!(answers(&out), ["2#1 A 10", "0#1 E 10 0", "2#1 E 10 0"]);
}

// M10
#[test]
fn a_replace_for_which_the_books_have_no_room_leaves_the_order() {
    let mut venue = Venue::new(GroupConfig { levels_max: 2, ..strict() });
    venue.run(0, order(0, 1, 1, b'B', 10, 100_000));
    venue.run(0, order(0, 2, 1, b'B', 10, 100_000));
    venue.run(0, order(1, 1, 1, b'B', 10, 99_900));
    // Its level stays with the other order, so a third one would be needed.
    assert_eq!(answers(&venue.run(0, amend(1, 3, 10, 99_800))), ["0#3 J 0x0a 0"]);
    // A level that exists has room, and so has the level that an order leaves alone.
    assert_eq!(answers(&venue.run(0, amend(1, 4, 10, 99_900))), ["0#4 U 10"]);
    assert_eq!(answers(&venue.run(0, amend(2, 5, 10, 99_800))), ["0#5 U 10"]);
}

// M10: OUCH 5.0's own rule, which is another than that of a refused increase.
#[test]
fn a_replace_with_invalid_details_cancels_the_order_and_uses_no_number() {
    let mut venue = Venue::new(strict());
    venue.run(0, order(0, 1, 2, b'B', 100, 100_000));
    let odd = Command::Replace(Replace { locate: Locate(2), ..replace(0, 1, 2, 95, 100_000) });
    assert_eq!(answers(&venue.run(0, odd)), ["0#1 C 100Z 0"]);
    assert_eq!(answers(&venue.run(0, order(0, 2, 2, b'B', 10, 100_000))), ["0#2 A 10"]);
}

// M17
#[test]
fn a_cancel_leaves_whole_lots() {
    // Lots of 10. The order has 100 shares, of which 20 are executed; the intended total, and what it leaves.
    let cases = [
        (101, None),
        (100, None),
        (99, Some(70)),
        (91, Some(70)),
        (90, Some(70)),
        (89, Some(60)),
        (31, Some(10)),
        (30, Some(10)),
        (29, Some(0)),
        (20, Some(0)),
        (19, Some(0)),
        (0, Some(0)),
    ];
    for (total, left) in cases {
        let mut venue = Venue::new(strict());
        venue.run(0, order(0, 1, 2, b'B', 100, 100_000));
        venue.run(0, order(1, 1, 2, b'S', 20, 100_000));
        let seen = answers(&venue.run(0, cancel(0, 1, total)));
        let expected: Vec<_> = left.map(|left| format!("0#1 C {}U {left}", 80 - left)).into_iter().collect();
        assert_eq!(seen, expected, "cancelled to {total}");
        let out = venue.run(0, order(1, 2, 2, b'S', 100, 100_000));
        let traded = left.unwrap_or(80);
        let executed: Vec<_> = answers(&out).into_iter().filter(|answer| answer.contains(" E ")).collect();
        let expected = [format!("0#1 E {traded} 0"), format!("1#2 E {traded} {}", 100 - traded)];
        assert_eq!(executed, if traded == 0 { vec![] } else { expected.to_vec() }, "cancelled to {total}");
    }
}

// M17
#[test]
fn where_a_lot_is_one_share_a_cancel_leaves_exactly_what_it_says() {
    let mut venue = Venue::new(strict());
    venue.run(0, order(0, 1, 1, b'B', 100, 100_000));
    for (total, taken) in [(99, 1), (55, 44), (1, 54), (0, 1)] {
        assert_eq!(answers(&venue.run(0, cancel(0, 1, total))), [format!("0#1 C {taken}U {total}")]);
    }
}

// M14
#[test]
fn kill_switches_that_wait_together_take_effect_in_their_order() {
    for last in [true, false] {
        let mut venue = Venue::new(strict());
        let mut outputs = Outputs::default();
        for engaged in [!last, last] {
            venue.send(SequencerIn::Command(kill(Scope::Everyone, engaged)), &mut outputs);
        }
        venue.settle(&mut outputs);
        let seen = answers(&venue.run(0, order(0, 1, 1, b'B', 10, 100_000)));
        assert_eq!(seen, [if last { "0#1 J 0x20 0" } else { "0#1 A 10" }], "the last one is {last}");
    }
}

// M14
#[test]
fn a_command_is_done_when_all_its_answers_have_been_sent() {
    let mut venue = Venue::with_edges(strict(), Edges::TIGHT);
    for number in 1..=40 {
        venue.run(0, order(0, number, 1, b'B', 10, 100_000));
        venue.run(0, order(1, number, 1, b'B', 10, 100_000));
    }
    let counters = venue.counters.clone();
    let seen = |count| counters.get(count);
    assert_eq!((seen(GroupCount::CommandsDone), seen(GroupCount::PortsStopped)), (0, 0));
    let mut outputs = Outputs::default();
    venue.send(SequencerIn::Command(kill_port(0, true)), &mut outputs);
    // The mass cancel has several steps, and each waits until the answers of those before have been read.
    let mut read = Vec::new();
    for _ in 0..100 {
        venue.sim.turn();
        if seen(GroupCount::CommandsDone) > 0 {
            break;
        }
        venue.collect(&mut outputs);
        read.push(outputs.replies.len());
    }
    assert!(read.last().is_some_and(|read| (1..40).contains(read)), "it is done with the last step: {read:?}");
    venue.collect(&mut outputs);
    assert_eq!((outputs.replies.len(), outputs.publications.len()), (40, 40));
    assert_eq!(seen(GroupCount::PortsStopped), 1);
    for (command, done, stopped) in [
        (kill(Scope::Everyone, true), 2, 3),
        (kill_port(0, false), 3, 3),
        (kill(Scope::Everyone, false), 4, 0),
        // Of an unknown port, and of an unknown code.
        (kill(Scope::Port(PortId(77)), true), 5, 0),
        (market(b'?'), 6, 0),
        (market(b'M'), 7, 0),
        // What is no operator's command does not count.
        (cancel(1, 1, 0), 7, 0),
    ] {
        venue.run(0, command);
        assert_eq!((seen(GroupCount::CommandsDone), seen(GroupCount::PortsStopped)), (done, stopped), "{command:?}");
    }
}
