//! The other venue, whose feed comes in on two lines: quotes that wander, packets that get lost, a server that sends them
//! again, and a feed that begins again.

use std::net::SocketAddr;

use corelane_actors::types::Instrument;
use corelane_codecs::mold::{self, HEADER_LEN, PacketBuilder, Request, SessionName};
use corelane_config::Recovery;
use corelane_runtime::simulation::{Draw, LineSpec, Socket, Source, World};

use crate::profile::Rates;

/// Tokens of its wake-ups.
pub(crate) const FEED: u64 = 3 << 56;

const QUOTE: Source = Source::new("feed.quote");
const PAUSE: Source = Source::new("feed.pause");
pub(crate) const SILENCE: Source = Source::new("feed.silence");
pub(crate) const RESTART: Source = Source::new("feed.restart");

const PAYLOAD_MAX: usize = 1_200;
/// The longest silence of both lines, in nanoseconds.
const SILENCE_NS_MAX: u64 = 50_000_000;
/// How long the feed is quiet behind the packet that reveals what was lost in a silence.
pub(crate) const QUIET_NS: u64 = 200_000_000;
/// How long it may take until the venue follows a feed that has begun again: until the one before is silent, and some more.
const FOLLOWED_NS_MAX: u64 = 2_000_000_000;
/// How long a feed is down before it begins again: longer than any datagram is late. A late one of the run before cannot be told
/// from the new run under the same name.
const DOWN_NS: (u64, u64) = (20_000_000, 1_000_000_000);

/// The quotes of an instrument: references and prices.
#[derive(Clone, Copy, Debug, Default)]
struct Quotes {
    bid: (u64, u64),
    ask: (u64, u64),
}

/// The other venue.
pub(crate) struct OtherVenue {
    /// Line A and, if there is one, line B.
    lines: Vec<Socket>,
    /// Where requests for retransmission come from.
    requests: Option<Socket>,
    from: SocketAddr,
    line: LineSpec,
    rates: Rates,
    session: SessionName,
    /// How often it has begun, under whatever name.
    runs: u64,
    began_ns: u64,
    /// When it was last asked for something.
    asked_ns: u64,
    /// Its last packet was lost in a silence.
    was_silent: bool,
    /// Since when it is quiet behind what has revealed such a loss.
    quiet_since_ns: Option<u64>,
    /// It overhears the first request for that.
    is_deaf: bool,
    instruments: Vec<Instrument>,
    quotes: Vec<Quotes>,
    messages: Vec<Vec<u8>>,
    last_ref: u64,
    packets: u64,
    /// Requests that it has answered.
    pub answers: u64,
}

/// Whether a venue may ask the other one twice, and does so well within the time that the other is quiet.
pub(crate) fn asks_in_time(recovery: &Recovery) -> bool {
    let again_ms = recovery.wait_ms + recovery.timeout_ms;
    recovery.attempts_max > 1 && 2 * again_ms * 1_000_000 <= QUIET_NS
}

impl OtherVenue {
    /// A venue that sends to these sockets: its lines and, if it serves retransmission, the socket that asks.
    pub(crate) fn new(
        sockets: &[Socket],
        has_line_b: bool,
        instruments: &[Instrument],
        rates: Rates,
    ) -> Option<OtherVenue> {
        let lines = 1 + usize::from(has_line_b);
        let line = LineSpec {
            loss_ppm: rates.line_in,
            duplicate_ppm: rates.line_in,
            reorder_ppm: rates.line_in,
            ..LineSpec::default()
        };
        Some(OtherVenue {
            lines: sockets.get(..lines)?.to_vec(),
            requests: sockets.get(lines).copied(),
            from: SocketAddr::from(([10, 0, 2, 1], 6000)),
            line,
            rates,
            session: session_name(1),
            runs: 1,
            began_ns: 0,
            asked_ns: 0,
            was_silent: false,
            quiet_since_ns: None,
            is_deaf: false,
            instruments: instruments.to_vec(),
            quotes: vec![Quotes::default(); instruments.len()],
            messages: Vec::new(),
            last_ref: 0,
            packets: 0,
            answers: 0,
        })
    }

