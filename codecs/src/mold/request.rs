//! Requests for retransmission.

use zerocopy::FromBytes;

use super::{
    builder::write_header,
    error::MoldError,
    header::{HEADER_LEN, Header, Session},
};

/// A client's request to send messages again.
///
/// The answer is one ordinary packet with as many whole messages as fit; the client asks again for the rest.
///
/// ```
/// use corelane_codecs::mold::{HEADER_LEN, Request, Session};
///
/// let request = Request { session: Session::new("000010059B").unwrap(), sequence: 42, count: 3 };
/// let mut bytes = [0; HEADER_LEN];
/// request.encode(&mut bytes).unwrap();
/// assert_eq!(Request::decode(&bytes), Ok(request));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The session.
    pub session: Session,
    /// The first message wanted.
    pub sequence: u64,
    /// How many are wanted.
    pub count: u16,
}

impl Request {
    /// Reads a request, a whole datagram.
    ///
    /// # Errors
    /// If it has not exactly [`HEADER_LEN`] bytes.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Self, MoldError> {
        let header = Header::ref_from_bytes(bytes).map_err(|_| match bytes.len() {
            actual @ ..HEADER_LEN => MoldError::TooShort { actual },
            actual => MoldError::RequestLength { actual },
        })?;
        Ok(Self { session: header.session, sequence: header.sequence.get(), count: header.count.get() })
    }

    /// Writes it to the start of `out` and returns the bytes written, [`HEADER_LEN`].
    ///
    /// # Errors
    /// [`MoldError::NoRoom`].
    #[inline]
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, MoldError> {
        write_header(out, self.session, self.sequence, self.count)
    }
}
