//! The messages in a capture.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::Range;

use corelane_codecs::mold::{Content, HEADER_LEN, Packet, SessionName};

use crate::capture::CaptureSource;
use crate::foreign::{self, Others};
use crate::link::{FrameContent, FrameError};
use crate::recorded::{Damage, Named, Order, Place, Recorded, Selection};
use crate::session::{Session, SessionReport, Waiting};

/// The maximum number of sessions in a capture. Packets of more are treated as another protocol's.
const SESSIONS_MAX: usize = 256;
/// The length field of a message in a packet, in bytes.
const LENGTH_BYTES: usize = 2;

/// What a capture has held so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureReport {
    /// The number of frames.
    pub frames: u64,
    /// The sessions, in the order of their first packets.
    pub sessions: Vec<SessionReport>,
    /// The number of packets that the selection leaves out.
    pub unselected: u64,
    /// The number of frames with an IP fragment of a UDP datagram.
    pub fragments: u64,
    /// The frames of link types that are not supported, by link type.
    pub link_types: BTreeMap<i32, u64>,
    /// What is not MoldUDP64.
    pub others: Others,
}

impl CaptureReport {
    /// What the capture holds, in one line.
    #[must_use]
    pub fn describe(&self) -> String {
        let sessions = self.sessions.iter().map(|session| {
            let ports = foreign::ports(&session.ports);
            format!("MoldUDP64 session {} to {ports}, {} messages", Named(session.name), session.messages)
        });
        let ports = &self.others.unselected_ports;
        let unselected = (!ports.is_empty()).then(|| format!("UDP datagrams to {ports}"));
        let fragments = (self.fragments > 0).then(|| format!("{} IP fragments", self.fragments));
        let links = self.link_types.iter().map(|(link, frames)| format!("{frames} frames of link type {link}"));
        let held: Vec<_> =
            sessions.chain(unselected).chain(fragments).chain(links).chain(self.others.describe()).collect();
        if held.is_empty() {
            "a capture without UDP datagrams".to_owned()
        } else {
            format!("a capture of {}", held.join(", "))
        }
    }
}

/// A reader of the messages in a capture.
pub(crate) struct CapturedMessages<'r> {
    frames: CaptureSource<'r>,
    selection: Selection,
    report: CaptureReport,
    sessions: Vec<Session>,
    /// The only session that is read, if only one is: the first with a message.
    chosen: Option<usize>,
    packet: Opened,
    /// The session whose waiting messages may be next.
    draining: Option<usize>,
    /// The message that waited and is returned.
    waited: Box<[u8]>,
    damage: VecDeque<Damage>,
    state: State,
}

/// A packet whose messages are read.
#[derive(Debug, Default)]
struct Opened {
    bytes: Vec<u8>,
    session: usize,
    frame: u64,
    offset: u64,
    messages: VecDeque<(u64, Range<usize>)>,
    /// What is wrong behind these messages.
    damage: Option<Damage>,
}

/// How far the capture is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There may be frames.
    Frames,
    /// There are no more frames. The sessions from this one on may have waiting messages.
    Sessions(usize),
    /// All is read.
    Ended,
}

/// Where the next message is.
enum Found {
    Packet(Range<usize>),
    Waited,
}

impl fmt::Debug for CapturedMessages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CapturedMessages").field("report", &self.report).finish_non_exhaustive()
    }
}

impl<'r> CapturedMessages<'r> {
    pub(crate) fn new(frames: CaptureSource<'r>, selection: Selection) -> Self {
        CapturedMessages {
            frames,
            selection,
            report: CaptureReport::default(),
            sessions: Vec::new(),
            chosen: None,
            packet: Opened::default(),
            draining: None,
            waited: Box::default(),
            damage: VecDeque::new(),
            state: State::Frames,
        }
    }

    pub(crate) fn report(&self) -> &CaptureReport {
        &self.report
    }

    pub(crate) fn next(&mut self) -> Option<Result<Recorded<'_>, Damage>> {
        let (place, found) = loop {
            if let Some(damage) = self.damage.pop_front() {
                return Some(Err(damage));
            }
            if let Some(found) = self.waiting().or_else(|| self.opened()) {
                break found;
            }
            if self.draining.is_some() || !self.packet.messages.is_empty() {
                continue;
            }
            if let Some(damage) = self.packet.damage.take() {
                return Some(Err(damage));
            }
            match self.state {
                State::Frames => self.next_frame(),
                State::Sessions(session) => self.finish(session),
                State::Ended => return None,
            }
        };
        let bytes = match found {
            Found::Packet(range) => &self.packet.bytes[range],
            Found::Waited => &self.waited[..],
        };
        Some(Ok(Recorded { place, bytes }))
    }

    /// The next message that waited for another one.
    fn waiting(&mut self) -> Option<(Place, Found)> {
        let session = &mut self.sessions[self.draining?];
        let waiting = session.take_waiting();
        self.draining = waiting.as_ref().and(self.draining);
        let Waiting { place, bytes } = waiting?;
        self.waited = bytes;
        Some((place, Found::Waited))
    }

    /// The next message of the opened packet, if it is to be read now.
    fn opened(&mut self) -> Option<(Place, Found)> {
        let Opened { bytes, session: at, frame, offset, messages, .. } = &mut self.packet;
        let (sequence, range) = messages.pop_front()?;
        let session = &mut self.sessions[*at];
        let place = Place::Capture { frame: *frame, offset: *offset, session: session.report.name, sequence };
        if self.selection.order == Order::Captured {
            session.report.messages += 1;
            return Some((place, Found::Packet(range)));
        }
        let is_next = session.take(sequence, place, &bytes[range.clone()]);
        let given_up = session.give_up(false);
        self.draining = (is_next || given_up.is_some()).then_some(*at);
        self.damage.extend(given_up);
        is_next.then_some((place, Found::Packet(range)))
    }

    fn next_frame(&mut self) {
        let frame = match self.frames.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => {
                self.state = State::Sessions(0);
                return;
            }
            Err(error) => {
                self.damage.push_back(error.into());
                self.state = State::Sessions(0);
                return;
            }
        };
        self.report.frames += 1;
        let (number, offset) = (frame.number, frame.offset);
        match frame.content {
            Ok(FrameContent::Udp { port, payload }) => {
                if self.selection.port.is_some_and(|selected| selected != port) {
                    self.report.unselected += 1;
                    self.report.others.unselected_ports.note(port);
                    return;
                }
                self.packet.frame = number;
                self.packet.offset = offset;
                self.packet.bytes.clear();
                self.packet.bytes.extend_from_slice(payload);
                self.open(port);
            }
            Ok(FrameContent::Tcp { port, payload }) => self.report.others.segment(port, payload),
            Ok(FrameContent::Other) => self.report.others.frames += 1,
            Err(FrameError::Fragment) => self.report.fragments += 1,
            Err(FrameError::LinkType(link)) => *self.report.link_types.entry(link).or_default() += 1,
            Err(error) => self.damage.push_back(Damage::Frame { frame: number, offset, error }),
        }
    }
}

