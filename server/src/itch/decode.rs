//! `corelane itch decode`: one readable line per message of a file or a packet capture.

use std::{
    fmt::Display,
    io::{self, BufRead, BufReader, BufWriter, ErrorKind, IsTerminal, Read, Write},
    path::Path,
};

use corelane_codecs::{itch::Message, mold::Packet};
use corelane_console::{Exit, Output};
use corelane_market::{CaptureSource, CapturedFrame, MessageSource, is_capture};
use miette::{IntoDiagnostic, miette};

use super::source;

/// Prints the messages of `path` on standard output and its errors on standard error.
///
/// # Errors
/// If the file cannot be opened.
pub(super) fn decode(path: &Path, out: &mut Output) -> miette::Result<Exit> {
    let progress = source::progress(io::stderr().is_terminal() && !io::stdout().is_terminal());
    let input = BufReader::new(source::open_with(path, &progress)?);
    let errors = |line: &dyn Display| progress.suspend(|| eprintln!("{line}"));
    let mut lines = Lines { out: BufWriter::new(io::stdout().lock()), errors, messages: 0, refused: 0 };
    match lines.write_all(input) {
        Err(Stop::Output(error)) if error.kind() == ErrorKind::BrokenPipe => return Ok(Exit::Done),
        Err(Stop::Output(error)) => return Err(error).into_diagnostic(),
        Err(Stop::Input(error)) => lines.refuse(&error),
        Ok(()) => {}
    }
    let Lines { messages, refused, .. } = lines;
    progress.finish_and_clear();
    if messages + refused == 0 {
        eprintln!("no ITCH message in {}", path.display());
    }
    if refused == 0 {
        return Ok(Exit::Done);
    }
    Ok(out.damaged(&miette!("{messages} messages decoded, {refused} errors, listed above")))
}

/// The reason for stopping.
#[derive(Debug)]
enum Stop {
    /// Writing to standard output failed.
    Output(io::Error),
    /// Reading the file failed.
    Input(String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Output(error)
    }
}

/// A writer of messages as lines that also reports errors.
struct Lines<W, E> {
    out: W,
    errors: E,
    messages: u64,
    refused: u64,
}

impl<W: Write, E: Fn(&dyn Display)> Lines<W, E> {
    fn write_all(&mut self, mut input: impl BufRead) -> Result<(), Stop> {
        let head = input.fill_buf().map_err(|error| Stop::Input(format!("cannot read the file: {error}")))?;
        if is_capture(head) {
            self.capture(input)?
        } else {
            self.file(input)?
        }
        Ok(self.out.flush()?)
    }

    fn file(&mut self, input: impl Read) -> Result<(), Stop> {
        let mut source = MessageSource::new(input);
        loop {
            let (number, offset) = (source.taken() + 1, source.offset());
            let Some(message) = source.peek().map_err(|error| Stop::Input(error.to_string()))? else {
                return Ok(());
            };
            self.message(message, number, || format!("message {number} at offset {offset}"))?;
            source.take().map_err(|error| Stop::Input(error.to_string()))?;
        }
    }

    fn capture(&mut self, input: impl Read) -> Result<(), Stop> {
        let mut source = CaptureSource::new(input).map_err(|error| Stop::Input(error.to_string()))?;
        while let Some(frame) = source.next_frame().map_err(|error| Stop::Input(error.to_string()))? {
            self.frame(&frame)?;
        }
        Ok(())
    }

    /// Decodes a frame. Skips frames other than UDP.
    fn frame(&mut self, frame: &CapturedFrame<'_>) -> io::Result<()> {
        let place = || format!("frame {} at offset {}", frame.number, frame.offset);
        let datagram = match &frame.datagram {
            Ok(Some(datagram)) => datagram,
            Ok(None) => return Ok(()),
            Err(error) => {
                self.refuse(&format_args!("{}: {error}", place()));
                return Ok(());
            }
        };
        let packet = match Packet::decode(datagram) {
            Ok(packet) => packet,
            Err(error) => {
                self.refuse(&format_args!("{}: not a MoldUDP64 packet: {error}", place()));
                return Ok(());
            }
        };
        for message in packet.messages() {
            match message {
                Ok((sequence, message)) => {
                    self.message(message, sequence, || format!("{}, sequence number {sequence}", place()))?;
                }
                Err(error) => self.refuse(&format_args!("{}: {error}", place())),
            }
        }
        Ok(())
    }

