//! Open-loop order entry, OUCH over SoupBinTCP, with every answer checked.

use std::fmt;

use corelane_codecs::ouch::{Liquidity, Outbound, RejectReason};
use corelane_codecs::soup::{self, ClientPacket, LoginRequest, ServerPacket};
use corelane_codecs::text::Alpha;

use crate::engine::{self, Event, LoadError, Measured, Observer, Pacing, Wire};
use crate::script::{Completion, REQUEST_BYTES_MAX, Script};

/// The longest answer accepted, in bytes.
const ANSWER_BYTES_MAX: usize = 1024;

/// The login of one session.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user, up to six characters.
    pub user: String,
    /// The password, up to ten characters.
    pub password: String,
}

/// Omits the password.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The parameters of an order load.
#[derive(Clone, Debug)]
pub struct LoadSpec {
    /// The logins. Each opens one session.
    pub sessions: Vec<Credentials>,
    /// The rate, the duration and the target of the load.
    pub pacing: Pacing,
}

/// The result of an order load.
#[derive(Clone, Debug)]
pub struct LoadResult {
    /// The latencies, rates and faults.
    pub measured: Measured,
    /// The number of application messages received.
    pub answers: u64,
    /// The number of rejects per reason code, in order of the codes; 0x100 stands for all codes that OUCH 5.0 does not
    /// define.
    pub rejects: Vec<(u16, u64)>,
    /// The shares executed, as reported to resting orders (each trade once).
    pub executed_resting: u64,
    /// The shares executed, as reported to incoming orders (each trade once).
    pub executed_incoming: u64,
    /// The number of orders accepted.
    pub accepted: u64,
}

impl LoadResult {
    /// The number of rejects per reason, with the name of the reason.
    pub fn rejects_by_name(&self) -> impl Iterator<Item = (String, u64)> + '_ {
        self.rejects.iter().map(|&(code, count)| {
            let name = match RejectReason::from_wire(code) {
                Some(reason) => format!("{reason:?} (0x{code:02X})"),
                None => "unknown reason".to_owned(),
            };
            (name, count)
        })
    }
}

/// Logs in, sends the requests of `script` at the given rate, checks every answer, cleans up and logs out. Everything
/// runs on the calling thread.
///
/// # Errors
/// [`LoadError`] if the load cannot start. Later failures are in the result, in [`Measured::faults`].
pub fn run(spec: &LoadSpec, script: &mut dyn Script, observer: &mut impl Observer) -> Result<LoadResult, LoadError> {
    let mut wire = OrderEntry::new(spec, script)?;
    let measured = engine::run(&spec.pacing, &mut wire, observer)?;
    let rejects = wire.rejects.iter().enumerate().filter(|(_, count)| **count > 0);
    Ok(LoadResult {
        measured,
        answers: wire.answers,
        rejects: rejects.map(|(code, count)| (code as u16, *count)).collect(),
        executed_resting: wire.executed_resting,
        executed_incoming: wire.executed_incoming,
        accepted: wire.accepted,
    })
}

struct OrderEntry<'a> {
    script: &'a mut dyn Script,
    logins: Vec<LoginRequest>,
    request: Vec<u8>,
    answers: u64,
    accepted: u64,
    executed_resting: u64,
    executed_incoming: u64,
    /// The rejects by code. OUCH 5.0 has no codes from 0x100 on; all of these count as 0x100.
    rejects: Box<[u64; REJECT_CODES]>,
}

const REJECT_CODES: usize = 0x101;

impl<'a> OrderEntry<'a> {
    fn new(spec: &LoadSpec, script: &'a mut dyn Script) -> Result<Self, LoadError> {
        let logins = spec.sessions.iter().map(|credentials| {
            let invalid = |source| LoadError::Credentials { user: credentials.user.clone(), source };
            Ok(LoginRequest {
                user: Alpha::new(&credentials.user).map_err(invalid)?,
                password: Alpha::new(&credentials.password).map_err(invalid)?,
                session: Alpha::BLANK,
                // Only new messages, because an earlier run may have used the session today.
                sequence: Some(0),
                heartbeat_timeout_ms: None,
            })
        });
        Ok(Self {
            logins: logins.collect::<Result<_, _>>()?,
            script,
            request: Vec::with_capacity(REQUEST_BYTES_MAX),
            answers: 0,
            accepted: 0,
            executed_resting: 0,
            executed_incoming: 0,
            rejects: Box::new([0; REJECT_CODES]),
        })
    }

