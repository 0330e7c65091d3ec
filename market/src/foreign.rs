//! Words for what is not ITCH 5.0: other protocols, other files.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use corelane_codecs::mold::{Content, HEADER_LEN, Packet};

/// The number of bytes shown of something unknown.
const SHOWN_BYTES: usize = 16;
/// The maximum number of ports kept by name.
const PORTS_MAX: usize = 8;

/// Files by their first bytes, and what to do with them.
const FILES: [(&[u8], &str); 7] = [
    // The outer layer is gone already.
    (&[0x1f, 0x8b], "gzip data in gzip data; decompress it once, as in `gzip -dc FILE | corelane itch stats -`"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd data; decompress it, as in `zstd -dc FILE | corelane itch stats -`"),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz data; decompress it, as in `xz -dc FILE | corelane itch stats -`"),
    (b"BZh", "bzip2 data; decompress it, as in `bzip2 -dc FILE | corelane itch stats -`"),
    (&[0x04, 0x22, 0x4d, 0x18], "lz4 data; decompress it, as in `lz4 -dc FILE | corelane itch stats -`"),
    (b"PK\x03\x04", "a zip archive; unpack it, as in `unzip -p FILE | corelane itch stats -`"),
    (b"\x7fELF", "a program"),
];
/// The protocols of IEX-TP, by the number in its header.
const IEX: [(u16, &str); 3] = [(0x8002, "TOPS 1.5"), (0x8003, "TOPS 1.6"), (0x8004, "DEEP 1.0")];

/// A bounded set of ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    known: BTreeSet<u16>,
    has_more: bool,
}

impl Ports {
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub(crate) fn note(&mut self, port: u16) {
        if self.known.len() < PORTS_MAX || self.known.contains(&port) {
            self.known.insert(port);
        } else {
            self.has_more = true;
        }
    }
}

impl std::fmt::Display for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&ports(&self.known))?;
        f.write_str(if self.has_more { " and others" } else { "" })
    }
}

/// What a capture has beside MoldUDP64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// The number of UDP datagrams.
    pub datagrams: u64,
    /// Their destination ports.
    pub datagram_ports: Ports,
    /// The number of TCP segments.
    pub segments: u64,
    /// Their destination ports.
    pub segment_ports: Ports,
    /// The number of frames with neither.
    pub frames: u64,
    /// The ports of datagrams that the selection leaves out.
    pub unselected_ports: Ports,
    /// What the first datagram and the first segment with a payload look like.
    datagram: Option<String>,
    segment: Option<String>,
}

impl Others {
    pub(crate) fn datagram(&mut self, port: u16, payload: &[u8]) {
        self.datagrams += 1;
        self.datagram_ports.note(port);
        self.datagram.get_or_insert_with(|| describe_payload(payload));
    }

    pub(crate) fn segment(&mut self, port: u16, payload: &[u8]) {
        self.segments += 1;
        self.segment_ports.note(port);
        if !payload.is_empty() {
            self.segment.get_or_insert_with(|| describe_payload(payload));
        }
    }

    /// A phrase for each kind of traffic.
    pub fn describe(&self) -> impl Iterator<Item = String> + use<> {
        let phrase = |count: u64, what: &str, ports: &Ports, like: &Option<String>| {
            let like = like.as_ref().map_or_else(String::new, |like| format!(" ({like})"));
            (count > 0).then(|| format!("{count} {what} to {ports}{like}"))
        };
        let datagrams = phrase(self.datagrams, "other UDP datagrams", &self.datagram_ports, &self.datagram);
        let segments = phrase(self.segments, "TCP segments", &self.segment_ports, &self.segment);
        let frames = (self.frames > 0).then(|| format!("{} frames of neither", self.frames));
        [datagrams, segments, frames].into_iter().flatten()
    }
}

