//! Requests for retransmission.

use zerocopy::FromBytes;

use super::{
    builder::write_header,
    error::MoldError,
    header::{HEADER_LEN, Header, SessionName},
};

/// A client's request for retransmission.
///
/// The answer is one ordinary packet with as many whole messages as fit. The client requests the rest again.
///
/// ```
/// use corelane_codecs::mold::{HEADER_LEN, Request, SessionName};
///
/// let request = Request { session: SessionName::new("000010059B").unwrap(), sequence: 42, count: 3 };
/// let mut bytes = [0; HEADER_LEN];
/// request.encode(&mut bytes).unwrap();
/// assert_eq!(Request::decode(&bytes), Ok(request));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The session.
    pub session: SessionName,
    /// Sequence number of the first message.
    pub sequence: u64,
    /// Number of messages.
    pub count: u16,
}

impl Request {
    /// Decodes a datagram.
    ///
    /// # Errors
    /// [`MoldError::TooShort`] or [`MoldError::RequestLength`] unless it has [`HEADER_LEN`] bytes.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Self, MoldError> {
        let header = Header::ref_from_bytes(bytes).map_err(|_| match bytes.len() {
            actual @ ..HEADER_LEN => MoldError::TooShort { actual },
            actual => MoldError::RequestLength { actual },
        })?;
        Ok(Self { session: header.session, sequence: header.sequence.get(), count: header.count.get() })
    }

    /// Writes the request to the start of `out`; returns the bytes written, [`HEADER_LEN`].
    ///
    /// # Errors
    /// [`MoldError::NoRoom`].
    #[inline]
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, MoldError> {
        write_header(out, self.session, self.sequence, self.count)
    }
}
