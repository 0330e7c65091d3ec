//! Log-in packets: texts and ASCII numbers of fixed width.

use core::fmt;

use super::{
    error::SoupError,
    frame::{HEADER_LEN, LOGIN_ACCEPTED_BODY, SessionName, put},
};
use crate::text::Alpha;

const USER: usize = 6;
const PASSWORD: usize = 10;
const SESSION: usize = 10;
const SEQUENCE: usize = 20;
const TIMEOUT: usize = 5;
/// Payload of a request up to version 4.00; 4.10 adds the timeout.
const REQUEST: usize = USER + PASSWORD + SESSION + SEQUENCE;
const REQUEST_4_10: usize = REQUEST + TIMEOUT;

/// A client's log-in. Decoding justifies texts left.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LoginRequest {
    /// User name, see [`LoginRequest::matches`].
    pub user: Alpha<USER>,
    /// Password.
    pub password: Alpha<PASSWORD>,
    /// The session to join; blank for the current one.
    pub session: SessionName,
    /// Number of the first message to send: 1 for all from the start, 0 for new messages only; `None` if the field is
    /// blank.
    pub sequence: Option<u64>,
    /// Silence after which the server drops the client, in milliseconds up to 99 999. Only version 4.10 has the field;
    /// `None` encodes the older form.
    pub heartbeat_timeout_ms: Option<u32>,
}

impl LoginRequest {
    /// Whether user and password are these, ignoring ASCII case, as the specification requires.
    ///
    /// ```
    /// use corelane_codecs::soup::LoginRequest;
    /// use corelane_codecs::text::Alpha;
    ///
    /// let login = LoginRequest {
    ///     user: Alpha::new("Trader").unwrap(),
    ///     password: Alpha::new("s3cret").unwrap(),
    ///     session: Alpha::BLANK,
    ///     sequence: Some(1),
    ///     heartbeat_timeout_ms: None,
    /// };
    /// assert!(login.matches(&Alpha::new("TRADER").unwrap(), &Alpha::new("S3CRET").unwrap()));
    /// assert!(!login.matches(&Alpha::new("TRADER").unwrap(), &Alpha::new("other").unwrap()));
    /// ```
    #[must_use]
    pub fn matches(&self, user: &Alpha<USER>, password: &Alpha<PASSWORD>) -> bool {
        // Not `&&`: compare the password also for an unknown user, so that the time does not tell them apart.
        self.user.matches_ignoring_case(user) & self.password.matches_ignoring_case(password)
    }

    pub(super) fn read(payload: &[u8]) -> Result<Self, SoupError> {
        if payload.len() != REQUEST && payload.len() != REQUEST_4_10 {
            return Err(SoupError::WrongLength { kind: b'L', expected: 1 + REQUEST, actual: 1 + payload.len() });
        }
        let mut fields = Fields { kind: b'L', payload, at: 0 };
        Ok(Self {
            user: fields.text(),
            password: fields.text(),
            session: fields.text(),
            sequence: fields.number::<SEQUENCE>("requested sequence number")?,
            heartbeat_timeout_ms: match payload.len() {
                // At most five digits, so it fits.
                REQUEST_4_10 => fields.number::<TIMEOUT>("heartbeat timeout")?.map(|ms| ms as u32),
                _ => None,
            },
        })
    }

    pub(super) fn write(&self, out: &mut [u8]) -> Result<usize, SoupError> {
        let mut payload = [b' '; REQUEST_4_10];
        let (user, rest) = payload.split_at_mut(USER);
        let (password, rest) = rest.split_at_mut(PASSWORD);
        let (session, rest) = rest.split_at_mut(SESSION);
        let (sequence, timeout) = rest.split_at_mut(SEQUENCE);
        user.copy_from_slice(self.user.as_array());
        password.copy_from_slice(self.password.as_array());
        session.copy_from_slice(self.session.as_array());
        if let Some(number) = self.sequence {
            write_number(sequence, number);
        }
        let length = match self.heartbeat_timeout_ms {
            Some(ms) => {
                if !write_number(timeout, u64::from(ms)) {
                    return Err(SoupError::BadField {
                        kind: b'L',
                        field: "heartbeat timeout",
                        offset: HEADER_LEN + REQUEST,
                        expected: "at most 99999 ms",
                    });
                }
                REQUEST_4_10
            }
            None => REQUEST,
        };
        put(out, b'L', &payload[..length])
    }
}

/// All fields but the password.
impl fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginRequest")
            .field("user", &self.user)
            .field("session", &self.session)
            .field("sequence", &self.sequence)
            .field("heartbeat_timeout_ms", &self.heartbeat_timeout_ms)
            .finish_non_exhaustive()
    }
}

/// Reads the session and the next sequence number of a login accepted.
pub(super) fn read_accepted(payload: &[u8]) -> Result<(SessionName, u64), SoupError> {
    let kind = b'A';
    if payload.len() + 1 != LOGIN_ACCEPTED_BODY {
        return Err(SoupError::WrongLength { kind, expected: LOGIN_ACCEPTED_BODY, actual: 1 + payload.len() });
    }
    let mut fields = Fields { kind, payload, at: 0 };
    let session = fields.text();
    let offset = HEADER_LEN + fields.at;
    let field = "next sequence number";
    let next_sequence =
        fields.number::<SEQUENCE>(field)?.ok_or(SoupError::BadField { kind, field, offset, expected: "a number" })?;
    Ok((session, next_sequence))
}

pub(super) fn write_accepted(session: &SessionName, next_sequence: u64, out: &mut [u8]) -> Result<usize, SoupError> {
    let mut payload = [b' '; LOGIN_ACCEPTED_BODY - 1];
    let (name, sequence) = payload.split_at_mut(SESSION);
    name.copy_from_slice(session.right_justified().as_array());
    write_number(sequence, next_sequence);
    put(out, b'A', &payload)
}

/// Reads the fields of a payload one after another. The caller has checked its length.
struct Fields<'a> {
    kind: u8,
    payload: &'a [u8],
    at: usize,
}

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Alpha<N> {
        let mut field = [b' '; N];
        field.copy_from_slice(&self.payload[self.at..self.at + N]);
        self.at += N;
        Alpha::from_bytes(field)
    }

    fn text<const N: usize>(&mut self) -> Alpha<N> {
        self.take().justified()
    }

    /// Reads ASCII digits with spaces on either side; `None` if blank.
    fn number<const N: usize>(&mut self, field: &'static str) -> Result<Option<u64>, SoupError> {
        let offset = HEADER_LEN + self.at;
        let text = self.take::<N>();
        let digits = text.trimmed();
        if digits.is_empty() {
            return Ok(None);
        }
        digits
            .iter()
            .try_fold(0_u64, |number, byte| match byte {
                b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
                _ => None,
            })
            .map(Some)
            .ok_or(SoupError::BadField { kind: self.kind, field, offset, expected: "ASCII digits of a 64-bit number" })
    }
}

/// Writes digits at the right edge of a blank field; `false` if they do not fit.
fn write_number(field: &mut [u8], mut number: u64) -> bool {
    for digit in field.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return true;
        }
    }
    false
}
