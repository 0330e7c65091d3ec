//! Transparent decompression of gzip files.

use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};

use flate2::bufread::GzDecoder;

/// The size of one read, in bytes.
const BUFFER_BYTES: usize = 1 << 20;
/// The first bytes of a gzip file, and of each member of it.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Wraps `file` in a reader that decompresses it if it is a gzip file, of one or several members.
///
/// The reader gives what it can before it fails: if the file is cut or damaged, or if bytes that are no member follow
/// the last one, its last read is an error that says so.
///
/// # Errors
/// The error of reading the first bytes.
pub fn decompress<'a>(file: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut raw = BufReader::with_capacity(BUFFER_BYTES, file);
    let mut head = Vec::new();
    raw.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut head)?;
    let is_gzip = head == GZIP_MAGIC;
    let raw = Cursor::new(head).chain(raw);
    Ok(if is_gzip { Box::new(Members::new(raw)) } else { Box::new(raw) })
}

/// The content of all members of a gzip file.
struct Members<R> {
    /// The member that is read; `None` after the last one or an error.
    member: Option<GzDecoder<Counted<R>>>,
}

impl<R: BufRead> Members<R> {
    fn new(raw: R) -> Self {
        Members { member: Some(GzDecoder::new(Counted { raw, offset: 0 })) }
    }

    /// Goes on to the next member, if there is one.
    fn next_member(&mut self) -> io::Result<()> {
        let Some(mut raw) = self.member.take().map(GzDecoder::into_inner) else { return Ok(()) };
        let (start, head) = (raw.offset, raw.fill_buf()?);
        if head.is_empty() {
            return Ok(());
        }
        if head.iter().zip(GZIP_MAGIC).all(|(byte, magic)| *byte == magic) {
            self.member = Some(GzDecoder::new(raw));
            return Ok(());
        }
        let bytes = io::copy(&mut raw, &mut io::sink())?;
        Err(io::Error::new(
            ErrorKind::InvalidData,
            format!("{bytes} bytes behind the end at offset {start}, which are no gzip member"),
        ))
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            match member.read(out) {
                Ok(0) => self.next_member()?,
                Ok(bytes) => return Ok(bytes),
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                Err(error) => {
                    let offset = member.get_ref().offset;
                    self.member = None;
                    return Err(explained(error, offset));
                }
            }
        }
        Ok(0)
    }
}

/// Says what is wrong with the gzip data. Errors of the system stay as they are.
fn explained(error: io::Error, offset: u64) -> io::Error {
    if error.raw_os_error().is_some() {
        return error;
    }
    let what = if error.kind() == ErrorKind::UnexpectedEof {
        format!("the gzip data ends early, at offset {offset}; the file is truncated")
    } else {
        format!("the gzip data is damaged before offset {offset}: {error}")
    };
    io::Error::new(error.kind(), what)
}

/// A reader that knows its place in the file.
struct Counted<R> {
    raw: R,
    offset: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let bytes = self.raw.read(out)?;
        self.offset += bytes as u64;
        Ok(bytes)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.raw.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.offset += bytes as u64;
        self.raw.consume(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// What could be read, and the error after it.
    fn read(file: &[u8]) -> (Vec<u8>, Option<String>) {
        let (mut reader, mut read, mut chunk) = (decompress(file).unwrap(), Vec::new(), [0; 7]);
        loop {
            match reader.read(&mut chunk) {
                Ok(0) => return (read, None),
                Ok(bytes) => read.extend(&chunk[..bytes]),
                Err(error) => return (read, Some(error.to_string())),
            }
        }
    }

    #[test]
    fn plain_and_compressed_bytes_come_out_alike() {
        for bytes in [&b""[..], b"x", b"\x1f", b"\0\x01a and more"] {
            for file in [bytes.to_vec(), gzip(bytes)] {
                assert_eq!(read(&file), (bytes.to_vec(), None));
            }
            let members = [gzip(bytes), gzip(b""), gzip(bytes)].concat();
            assert_eq!(read(&members), ([bytes, bytes].concat(), None));
        }
    }

    // T5
    #[test]
    fn what_is_wrong_with_a_compressed_file_follows_what_it_holds() {
        let bytes: Vec<u8> = (0..4_000_u32).flat_map(|number| (number * number).to_be_bytes()).collect();
        let file = gzip(&bytes);
        let (got, error) = read(&file[..file.len() / 2]);
        assert!(!got.is_empty() && bytes.starts_with(&got));
        let cut = format!("the gzip data ends early, at offset {}; the file is truncated", file.len() / 2);
        assert_eq!(error, Some(cut));

        let error = format!("4 bytes behind the end at offset {}, which are no gzip member", file.len());
        assert_eq!(read(&[&file[..], b"more"].concat()), (bytes.clone(), Some(error)));

        let mut damaged = file.clone();
        let crc = damaged.len() - 8;
        damaged[crc] ^= 1;
        let (got, error) = read(&damaged);
        assert_eq!(got, bytes);
        assert!(error.unwrap().starts_with("the gzip data is damaged before offset"));
    }
}