    /// Sends the next packet. The first of a run has the directory and both quotes of every instrument.
    pub(crate) fn send(&mut self, world: &mut World) {
        let first = self.messages.len() as u64 + 1;
        self.packets += 1;
        if self.messages.is_empty() {
            self.began_ns = world.now_ns();
            self.open(world.now_ns());
        } else {
            self.quote(world);
        }
        let mut pause = world.draw(PAUSE, self.packets);
        let mut pause_ns = match pause.happens(20_000) {
            true => pause.within(1_000_000, 100_000_000),
            false => pause.within(50_000, 2_000_000),
        };
        let was_silent = std::mem::take(&mut self.was_silent);
        self.quiet_since_ns = None;
        if let Some(mut silence) = world.strikes(SILENCE, self.packets, self.rates.silence) {
            // What was to be sent is lost on both lines, and nothing follows for a while.
            pause_ns += silence.within(1, SILENCE_NS_MAX);
            self.was_silent = true;
        } else if was_silent {
            // What reveals the loss arrives.
            let line = std::mem::take(&mut self.line);
            self.send_from(world, first);
            self.line = line;
            (pause_ns, self.quiet_since_ns) = (QUIET_NS, Some(world.now_ns()));
            self.is_deaf = true;
        } else {
            self.send_from(world, first);
        }
        if let Some(mut draw) = world.strikes(RESTART, self.packets, self.rates.restart) {
            pause_ns = draw.within(DOWN_NS.0, DOWN_NS.1);
            self.begin_again(world, draw);
        }
        world.wake_at(world.now_ns() + pause_ns, FEED);
    }

    /// Loses the next packet, reveals the loss with another, and overhears the first request for it. False if nobody can ask.
    pub(crate) fn reveal_loss(&mut self, world: &mut World) -> bool {
        if self.requests.is_none() || self.messages.is_empty() {
            return false;
        }
        self.packets += 1;
        self.quote(world);
        let first = self.messages.len() as u64 + 1;
        self.packets += 1;
        self.quote(world);
        self.send_from(world, first);
        self.is_deaf = true;
        true
    }

    /// Ends, with or without saying so, and begins again with message 1, under the same name or another.
    fn begin_again(&mut self, world: &mut World, mut draw: Draw) {
        if draw.happens(300_000) {
            self.say_next(world, true);
        }
        self.runs += 1;
        if draw.happens(500_000) {
            self.session = session_name(self.runs);
        }
        self.messages.clear();
        self.quotes.fill(Quotes::default());
        (self.last_ref, self.was_silent, self.quiet_since_ns) = (0, false, None);
    }

    /// Whether it has been quiet for long behind what has revealed a loss, and was not asked for what is missing.
    pub(crate) fn was_not_asked(&self, now_ns: u64) -> bool {
        let is_quiet = self.quiet_since_ns.is_some_and(|since_ns| since_ns + QUIET_NS <= now_ns);
        is_quiet && self.requests.is_some() && self.asked_ns + QUIET_NS * 3 / 4 < now_ns
    }

    /// Whether the venue must have followed its last beginning by now.
    pub(crate) fn is_settled(&self, now_ns: u64) -> bool {
        self.began_ns + if self.runs == 1 { 0 } else { FOLLOWED_NS_MAX } < now_ns
    }

    /// Sends the messages from this number on, in as many packets as they need.
    fn send_from(&mut self, world: &mut World, mut first: u64) {
        let end = self.messages.len() as u64 + 1;
        while first < end {
            let (packet, messages) = self.packet(first, end - first);
            first += messages;
            self.packets += 1;
            self.send_on_lines(world, &packet);
        }
    }

    fn send_on_lines(&self, world: &mut World, packet: &[u8]) {
        for (index, line) in self.lines.iter().enumerate() {
            world.send_datagram(*line, self.from, self.packets << 1 | index as u64, packet, &self.line);
        }
    }

    /// Whether the venue can have every message in the end.
    pub(crate) fn can_be_complete(&self) -> bool {
        !self.messages.is_empty() && (self.requests.is_some() || self.rates.silence == 0 && self.line.loss_ppm == 0)
    }

    /// Whether datagrams of this socket are requests to it.
    pub(crate) fn hears(&self, socket: Socket) -> bool {
        self.requests == Some(socket)
    }

    /// Answers a request for retransmission.
    pub(crate) fn answer(&mut self, world: &mut World, to: Option<SocketAddr>, request: &[u8]) {
        let (Some(socket), Ok(request)) = (self.requests, Request::decode(request)) else { return };
        let sent = self.messages.len() as u64;
        self.asked_ns = world.now_ns();
        let is_deaf = std::mem::take(&mut self.is_deaf);
        if !is_deaf && request.session == self.session && (1..=sent).contains(&request.sequence) {
            self.answers += 1;
            let count = u64::from(request.count).min(sent + 1 - request.sequence);
            let (packet, _) = self.packet(request.sequence, count);
            world.send_datagram(socket, to.unwrap_or(self.from), 1 << 40 | self.answers, &packet, &self.line);
        }
    }

