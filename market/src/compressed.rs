//! Transparent decompression of gzip files.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// The size of one read, in bytes.
const BUFFER_BYTES: usize = 1 << 20;
/// The first bytes of a gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Wraps `file` in a reader that decompresses it if it is a gzip file.
///
/// # Errors
/// The error of reading the first bytes.
pub fn decompress<'a>(file: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut raw = BufReader::with_capacity(BUFFER_BYTES, file);
    let is_gzip = raw.fill_buf()?.starts_with(&GZIP_MAGIC);
    Ok(if is_gzip { Box::new(MultiGzDecoder::new(raw)) } else { Box::new(raw) })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    #[test]
    fn plain_and_compressed_bytes_come_out_alike() {
        for bytes in [&b""[..], b"x", b"\x1f", b"\0\x01a and more"] {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).unwrap();
            for file in [bytes.to_vec(), encoder.finish().unwrap()] {
                let mut read = Vec::new();
                decompress(&file[..]).unwrap().read_to_end(&mut read).unwrap();
                assert_eq!(read, bytes);
            }
        }
    }
}
