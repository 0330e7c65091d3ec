//! A feed that goes on, and forged or stray packets in between, one at a time: whatever they are, nothing is lost, and prices are
//! fresh as soon as the feed has gone on.

use crate::arbitration_harness::{Feed, MS, beat, config, end, honest, nobody, packet, packet_of, text};
use corelane_actors::market_data::{FeedCount, FeedLine};

/// Numbers at random (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}

/// A forged or stray packet while the next message of the feed is number `next`. None has a message of the session that could be
/// kept for the true one.
fn forged(random: &mut Random, next: u64) -> Vec<u8> {
    let known = 1 + random.below(next);
    let bits = 1 + random.below(40);
    let far = next + 128 + random.below(1 << bits);
    let any = if random.below(2) == 0 { known } else { far };
    let few = 1 + random.below(4);
    let name = ["DAY", "OTHER", "STRAY"][random.below(3) as usize];
    let other = |number: u64| [b"other ", &text(number)[..]].concat();
    match random.below(7) {
        0 => beat(name, any),
        1 => end(name, any),
        2 if name != "DAY" => packet(name, any, any + few),
        // Other messages under known numbers, below the last one.
        2 | 3 => packet_of("DAY", known, (known..(next - 1).min(known + few)).map(other)),
        // A copy.
        4 => packet("DAY", known, next.min(known + few)),
        5 => packet_of("DAY", far, (far..far + few).map(other)),
        _ => {
            // Cut off: true messages, and the promise of more.
            let mut bytes = packet(name, known, next.min(known + few));
            bytes[18..20].copy_from_slice(&(1 + random.below(65_534) as u16).to_be_bytes());
            bytes
        }
    }
}

#[test]
fn forged_packets_one_at_a_time_lose_nothing_and_the_feed_is_fresh_when_it_has_gone_on() {
    let shift = std::env::var("CORELANE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0_u64);
    for seed in shift..shift + 400 {
        println!("seed {seed}");
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut config = config();
        config.gap_fill.servers = 2 * random.below(2) as usize;
        let has_both = random.below(2) == 0;
        let mut feed = Feed::new(config);
        let mut next = 1;
        for step in 0..40 {
            let count = 1 + random.below(5);
            for &line in &FeedLine::BOTH[..1 + usize::from(has_both)] {
                feed.line(line, &packet("DAY", next, next + count));
            }
            next += count;
            let seen = (feed.sink.sessions, feed.count(FeedCount::Lost), feed.arbiter.expected().0);
            assert_eq!((seen, feed.arbiter.is_stale()), ((1, 0, next), false), "seed {seed}, step {step}");
            let bytes = forged(&mut random, next);
            let at = random.below(3);
            let line = FeedLine::BOTH[random.below(1 + u64::from(has_both)) as usize];
            // A quiet feed says that it is there.
            for second in 0..random.below(6) {
                if second == at {
                    feed.line(line, &bytes);
                }
                feed.advance(700 * MS, nobody);
                for &line in &FeedLine::BOTH[..1 + usize::from(has_both)] {
                    feed.line(line, &beat("DAY", next));
                }
                feed.advance(300 * MS, nobody);
            }
        }
    }
}

/// Nobody can tell whether it is forged, or the feed has begun again: another server of it may have taken over with other messages.
#[test]
fn other_messages_that_end_where_the_feed_is_join_it_anew_when_it_goes_on_there() {
    for servers in [0, 2] {
        let mut config = config();
        config.gap_fill.servers = servers;
        let mut feed = Feed::new(config);
        feed.sink.allow_other_texts();
        feed.line(FeedLine::A, &packet("DAY", 1, 11));
        let other = |number: u64| [b"other ", &text(number)[..]].concat();
        feed.line(FeedLine::A, &packet_of("DAY", 9, (9..11).map(other)));
        feed.line(FeedLine::A, &packet("DAY", 11, 13));
        assert!(feed.arbiter.is_stale());
        feed.advance(1000 * MS, |asked| if servers > 0 { honest(asked) } else { None });
        feed.line(FeedLine::A, &packet("DAY", 13, 14));
        assert_eq!((feed.sink.sessions, feed.arbiter.is_stale()), (2, servers == 0), "{servers}");
    }
}

/// What a line brought before it went on speaks for no other run.
#[test]
fn strays_between_which_the_line_goes_on_do_not_speak_for_each_other() {
    let mut feed = Feed::new(config());
    let other = |number: u64| [b"other ", &text(number)[..]].concat();
    feed.line(FeedLine::A, &packet("DAY", 1, 11));
    let strays = [beat("DAY", 3), beat("DAY", 4), packet_of("DAY", 5, (5..7).map(other))];
    for (next, stray) in (11..).zip(&strays) {
        feed.line(FeedLine::A, stray);
        feed.line(FeedLine::A, &packet("DAY", next, next + 1));
        assert_eq!((feed.sink.sessions, feed.arbiter.is_stale()), (1, false), "{next}");
        feed.advance(1000 * MS, nobody);
    }
    feed.has_all_until(14);
}
