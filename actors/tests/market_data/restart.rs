//! Market data that fails is restarted: it says that it begins, joins the feed anew, and is stale until it has caught up.

use crate::harness::{Feed, MS, bid, both_lines, directory, packet};
use corelane_actors::{
    market_data::{DepthAnswer, DepthRequest, FeedCount, MarketDataIn},
    types::Locate,
};
use corelane_codecs::mold::Request;
use corelane_runtime::net::EndpointId;

/// The messages of the day, from number 1.
fn messages() -> Vec<Vec<u8>> {
    [vec![directory(7, "AAPL")], (1..=5).map(|number| bid(number, 1_000_000 + 100 * number as u32)).collect()].concat()
}

/// Answers the requests for retransmission; returns the first number asked for, if one was.
fn answer(feed: &mut Feed) -> Option<u64> {
    let mut first = None;
    for sent in feed.net.take_datagrams().iter().filter(|sent| sent.endpoint == EndpointId(2)) {
        let request = Request::decode(&sent.payload).unwrap();
        let from = request.sequence as usize - 1;
        let wanted = &messages()[from..from + usize::from(request.count)];
        let bytes = packet(feed.session, request.sequence, wanted);
        feed.datagram_on(2, &sent.to.unwrap().to_string(), &bytes);
        first = first.or(Some(request.sequence));
    }
    feed.sim.run_until_idle();
    first
}

#[test]
fn it_joins_the_feed_anew_and_its_prices_are_stale_until_it_has_caught_up() {
    let mut feed = Feed::new(both_lines());
    let messages = messages();
    feed.packet(1, &messages[..5]);
    assert_eq!(feed.new_references().last(), Some(&(1, 1_000_400, 0, false)));

    feed.fail();
    assert_eq!((feed.new_references(), feed.begins), (vec![], 2), "what was said before is stale");
    assert_eq!((feed.sim.failures().len(), feed.sim.gave_up()), (1, None));

    feed.known.clear();
    // It does not know where the feed is until the next packet.
    feed.packet(6, &messages[5..]);
    let mut asked = None;
    for _ in 0..100 {
        feed.advance(MS);
        asked = asked.or(answer(&mut feed));
        feed.new_references();
        if let Some(fresh) = feed.known.get(&Locate(1)).filter(|reference| reference.stale == 0) {
            assert_eq!((fresh.bid.raw(), asked), (1_000_500, Some(1)), "from the first message on");
            return;
        }
    }
    panic!("its prices stay stale: {:?}", feed.known);
}

#[test]
fn what_it_said_before_is_stale_also_if_the_feed_is_dead() {
    let mut feed = Feed::new(both_lines());
    let stale = |feed: &mut Feed| {
        let tops: Vec<_> = std::iter::from_fn(|| feed.tops.receive()).map(|envelope| envelope.body.stale).collect();
        let depth = DepthRequest { request: 1, locate: Locate(1), levels: 1 };
        feed.requests.send(MarketDataIn::Depth(depth)).unwrap();
        feed.sim.run_until_idle();
        let sides = std::iter::from_fn(|| feed.depth.receive()).map(|envelope| match envelope.body {
            DepthAnswer::Levels(part) => part.is_stale,
            DepthAnswer::Refused { .. } => panic!("refused"),
        });
        (tops, sides.collect::<Vec<_>>(), feed.count(FeedCount::PricesStale))
    };
    assert_eq!(stale(&mut feed), (vec![1, 1], vec![true; 2], 1), "nothing has come yet");
    feed.packet(1, &messages()[..5]);
    assert_eq!(stale(&mut feed), (vec![0, 0], vec![false; 2], 0));
    feed.fail();
    feed.advance(MS);
    assert_eq!(stale(&mut feed), (vec![1, 1], vec![true; 2], 1));
}