    fn on_answer(&mut self, session: usize, message: &[u8]) -> Result<Event, String> {
        let answer = Outbound::decode(message).map_err(|error| error.to_string())?;
        match &answer {
            // The start and end of the day go to all sessions and answer no request.
            Outbound::SystemEvent(_) => return Ok(Event::Further),
            Outbound::Accepted(..) => self.accepted += 1,
            Outbound::Executed(executed, _) => {
                let shares = u64::from(executed.quantity.get());
                match executed.liquidity() {
                    Some(Liquidity::Added) => self.executed_resting += shares,
                    _ => self.executed_incoming += shares,
                }
            }
            Outbound::Rejected(rejected, _) => {
                let code = usize::from(rejected.reason_code.get()).min(REJECT_CODES - 1);
                self.rejects[code] += 1;
            }
            _ => {}
        }
        self.answers += 1;
        match self.script.check(session, &answer) {
            Ok(Completion::First { unanswered }) => Ok(Event::First { unanswered }),
            Ok(Completion::Further) => Ok(Event::Further),
            Err(mismatch) => Err(mismatch.to_string()),
        }
    }
}

impl Wire for OrderEntry<'_> {
    fn sessions(&self) -> usize {
        self.logins.len()
    }

    fn greeting(&mut self, session: usize, out: &mut Vec<u8>) {
        put(&ClientPacket::Login(self.logins[session]), out);
    }

    fn request(&mut self, session: usize, out: &mut Vec<u8>) {
        self.request.clear();
        self.script.next(session, &mut self.request);
        put(&ClientPacket::Unsequenced(&self.request), out);
    }

    fn closing(&mut self, session: usize, out: &mut Vec<u8>) -> bool {
        self.request.clear();
        let more = self.script.closing(session, &mut self.request);
        if more {
            put(&ClientPacket::Unsequenced(&self.request), out);
        }
        more
    }

    fn heartbeat(&mut self, _: usize, out: &mut Vec<u8>) {
        put(&ClientPacket::Heartbeat, out);
    }

    fn farewell(&mut self, _: usize, out: &mut Vec<u8>) {
        put(&ClientPacket::Logout, out);
    }

    fn frame_len(&self, bytes: &[u8]) -> Result<Option<usize>, String> {
        soup::packet_len(bytes, ANSWER_BYTES_MAX).map_err(|error| error.to_string())
    }

    fn on_frame(&mut self, session: usize, frame: &[u8]) -> Result<Event, String> {
        match ServerPacket::decode(frame).map_err(|error| error.to_string())? {
            ServerPacket::Sequenced(message) => self.on_answer(session, message),
            ServerPacket::LoginAccepted { .. } => Ok(Event::Ready),
            ServerPacket::LoginRejected(code) => {
                Err(format!("user {} rejected: {code:?}; check user and password", self.logins[session].user))
            }
            ServerPacket::Heartbeat | ServerPacket::Debug(_) | ServerPacket::Unsequenced(_) => Ok(Event::Further),
            ServerPacket::EndOfSession => Ok(Event::End),
        }
    }

    fn withdraw(&mut self, session: usize) {
        self.script.withdraw(session);
    }

    fn owed(&self, session: usize, outstanding: usize) -> u64 {
        self.script.owed(session, outstanding)
    }
}

/// Appends a packet to `out`.
fn put(packet: &ClientPacket<'_>, out: &mut Vec<u8>) {
    let mut bytes = [0; soup::HEADER_LEN + REQUEST_BYTES_MAX];
    let length = packet.encode(&mut bytes).expect("logins and requests of at most REQUEST_BYTES_MAX fit");
    out.extend_from_slice(&bytes[..length]);
}
