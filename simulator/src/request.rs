//! Requests: what they are on the wire, and how they come out of the sequencer.

use std::{fmt, str::FromStr};

use corelane_actors::types::{Command, Instrument, PortId};

/// A kind of request, by which a run can be made smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A day order.
    Day,
    /// An immediate-or-cancel order.
    Immediate,
    /// A cancel, of a part or of all.
    Cancel,
    /// A replace.
    Replace,
    /// A modify.
    Modify,
    /// A mass cancel.
    MassCancel,
    /// Disabling or enabling entry.
    EntrySwitch,
    /// An account query.
    Query,
    /// A day order that breaks a rule: price, quantity or instrument.
    Wrong,
    /// An order with a code that OUCH does not know, which is rejected.
    Garbled,
}

impl Kind {
    /// All kinds, with their names and how many of a thousand requests they are.
    pub const ALL: [(&'static str, Kind, u64); 10] = [
        ("day", Kind::Day, 460),
        ("immediate", Kind::Immediate, 100),
        ("cancel", Kind::Cancel, 180),
        ("replace", Kind::Replace, 150),
        ("modify", Kind::Modify, 40),
        ("mass-cancel", Kind::MassCancel, 4),
        ("entry-switch", Kind::EntrySwitch, 6),
        ("query", Kind::Query, 10),
        ("wrong", Kind::Wrong, 40),
        ("garbled", Kind::Garbled, 10),
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Kind::ALL.iter().find(|(_, kind, _)| kind == self);
        f.write_str(name.map_or("", |(name, ..)| name))
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Kind::ALL.iter().find(|(known, ..)| *known == name);
        found.map(|(_, kind, _)| *kind).ok_or_else(|| format!("no kind of request {name:?}"))
    }
}

/// A request, in the terms that client and sequencer share. Fields that its kind does not have are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// The OUCH type.
    pub code: u8,
    pub user_ref: u32,
    pub original: u32,
    pub quantity: u32,
    pub price: u64,
    pub side: u8,
    pub time_in_force: u8,
    /// The instrument, from 1; 0 for none that the venue has.
    pub locate: u16,
    /// The venue learns its number only.
    pub is_garbled: bool,
}

impl Request {
    /// Whether it uses the next number of its client.
    pub(crate) fn is_numbered(&self) -> bool {
        !matches!(self.code, b'X' | b'M' | b'Q')
    }

    /// Its OUCH message, byte by byte from the specification.
    pub(crate) fn encode(&self, instruments: &[Instrument]) -> Vec<u8> {
        let symbol = |locate: u16| match locate.checked_sub(1) {
            Some(index) => *instruments[usize::from(index)].symbol.as_array(),
            None if self.code == b'O' => *b"NOSUCH  ",
            None => *b"        ",
        };
        let identifier = |bytes: &mut Vec<u8>| bytes.extend(format!("{:<14}", self.user_ref).bytes());
        let mut bytes = vec![self.code];
        match self.code {
            b'O' => {
                bytes.extend(self.user_ref.to_be_bytes());
                bytes.push(self.side);
                bytes.extend(self.quantity.to_be_bytes());
                bytes.extend(symbol(self.locate));
                bytes.extend(self.price.to_be_bytes());
                bytes.extend([self.time_in_force, if self.is_garbled { b'?' } else { b'Y' }]);
                bytes.extend(*b"PNN");
                identifier(&mut bytes);
                bytes.extend([0, 0]);
            }
            b'U' => {
                bytes.extend(self.original.to_be_bytes());
                bytes.extend(self.user_ref.to_be_bytes());
                bytes.extend(self.quantity.to_be_bytes());
                bytes.extend(self.price.to_be_bytes());
                bytes.extend(*b"0YN");
                identifier(&mut bytes);
                bytes.extend([0, 0]);
            }
            b'X' => {
                bytes.extend(self.user_ref.to_be_bytes());
                bytes.extend(self.quantity.to_be_bytes());
            }
            b'M' => {
                bytes.extend(self.user_ref.to_be_bytes());
                bytes.push(self.side);
                bytes.extend(self.quantity.to_be_bytes());
            }
            b'C' => {
                bytes.extend(self.user_ref.to_be_bytes());
                bytes.extend(*b"    ");
                bytes.extend(symbol(self.locate));
                bytes.extend([0, 0]);
            }
            b'D' | b'E' => {
                bytes.extend(self.user_ref.to_be_bytes());
                bytes.extend(*b"    ");
                bytes.extend([0, 0]);
            }
            _ => {}
        }
        bytes
    }

    /// The request that a sequenced command came from, and who sent it; none if no client did.
    pub(crate) fn of(command: &Command) -> Option<(PortId, Request)> {
        let base = Request::default();
        Some(match command {
            // What the session could not read, it forwards without its fields.
            Command::Enter(enter) if enter.unsupported != 0 => {
                (enter.port, Request { code: b'O', user_ref: enter.user_ref, is_garbled: true, ..base })
            }
            Command::Enter(enter) => {
                let request = Request {
                    code: b'O',
                    user_ref: enter.user_ref,
                    original: 0,
                    quantity: enter.quantity.0,
                    price: enter.price.raw(),
                    side: enter.side,
                    time_in_force: enter.time_in_force,
                    locate: enter.locate.0,
                    is_garbled: false,
                };
                (enter.port, request)
            }
            Command::Replace(replace) => {
                let request = Request {
                    code: b'U',
                    user_ref: replace.user_ref,
                    original: replace.original_user_ref,
                    quantity: replace.quantity.0,
                    price: replace.price.raw(),
                    time_in_force: replace.time_in_force,
                    ..base
                };
                (replace.port, request)
            }
            Command::Cancel(cancel) => {
                let request = Request { code: b'X', user_ref: cancel.user_ref, quantity: cancel.quantity.0, ..base };
                (cancel.port, request)
            }
            Command::Modify(modify) => {
                let (user_ref, quantity, side) = (modify.user_ref, modify.quantity.0, modify.side);
                (modify.port, Request { code: b'M', user_ref, quantity, side, ..base })
            }
            Command::MassCancel(request) => {
                let (user_ref, locate) = (request.user_ref, request.locate.0);
                (request.port, Request { code: b'C', user_ref, locate, ..base })
            }
            Command::EntrySwitch(switch) => {
                let code = if switch.enabled == 0 { b'D' } else { b'E' };
                (switch.port, Request { code, user_ref: switch.user_ref, ..base })
            }
            Command::AccountQuery(query) => (query.port, Request { code: b'Q', ..base }),
            Command::LogIn(_)
            | Command::Disconnect(_)
            | Command::KillSwitch(_)
            | Command::MarketEvent(_)
            | Command::OtherChannel(_)
            | Command::EndPauses => return None,
        })
    }

    /// What of it the venue learns.
    pub(crate) fn as_sequenced(&self) -> Request {
        match self.is_garbled {
            true => Request { code: self.code, user_ref: self.user_ref, is_garbled: true, ..Request::default() },
            false => *self,
        }
    }
}
