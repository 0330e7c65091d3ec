//! Frames of packet captures: pcap or pcapng.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Cursor, ErrorKind, Read};
use std::rc::Rc;

use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{Block, LegacyPcapReader, Linktype, PcapBlockOwned, PcapError, PcapNGReader, parse_pcap_header};
use thiserror::Error;

use crate::link::{FrameContent, FrameError, Links};

/// The longest block accepted, in bytes. Frames have at most 256 KiB; other pcapng blocks have no limit.
const BLOCK_BYTES_MAX: usize = 1 << 20;
/// The shortest pcapng block, in bytes: type, length, and length again (draft-ietf-opsawg-pcapng, section 3.1). The
/// library subtracts this from the length without a check.
const BLOCK_BYTES_MIN: u32 = 12;
/// The maximum number of interfaces in one section of a pcapng file.
const INTERFACES_MAX: usize = 4096;
/// The number of bytes read first, which hold the whole first block.
const HEAD_BYTES: u64 = 64 * 1024;
/// The length of a pcap file's header, in bytes.
const PCAP_HEADER_BYTES: usize = 24;
/// The bits of a pcap header's link type; those above them describe the frame check sequence.
const LINK_TYPE_BITS: i32 = 0x03ff_ffff;

/// The reason why reading a capture failed. Offsets are those of the block, in bytes from the start of the capture.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// Reading the file failed.
    #[error("cannot read the capture behind offset {offset}: {source}")]
    Read {
        /// The end of the last block that was read.
        offset: u64,
        /// The cause.
        source: io::Error,
    },
    /// The capture ends within a block.
    #[error("the capture ends within the block at offset {offset}; the file is truncated, copy or capture it again")]
    Truncated {
        /// Where.
        offset: u64,
    },
    /// A block is longer than a mebibyte.
    #[error(
        "the block at offset {offset} is longer than {BLOCK_BYTES_MAX} bytes; the capture is probably damaged there"
    )]
    TooLong {
        /// Where.
        offset: u64,
    },
    /// The bytes are not a block.
    #[error("no pcap or pcapng block at offset {offset}; the capture is damaged from there on")]
    Damaged {
        /// Where.
        offset: u64,
    },
    /// A section has too many interfaces.
    #[error("the section has more than {INTERFACES_MAX} interfaces at offset {offset}; split the capture")]
    Interfaces {
        /// Where.
        offset: u64,
    },
}

/// A frame of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedFrame<'a> {
    /// The number of the frame, from 1.
    pub number: u64,
    /// The offset of its block, in bytes from the start of the capture.
    pub offset: u64,
    /// What the frame carries.
    pub content: Result<FrameContent<'a>, FrameError>,
}

/// A reader of the frames of a capture. Its memory is bounded, whatever the capture contains.
pub struct CaptureSource<'r> {
    blocks: Box<dyn PcapReaderIterator + 'r>,
    /// The error that ended reading; the library does not keep it.
    read_error: Rc<RefCell<Option<io::Error>>>,
    links: Links,
    /// The first eight bytes of a pcap capture: magic and version.
    pcap_magic: Option<[u8; 8]>,
    /// For pcapng, whether the section is big-endian; `None` for pcap.
    is_big_endian: Option<bool>,
    /// The length of the block that was returned last, in bytes.
    taken: usize,
    offset: u64,
    frames: u64,
}

impl fmt::Debug for CaptureSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureSource")
            .field("offset", &self.offset)
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}