    /// A packet of up to `count` messages, and how many it has room for.
    fn packet(&self, first: u64, count: u64) -> (Vec<u8>, u64) {
        let mut buffer = [0; PAYLOAD_MAX];
        let builder = PacketBuilder::new(&mut buffer, self.session, first, PAYLOAD_MAX);
        let mut builder = builder.expect("a packet has room for its header");
        let messages = self.messages.iter().skip(first as usize - 1).take(count as usize);
        let messages = messages.take_while(|message| builder.push(message)).count() as u64;
        (builder.finish().to_vec(), messages)
    }

    fn open(&mut self, now_ns: u64) {
        for code in *b"OSQ" {
            let mut event = header(b'S', 0, now_ns);
            event.push(code);
            self.messages.push(event);
        }
        for index in 0..self.instruments.len() {
            let (instrument, locate) = (self.instruments[index], index as u16 + 1);
            let mut entry = header(b'R', locate, now_ns);
            entry.extend(instrument.symbol.as_array());
            entry.extend(b"QN");
            entry.extend(instrument.lot.0.to_be_bytes());
            entry.extend(b"NCZ PNN N\0\0\0\0N");
            self.messages.push(entry);
            let (tick, price) = (instrument.tick.raw(), instrument.reference_price.raw());
            let price = price / tick * tick;
            for (side, price) in [(b'B', price - 2 * tick), (b'S', price + 2 * tick)] {
                self.last_ref += 1;
                let mut add = header(b'A', locate, now_ns);
                add.extend(self.last_ref.to_be_bytes());
                add.push(side);
                add.extend(100_u32.to_be_bytes());
                add.extend(instrument.symbol.as_array());
                add.extend((price as u32).to_be_bytes());
                self.messages.push(add);
                let quotes = &mut self.quotes[index];
                *(if side == b'B' { &mut quotes.bid } else { &mut quotes.ask }) = (self.last_ref, price);
            }
        }
    }

    /// Moves the quotes of an instrument by a tick, towards its reference price if they are far from it.
    fn quote(&mut self, world: &World) {
        let mut draw = world.draw(QUOTE, self.packets);
        let index = draw.below(self.instruments.len() as u64) as usize;
        let (instrument, locate) = (self.instruments[index], index as u16 + 1);
        let (tick, reference) = (instrument.tick.raw(), instrument.reference_price.raw());
        let is_low = self.quotes[index].bid.1 + 6 * tick < reference;
        let is_high = self.quotes[index].ask.1 > reference + 6 * tick;
        let up = is_low || !is_high && draw.happens(500_000);
        for of_bid in [!up, up] {
            self.last_ref += 1;
            let quotes = &mut self.quotes[index];
            // The side that the other moves towards moves first, so that they never cross.
            let quote = if of_bid { &mut quotes.bid } else { &mut quotes.ask };
            let price = if up { quote.1 + tick } else { quote.1 - tick };
            let mut replace = header(b'U', locate, world.now_ns());
            replace.extend(quote.0.to_be_bytes());
            replace.extend(self.last_ref.to_be_bytes());
            replace.extend(100_u32.to_be_bytes());
            replace.extend((price as u32).to_be_bytes());
            *quote = (self.last_ref, price);
            self.messages.push(replace);
        }
    }

    /// Says the number of the next message, so that a loss at the end is noticed; or that no more come.
    pub(crate) fn say_next(&mut self, world: &mut World, is_over: bool) {
        self.packets += 1;
        let mut packet = [0; HEADER_LEN];
        let say = if is_over { mold::end_of_session } else { mold::heartbeat };
        if say(&mut packet, self.session, self.messages.len() as u64 + 1).is_ok() {
            self.send_on_lines(world, &packet);
        }
    }

    /// The best bid and ask of each instrument.
    pub(crate) fn best(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.quotes.iter().map(|quotes| (quotes.bid.1, quotes.ask.1))
    }
}

fn session_name(run: u64) -> SessionName {
    SessionName::new(&format!("FEED{run:06}")).unwrap_or(SessionName::BLANK)
}

/// The beginning of an ITCH message.
fn header(kind: u8, locate: u16, now_ns: u64) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(locate.to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(&now_ns.to_be_bytes()[2..]);
    bytes
}
