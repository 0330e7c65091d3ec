//! Text files that a command reads whole.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    path::Path,
};

/// Bytes of the longest text that is read: no file that our commands write or are given has a tenth of that.
const BYTES_MAX: u64 = 64 << 20;

/// Reads a text. A file that never ends, such as a device, or a recording in its place would take all memory of the host.
///
/// # Errors
/// The system's reason, [`ErrorKind::FileTooLarge`], or [`ErrorKind::InvalidData`] if it is no UTF-8 text.
pub fn read_text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "it has more than 64 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is no UTF-8 text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_or_never_ends_is_an_error() {
        let error = |path: &str| read_text(Path::new(path)).unwrap_err().to_string();
        assert_eq!(error("/dev/zero"), "it has more than 64 MiB");
        assert_eq!(error("/bin/sh"), "it is no UTF-8 text");
        assert!(error("/absent").contains("No such file"));
        assert_eq!(read_text(Path::new("/dev/null")).unwrap(), "");
    }
}
