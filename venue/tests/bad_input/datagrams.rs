//! Datagrams that are no MoldUDP64 packets, and packets whose messages are not what they claim.

use std::net::UdpSocket;

use crate::{
    alone,
    support::{self, Client, Neighbour, SYMBOLS, add, directory, enter, mold, price_of, until},
};

const SESSION: &str = "FEED000001";

#[test]
fn datagrams_of_any_content_leave_the_feed_and_order_entry_working() {
    let _alone = alone();
    let mut config = support::config();
    let feed = config.feeds.inbound.as_mut().expect("the shipped configuration has an incoming feed");
    feed.session = Some(SESSION.to_owned());
    feed.stale_after_ms = 60_000;
    let venue = support::start(&config);
    let neighbour = Neighbour::log_in(venue.order_entry());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(venue.feed_in().expect("it listens")).unwrap();

    for bytes in wrong() {
        // The kernel may refuse one while the port's queue is full; the next one says so too.
        let _ = socket.send(&bytes);
    }
    neighbour.is_served();
    // What is right is still taken in: the feed's quotes move the collar of a symbol. Of all the wrong packets of its
    // session, one had a whole message, the first.
    let quotes = [(1, b'S'), (2, b'B')].map(|(order, side)| add(2, order, side, SYMBOLS[0], 2 * price_of(SYMBOLS[0])));
    let [offer, bid] = quotes;
    socket.send(&mold(SESSION, 2, &[directory(2, SYMBOLS[0]), offer, bid])).unwrap();
    let mut client = Client::log_in(venue.order_entry(), 1, 1);
    let mut user_ref = 0;
    until("the feed's quotes are what the collar is around", || {
        user_ref += 1;
        client.send(&enter(user_ref, b'B', 1, SYMBOLS[0], 2 * price_of(SYMBOLS[0]), b'3'));
        match client.answer().kind {
            b'A' => client.answer().kind == b'C',
            _ => false,
        }
    });
    client.log_out();
    neighbour.leave();
    support::stop(venue);
}

fn wrong() -> Vec<Vec<u8>> {
    let good = mold(SESSION, 1, &[directory(1, SYMBOLS[1])]);
    let mut wrong: Vec<Vec<u8>> = (0..good.len()).map(|length| good[..length].to_vec()).collect();
    let mut counts_too_many = good.clone();
    counts_too_many[18..20].copy_from_slice(&0xfffe_u16.to_be_bytes());
    let mut claims_too_long = good.clone();
    claims_too_long[20..22].copy_from_slice(&0xffff_u16.to_be_bytes());
    wrong.extend([
        counts_too_many,
        claims_too_long,
        vec![0; 20],
        vec![0xff; 20],
        vec![0xff; 1400],
        vec![b'A'; 9000],
        mold("OTHER", 1, &[directory(1, SYMBOLS[1])]),
        mold("OTHER", u64::MAX, &[directory(1, SYMBOLS[1])]),
    ]);
    // Noise in the guise of another session's packets, of every length.
    let mut state = 0x5eed_u32;
    for length in 0..500 {
        let noise: Vec<u8> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        wrong.push(noise);
    }
    wrong
}