impl<'r> CaptureSource<'r> {
    /// Creates a source that reads from the start of `reader`.
    ///
    /// # Errors
    /// [`CaptureError`] if `reader` does not contain a capture.
    pub fn new(reader: impl Read + 'r) -> Result<Self, CaptureError> {
        let read_error = Rc::default();
        let mut reader = Noting { reader, error: Rc::clone(&read_error) };
        let mut head = Vec::new();
        reader
            .by_ref()
            .take(HEAD_BYTES)
            .read_to_end(&mut head)
            .map_err(|source| CaptureError::Read { offset: 0, source })?;
        let is_legacy = parse_pcap_header(&head).is_ok();
        let pcap_magic = head.first_chunk().copied().filter(|_| is_legacy);
        let reader = Cursor::new(head).chain(reader);
        let blocks: Result<Box<dyn PcapReaderIterator + 'r>, _> = if is_legacy {
            LegacyPcapReader::new(BLOCK_BYTES_MAX, reader).map(|blocks| Box::new(blocks) as _)
        } else {
            PcapNGReader::new(BLOCK_BYTES_MAX, reader).map(|blocks| Box::new(blocks) as _)
        };
        let blocks = blocks.map_err(|_| CaptureError::Damaged { offset: 0 })?;
        let is_big_endian = (!is_legacy).then_some(false);
        let links = Links::default();
        Ok(Self { blocks, read_error, links, pcap_magic, is_big_endian, taken: 0, offset: 0, frames: 0 })
    }

    /// Reads the next frame; `None` at the end.
    ///
    /// # Errors
    /// [`CaptureError`] if reading fails or the capture is damaged.
    pub fn next_frame(&mut self) -> Result<Option<CapturedFrame<'_>>, CaptureError> {
        loop {
            if !self.next_block()? {
                return Ok(None);
            }
            let offset = self.offset;
            // The block is parsed twice, because a loop that continues cannot return a borrow of it.
            let (taken, block) = self.blocks.next().map_err(|_| CaptureError::Damaged { offset })?;
            self.taken = taken;
            match &block {
                PcapBlockOwned::LegacyHeader(header) => self.links = Links(vec![link_type(header.network)]),
                PcapBlockOwned::NG(Block::SectionHeader(_)) => self.links = Links::default(),
                PcapBlockOwned::NG(Block::InterfaceDescription(_)) if self.links.0.len() == INTERFACES_MAX => {
                    return Err(CaptureError::Interfaces { offset });
                }
                PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => self.links.0.push(interface.linktype),
                PcapBlockOwned::Legacy(_) | PcapBlockOwned::NG(Block::EnhancedPacket(_) | Block::SimplePacket(_)) => {
                    break;
                }
                PcapBlockOwned::NG(_) => {}
            }
        }
        self.frames += 1;
        let offset = self.offset;
        let (_, block) = self.blocks.next().map_err(|_| CaptureError::Damaged { offset })?;
        let (interface, frame) = match block {
            PcapBlockOwned::Legacy(block) => (0, block.data),
            PcapBlockOwned::NG(Block::EnhancedPacket(block)) => (block.if_id, captured(block.data, block.caplen)),
            PcapBlockOwned::NG(Block::SimplePacket(block)) => (0, captured(block.data, block.origlen)),
            _ => unreachable!("the loop above ends at a frame"),
        };
        Ok(Some(CapturedFrame { number: self.frames, offset, content: self.links.content(interface, frame) }))
    }

    /// Drops the block that was returned last, and reads until the next one is complete. Returns false at the end.
    fn next_block(&mut self) -> Result<bool, CaptureError> {
        self.drop_bytes(self.taken);
        self.taken = 0;
        loop {
            let (had, offset) = (self.blocks.data().len(), self.offset);
            if self.is_too_short() {
                return Err(CaptureError::Damaged { offset });
            }
            if self.pcap_magic.is_some() && had < PCAP_HEADER_BYTES && !self.blocks.reader_exhausted() {
                self.blocks.refill().map_err(|_| CaptureError::Damaged { offset })?;
                continue;
            }
            if self.skip_header() {
                continue;
            }
            let is_whole = match self.blocks.next() {
                Ok(_) => return Ok(true),
                Err(PcapError::Eof) => true,
                Err(PcapError::UnexpectedEof) => had == 0,
                Err(PcapError::Incomplete(_)) => {
                    self.blocks.refill().map_err(|_| CaptureError::Damaged { offset })?;
                    if self.blocks.data().len() == had && !self.blocks.reader_exhausted() {
                        return Err(CaptureError::TooLong { offset });
                    }
                    continue;
                }
                Err(PcapError::BufferTooSmall) => return Err(CaptureError::TooLong { offset }),
                Err(_) => return Err(CaptureError::Damaged { offset }),
            };
            return match self.read_error.take() {
                Some(source) => Err(CaptureError::Read { offset, source }),
                None if is_whole => Ok(false),
                None => Err(CaptureError::Truncated { offset }),
            };
        }
    }

    fn drop_bytes(&mut self, bytes: usize) {
        self.blocks.consume(bytes);
        self.offset += bytes as u64;
    }

    /// Skips the header of one more pcap capture, if there is one: two captures in one file. Its time zone and accuracy
    /// are zero, so that it cannot be a frame, which would be empty.
    fn skip_header(&mut self) -> bool {
        let data = self.blocks.data();
        let is_header = self.offset > 0 && self.pcap_magic.is_some_and(|magic| data.starts_with(&magic));
        if !is_header || data.get(8..16) != Some(&[0; 8]) {
            return false;
        }
        let Ok((_, header)) = parse_pcap_header(data) else { return false };
        self.links = Links(vec![link_type(header.network)]);
        self.drop_bytes(PCAP_HEADER_BYTES);
        true
    }
}