    /// Writes `number` and the message. If the bytes are not a message, reports the error at `place`.
    fn message(&mut self, bytes: &[u8], number: u64, place: impl FnOnce() -> String) -> io::Result<()> {
        match Message::decode(bytes) {
            Ok(message) => {
                self.messages += 1;
                writeln!(self.out, "{number} {message}")
            }
            Err(error) => {
                self.refuse(&format_args!("{}: {error}", place()));
                Ok(())
            }
        }
    }

    fn refuse(&mut self, error: &dyn Display) {
        self.refused += 1;
        (self.errors)(error);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use corelane_codecs::{
        IntoBytes,
        itch::{EventCode, Header, OrderDelete, SystemEvent},
        mold::{PacketBuilder, SessionName},
    };

    use super::*;

    /// The lines on standard output and standard error.
    fn decoded(input: &[u8]) -> (Vec<String>, Vec<String>) {
        let (mut out, told) = (Vec::new(), RefCell::new(Vec::new()));
        let errors = |line: &dyn Display| told.borrow_mut().push(line.to_string());
        let mut lines = Lines { out: &mut out, errors, messages: 0, refused: 0 };
        if let Err(Stop::Input(error)) = lines.write_all(input) {
            lines.refuse(&error);
        }
        let (messages, refused) = (lines.messages, lines.refused);
        let out: Vec<String> = String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
        let told = told.into_inner();
        assert_eq!((messages, refused), (out.len() as u64, told.len() as u64));
        (out, told)
    }

    fn event() -> SystemEvent {
        SystemEvent { header: Header::new(0, 0, 1), event_code: EventCode::StartOfMessages.to_wire() }
    }

    const EVENT: &str = "00:00:00.000000001 system event (S) locate=0 tracking=0 event_code=StartOfMessages";
    const DELETE: &str = "00:00:00.000000002 order delete (D) locate=7 tracking=0 order_ref=9";

    #[test]
    fn a_file_gives_a_line_per_message_and_an_error_per_invalid_one() {
        let event = [&[0, 12][..], event().as_bytes()].concat();
        let file = [&event[..], b"\0\x03zzz", b"\0\x02D?", &event, &event[..5]].concat();
        let (lines, errors) = decoded(&file);
        assert_eq!(lines, [format!("1 {EVENT}"), format!("4 {EVENT}")]);
        assert_eq!(
            errors,
            [
                "message 2 at offset 14: unknown message type 'z' at offset 0",
                "message 3 at offset 19: message type 'D' has 19 bytes, not 2",
                "the file ends within message 5 at offset 37, after 5 bytes of it; it is truncated or not a BinaryFILE",
            ]
        );
    }

    /// An Ethernet frame with `vlans` VLAN tags and an IPv4 packet of `protocol`.
    fn frame(vlans: usize, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![2; 12];
        (0..vlans).for_each(|_| frame.extend([0x81, 0, 0, 5]));
        frame.extend([8, 0, 0x45, 0]);
        frame.extend((28 + payload.len() as u16).to_be_bytes());
        frame.extend([0, 0, 0, 0, 1, protocol, 0, 0, 10, 0, 0, 1, 239, 0, 0, 1]);
        frame.extend([0, 1, 0, 2]);
        frame.extend((8 + payload.len() as u16).to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(payload);
        // A trailer such as a capture card may append.
        frame.extend(b"trailer");
        frame
    }

    /// A capture, and the offsets of its frames' blocks.
    fn pcap(frames: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let mut file = [0xa1b2_c3d4_u32, 0x0002_0004, 0, 0, 65_535, 1].map(u32::to_be_bytes).concat();
        let mut places = Vec::new();
        for frame in frames {
            places.push(file.len());
            file.extend([1, 2, frame.len() as u32, frame.len() as u32].map(u32::to_be_bytes).concat());
            file.extend(frame);
        }
        (file, places)
    }

    fn pcapng(frames: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let block = |kind: u32, body: &[u8]| {
            let length = 12 + body.len() as u32;
            [&kind.to_le_bytes()[..], &length.to_le_bytes(), body, &length.to_le_bytes()].concat()
        };
        let section = [0x1a2b_3c4d_u32, 1, u32::MAX, u32::MAX].map(u32::to_le_bytes).concat();
        let mut file = [block(0x0a0d_0d0a, &section), block(1, &[1, 0, 0, 0, 0, 0, 0, 0])].concat();
        let mut places = Vec::new();
        for frame in frames {
            places.push(file.len());
            let length = frame.len() as u32;
            let mut body = [0, 0, 0, length, length].map(u32::to_le_bytes).concat();
            body.extend(frame);
            body.resize(body.len().next_multiple_of(4), 0);
            file.extend(block(6, &body));
        }
        (file, places)
    }

    fn packet(sequence: u64, messages: &[&[u8]]) -> Vec<u8> {
        let mut buffer = [0; 256];
        let mut packet = PacketBuilder::new(&mut buffer, SessionName::BLANK, sequence, 256).unwrap();
        assert!(messages.iter().all(|message| packet.push(message)));
        packet.finish().to_vec()
    }

    #[test]
    fn captures_of_both_kinds_give_a_line_per_message() {
        let delete = OrderDelete { header: Header::new(7, 0, 2), order_ref: 9.into() };
        let both = packet(41, &[event().as_bytes(), delete.as_bytes()]);
        let frames = [
            frame(0, 17, &both),
            frame(2, 17, &packet(43, &[])),
            frame(1, 17, &packet(43, &[delete.as_bytes(), b"D"])),
            frame(0, 17, b"short"),
            frame(0, 17, &both)[..60].to_vec(),
        ];
        for (file, places) in [pcap(&frames), pcapng(&frames)] {
            let (lines, errors) = decoded(&file);
            let expected = [format!("41 {EVENT}"), format!("42 {DELETE}"), format!("43 {DELETE}")];
            assert_eq!(lines, expected);
            let [_, _, third, fourth, fifth] = places[..] else { panic!() };
            assert_eq!(errors.len(), 3, "{errors:#?}");
            assert_eq!(
                errors[..2],
                [
                    format!("frame 3 at offset {third}, sequence number 44: message type 'D' has 19 bytes, not 1"),
                    format!(
                        "frame 4 at offset {fourth}: not a MoldUDP64 packet: \
                         packet of 5 bytes is shorter than its header of 20"
                    ),
                ]
            );
            assert!(errors[2].starts_with(&format!("frame 5 at offset {fifth}: ")), "{}", errors[2]);
            let (_, errors) = decoded(&file[..file.len() - 5]);
            let cut = format!(
                "the capture ends within the block at offset {fifth}; the file is truncated, copy or capture it again"
            );
            assert_eq!(errors.last(), Some(&cut));
        }
    }

    #[test]
    fn every_recorded_capture_is_read_to_its_end() {
        let data = std::env::var("CORELANE_DATA")
            .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data").to_owned());
        // The message counts of another program.
        for (folder, messages) in [("pcap_nasdaq", 71), ("pcap_bx", 56), ("pcap_bx_sequenced", 3)] {
            let Ok(files) = std::fs::read_dir(Path::new(&data).join(folder)) else { continue };
            let decoded = files.map(|file| decoded(&std::fs::read(file.unwrap().path()).unwrap()));
            let (lines, errors): (Vec<_>, Vec<_>) = decoded.unzip();
            assert_eq!((lines.concat().len(), errors.concat()), (messages, vec![]), "{folder}");
        }
    }

    #[test]
    fn frames_of_other_protocols_are_skipped() {
        let mut segment = [0; 20];
        segment[12] = 5 << 4;
        let mut tcp = frame(0, 6, &segment[8..]);
        tcp[34..42].copy_from_slice(&segment[..8]);
        tcp[46] = 5 << 4;
        let arp = [&[2; 12][..], &[8, 6], &[0; 28]].concat();
        assert_eq!(decoded(&pcap(&[tcp, arp]).0), (vec![], vec![]));
    }

    #[test]
    fn a_capture_that_is_damaged_after_its_magic_is_reported() {
        let (lines, errors) = decoded(&[0x0a, 0x0d, 0x0d, 0x0a, 1, 2, 3]);
        assert_eq!(lines.len(), 0);
        assert_eq!(errors, ["no pcap or pcapng block at offset 0; the capture is damaged from there on"]);
    }
}