impl CapturedMessages<'_> {
    /// Opens the datagram in `self.packet`, if it is a packet of a selected session.
    fn open(&mut self, port: u16) {
        let (frame, offset) = (self.packet.frame, self.packet.offset);
        let decoded = Packet::decode(&self.packet.bytes);
        let packet = match decoded {
            Ok(packet) if foreign::looks_like_mold(&packet, &self.packet.bytes) => packet,
            decoded => {
                let error = decoded.err();
                if self.sessions.iter().any(|session| session.report.ports.contains(&port)) {
                    self.damage.push_back(Damage::NotMold { frame, offset, error });
                } else {
                    self.report.others.datagram(port, &self.packet.bytes);
                }
                return;
            }
        };
        let Some(at) = position(&mut self.sessions, packet.session.justified()) else {
            self.report.others.datagram(port, &self.packet.bytes);
            return;
        };
        let session = &mut self.sessions[at];
        session.report.ports.insert(port);
        if self.selection.session.is_some_and(|selected| selected.justified() != session.report.name) {
            self.report.unselected += 1;
            session.report.messages += u64::from(packet.count());
            return;
        }
        if self.selection.order == Order::OneSession && packet.count() > 0 && *self.chosen.get_or_insert(at) != at {
            session.report.messages += u64::from(packet.count());
            return;
        }
        if !matches!(packet.content, Content::Messages(_)) {
            session.announce(packet.sequence);
            session.report.has_ended |= packet.content == Content::EndOfSession;
        }
        self.packet.session = at;
        let (mut messages, mut start) = (packet.messages(), HEADER_LEN);
        for message in messages.by_ref() {
            match message {
                Ok((sequence, message)) => {
                    let range = start + LENGTH_BYTES..start + LENGTH_BYTES + message.len();
                    start = range.end;
                    self.packet.messages.push_back((sequence, range));
                }
                Err(error) => {
                    self.packet.damage = Some(Damage::Packet { frame, offset, error });
                    return;
                }
            }
        }
        let bytes = messages.remainder().len();
        if bytes > 0 {
            self.packet.damage = Some(Damage::BehindPacket { frame, offset, bytes });
        }
    }

    /// Gives up what is missing in a session, and after the last one lists what the capture as a whole lacks.
    fn finish(&mut self, at: usize) {
        if let Some(session) = self.sessions.get_mut(at) {
            let given_up = session.give_up(true);
            if given_up.is_some() {
                self.draining = Some(at);
            } else {
                self.damage.extend(session.contradiction());
                self.state = State::Sessions(at + 1);
            }
            self.damage.extend(given_up);
            return;
        }
        self.state = State::Ended;
        self.report.sessions = self.sessions.iter().map(|session| session.report.clone()).collect();
        let fragments = self.report.fragments;
        self.damage.extend((fragments > 0).then_some(Damage::Fragments { frames: fragments }));
        self.damage.extend(self.report.link_types.iter().map(|(&link, &frames)| Damage::LinkType { link, frames }));
        if self.selection.session.is_none() {
            self.damage.extend(self.other_sessions());
        }
    }

    /// The sessions that are left out because another one was read.
    fn other_sessions(&self) -> Option<Damage> {
        let chosen = self.chosen?;
        let with_messages = || self.sessions.iter().enumerate().filter(|(_, session)| session.report.messages > 0);
        let others: Vec<_> = with_messages().filter(|(at, _)| *at != chosen).collect();
        let messages = others.iter().map(|(_, session)| session.report.messages).sum();
        let names: Vec<_> = with_messages().map(|(_, session)| Named(session.report.name).to_string()).collect();
        (!others.is_empty()).then(|| Damage::OtherSessions { others: others.len(), messages, names: names.join(", ") })
    }
}

/// The position of a session, which may be new; `None` if there are too many.
fn position(sessions: &mut Vec<Session>, name: SessionName) -> Option<usize> {
    let known = sessions.iter().position(|session| session.report.name == name);
    known.or_else(|| {
        let has_room = sessions.len() < SESSIONS_MAX;
        has_room.then(|| {
            sessions.push(Session::new(name));
            sessions.len() - 1
        })
    })
}