impl CaptureSource<'_> {
    /// Whether the next block claims a length that is too short for a pcapng block, as far as the bytes so far tell.
    fn is_too_short(&mut self) -> bool {
        const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
        const BIG_ENDIAN: [u8; 4] = [0x1a, 0x2b, 0x3c, 0x4d];
        let (Some(is_big_endian), data) = (&mut self.is_big_endian, self.blocks.data()) else { return false };
        let word = |at: usize| data.get(at..)?.first_chunk::<4>().copied();
        let (Some(kind), Some(length)) = (word(0), word(4)) else { return false };
        if kind == SECTION_HEADER {
            let Some(magic) = word(8) else { return false };
            *is_big_endian = magic == BIG_ENDIAN;
        }
        let length = if *is_big_endian { u32::from_be_bytes(length) } else { u32::from_le_bytes(length) };
        length < BLOCK_BYTES_MIN
    }
}

fn link_type(network: Linktype) -> Linktype {
    Linktype(network.0 & LINK_TYPE_BITS)
}

/// A reader that keeps its error and then seems to be at its end.
struct Noting<R> {
    reader: R,
    error: Rc<RefCell<Option<io::Error>>>,
}

impl<R: Read> Read for Noting<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.reader.read(out) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.error.replace(Some(error));
                    return Ok(0);
                }
                read => return read,
            }
        }
    }
}

/// The frame without its padding.
fn captured(frame: &[u8], length: u32) -> &[u8] {
    frame.get(..length as usize).unwrap_or(frame)
}

/// Whether a file that begins with `head`, at least four bytes, is a pcap or pcapng capture.
#[must_use]
pub fn is_capture(head: &[u8]) -> bool {
    const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
    /// The magic numbers for microseconds and nanoseconds in both byte orders, and one for the variant with longer
    /// frame headers.
    const PCAP: [u32; 5] = [0xa1b2_c3d4, 0xd4c3_b2a1, 0xa1b2_3c4d, 0x4d3c_b2a1, 0xa1b2_cd34];
    head.first_chunk().is_some_and(|magic| *magic == PCAPNG || PCAP.contains(&u32::from_le_bytes(*magic)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_is_taken_for_a_capture() {
        for (magic, expected) in [
            (0xa1b2_c3d4_u32, true),
            (0xd4c3_b2a1, true),
            (0xa1b2_3c4d, true),
            (0x4d3c_b2a1, true),
            (0xa1b2_cd34, true),
            (0x34cd_b2a1, false),
            (0x0c00_0053, false),
        ] {
            let header = [magic, 0, 0, 0, 0, 1].map(u32::to_le_bytes).concat();
            assert_eq!(is_capture(&header), expected, "{magic:08x}");
            match CaptureSource::new(&header[..]) {
                Ok(mut source) => assert_eq!((source.next_frame().unwrap(), expected), (None, true), "{magic:08x}"),
                Err(error) => assert!(!expected, "{magic:08x}: {error}"),
            }
        }
    }

    #[test]
    fn a_block_shorter_than_its_own_head_is_refused() {
        let words = [0x0a0d_0d0a_u32, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28];
        for to_bytes in [u32::to_le_bytes, u32::to_be_bytes] {
            for (kind, length) in [(0x8000_0001, 9), (1, 0), (6, 11), (0x0a0d_0d0a, 8)] {
                let file = [&words[..], &[kind, length, 0x1a2b_3c4d, 0]].concat();
                let file: Vec<u8> = file.into_iter().flat_map(to_bytes).collect();
                let error = CaptureSource::new(&file[..]).unwrap().next_frame().unwrap_err();
                assert!(matches!(error, CaptureError::Damaged { offset: 28 }), "{kind} {length}: {error}");
            }
        }
    }

    #[test]
    fn a_block_longer_than_the_buffer_is_refused() {
        let block = [0x0a0d_0d0a_u32, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28].map(u32::to_le_bytes).concat();
        let huge = [7_u32, 0x7fff_fff0].map(u32::to_le_bytes).concat();
        let file = [&block[..], &huge, &vec![0; 2 * BLOCK_BYTES_MAX]].concat();
        let error = CaptureSource::new(&file[..]).unwrap().next_frame().unwrap_err();
        assert!(matches!(error, CaptureError::TooLong { offset: 28 }), "{error}");
    }
}