pub(crate) fn ports(ports: &BTreeSet<u16>) -> String {
    let list = ports.iter().take(PORTS_MAX).map(u16::to_string).collect::<Vec<_>>().join(", ");
    format!("port{} {list}", if ports.len() == 1 { "" } else { "s" })
}

/// Whether a datagram is likely to be a packet of MoldUDP64: its session is text or blanked, and its first message is
/// whole.
pub(crate) fn looks_like_mold(packet: &Packet<'_>, datagram: &[u8]) -> bool {
    let session = packet.session.as_array();
    let is_named = session.iter().all(|byte| *byte == b' ' || byte.is_ascii_graphic());
    let is_blanked = session.iter().all(|byte| *byte == 0);
    let has_content = match packet.content {
        Content::Messages(_) => matches!(packet.messages().next(), Some(Ok((_, [_, ..])))),
        Content::Heartbeat | Content::EndOfSession => datagram.len() == HEADER_LEN,
    };
    (is_named || is_blanked) && has_content
}

/// What a file that is not ITCH looks like.
pub(crate) fn describe_file(head: &[u8]) -> String {
    if let Some((_, what)) = FILES.iter().find(|(magic, _)| head.starts_with(magic)) {
        return (*what).to_owned();
    }
    if Packet::decode(head).is_ok_and(|packet| looks_like_mold(&packet, head)) {
        return "MoldUDP64 packets without a capture around them".to_owned();
    }
    describe_payload(head)
}

fn describe_payload(bytes: &[u8]) -> String {
    if let [1, 0, low, high, ..] = bytes
        && let Some((_, name)) = IEX.iter().find(|(number, _)| *number == u16::from_le_bytes([*low, *high]))
    {
        return format!("IEX-TP, {name}");
    }
    if is_soup(bytes) {
        return "a SoupBinTCP stream".to_owned();
    }
    let is_text = |byte: &u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    if !bytes.is_empty() && bytes.iter().all(is_text) {
        let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        let line = String::from_utf8_lossy(&line[..line.len().min(2 * SHOWN_BYTES)]);
        return format!("text that begins \"{line}\"");
    }
    if bytes.is_empty() {
        return "nothing that can be read".to_owned();
    }
    let shown = &bytes[..bytes.len().min(SHOWN_BYTES)];
    shown.iter().fold("data that begins".to_owned(), |mut text, byte| {
        let _ = write!(text, " {byte:02x}");
        text
    })
}

/// Whether the bytes begin with a packet of SoupBinTCP: its length fits its type.
fn is_soup(bytes: &[u8]) -> bool {
    let [high, low, kind, ..] = bytes else { return false };
    let length = u16::from_be_bytes([*high, *low]);
    match kind {
        b'H' | b'R' | b'Z' | b'O' => length == 1,
        b'J' => length == 2,
        b'A' => length == 31,
        b'L' => length == 47 || length == 52,
        b'S' | b'U' | b'+' => (2..=1024).contains(&length) && bytes.len() <= usize::from(length) + 2,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // T6
    #[test]
    fn other_files_are_named() {
        for (head, expected) in [
            (&b"time,price\n09:30:00,100.0\n"[..], "text that begins \"time,price\""),
            (&[0x28, 0xb5, 0x2f, 0xfd, 1], "zstd data; decompress it, as in `zstd -dc FILE | corelane itch stats -`"),
            (&[1, 0, 3, 0x80, 1, 0, 0, 0], "IEX-TP, TOPS 1.6"),
            (b"\0\x01H", "a SoupBinTCP stream"),
            (&[9, 8, 7], "data that begins 09 08 07"),
            (&[], "nothing that can be read"),
            (
                &[0x1f, 0x8b, 8],
                "gzip data in gzip data; decompress it once, as in `gzip -dc FILE | corelane itch stats -`",
            ),
            (b"000010059B\0\0\0\0\0\0\0\x01\0\x01\0\x01S", "MoldUDP64 packets without a capture around them"),
        ] {
            assert_eq!(describe_file(head), expected);
        }
    }
}
