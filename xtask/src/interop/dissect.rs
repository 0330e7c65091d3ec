//! The venue's feed as Wireshark reads it: captured packets, written as a pcap file and dissected by `tshark`.

use super::capture::{Datagram, HEADER_LEN};
use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

/// IPv4 packets without a link layer.
const LINKTYPE_RAW: u32 = 101;
const UDP: u8 = 17;
const FAULTS: &str =
    "_ws.malformed || moldudp64.msglen.invalid || moldudp64.count.invalid || moldudp64.end_of_session_extra";
const FIELDS: [&str; 4] = ["moldudp64.session", "moldudp64.sequence", "moldudp64.count", "moldudp64.msglen"];

/// Checks that every datagram is MoldUDP64 to Wireshark, with the header that is in it, and that none has a fault. Returns how
/// many there are.
pub(super) fn check(folder: &Path, datagrams: &[Datagram]) -> Result<usize, String> {
    let ports: BTreeSet<u16> = datagrams.iter().flat_map(|d| [d.from.port(), d.to.port()]).collect();
    let path = folder.join("feed.pcap");
    write(&path, &pcap(datagrams))?;
    let fields: Vec<&str> = ["-T", "fields"].into_iter().chain(FIELDS.iter().flat_map(|field| ["-e", field])).collect();
    let rows = tshark(&path, &ports, &fields)?;
    if rows.len() != datagrams.len() {
        return Err(format!("tshark read {} of {} datagrams", rows.len(), datagrams.len()));
    }
    for (row, datagram) in rows.iter().zip(datagrams) {
        check_row(row, datagram)?;
    }
    let faults = tshark(&path, &ports, &["-Y", FAULTS])?;
    if !faults.is_empty() {
        return Err(format!("tshark finds faults in the feed:\n{}", faults.join("\n")));
    }

    // A packet that is cut is seen: the check can fail.
    let mut cut =
        datagrams.iter().find(|d| d.payload.len() > HEADER_LEN).cloned().ok_or("no datagram has a message")?;
    cut.payload.truncate(cut.payload.len() - 5);
    let path = folder.join("cut.pcap");
    write(&path, &pcap(&[cut]))?;
    match tshark(&path, &ports, &["-Y", FAULTS])?.is_empty() {
        true => Err("a cut packet passes for a good one".into()),
        false => Ok(rows.len()),
    }
}

fn check_row(row: &str, datagram: &Datagram) -> Result<(), String> {
    let columns: Vec<&str> = row.split('\t').collect();
    let (session, sequence, count) = datagram.header();
    let session = String::from_utf8_lossy(&session).trim().to_owned();
    let [read_session, read_sequence, read_count, lengths] = columns[..] else {
        return Err(format!("tshark printed {row:?}"));
    };
    let is_same =
        read_session.trim() == session && read_sequence == sequence.to_string() && read_count == count.to_string();
    if !is_same {
        return Err(format!("tshark read {row:?} where {session} {sequence} {count} was sent"));
    }
    let messages = lengths.split(',').count();
    if datagram.payload.len() > HEADER_LEN && messages != usize::from(count) {
        return Err(format!("tshark read {messages} messages of {count}: {lengths}"));
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|e| format!("{}: {e}", path.display()))
}

/// A pcap file, with the datagram's number as its second.
fn pcap(datagrams: &[Datagram]) -> Vec<u8> {
    let mut file = Vec::new();
    let head: [u32; 6] = [0xA1B2_C3D4, 2 | 4 << 16, 0, 0, 65535, LINKTYPE_RAW];
    file.extend(head.iter().flat_map(|number| number.to_le_bytes()));
    for (number, datagram) in datagrams.iter().enumerate() {
        let packet = packet(number, datagram);
        let len = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        let record = [u32::try_from(number).unwrap_or(u32::MAX), 0, len, len];
        file.extend(record.iter().flat_map(|number| number.to_le_bytes()));
        file.extend(packet);
    }
    file
}

/// An IPv4 packet with the datagram.
#[expect(clippy::cast_possible_truncation, reason = "an IP packet's number wraps; a datagram is below 64 KiB")]
fn packet(number: usize, datagram: &Datagram) -> Vec<u8> {
    let udp_len = 8 + datagram.payload.len() as u16;
    let address = |of: &Ipv4Addr| of.octets();
    let mut packet = vec![0x45, 0];
    for field in [20 + udp_len, number as u16, 0, u16::from_be_bytes([64, UDP]), 0] {
        packet.extend(field.to_be_bytes());
    }
    packet.extend(address(datagram.from.ip()));
    packet.extend(address(datagram.to.ip()));
    for field in [datagram.from.port(), datagram.to.port(), udp_len, 0] {
        packet.extend(field.to_be_bytes());
    }
    packet.extend(&datagram.payload);
    packet
}

fn tshark(path: &Path, ports: &BTreeSet<u16>, arguments: &[&str]) -> Result<Vec<String>, String> {
    let decode = ports.iter().flat_map(|port| ["-d".to_owned(), format!("udp.port=={port},moldudp64")]);
    let output = Command::new("tshark").arg("-r").arg(path).args(decode).args(arguments).output();
    let output = output.map_err(|e| format!("cannot run tshark (Debian: apt-get install tshark): {e}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()),
        false => Err(format!("tshark: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

#[cfg(test)]
mod tests {
    use super::{check_row, pcap};
    use crate::interop::capture::Datagram;

    fn datagram() -> Datagram {
        let mut payload = b"SESSION001".to_vec();
        payload.extend([0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 1, b'S']);
        Datagram { from: "127.0.0.1:1".parse().unwrap(), to: "127.0.0.1:2".parse().unwrap(), payload }
    }

    #[test]
    fn rows_are_compared_with_what_was_sent() {
        assert_eq!(check_row("SESSION001\t2\t1\t1", &datagram()), Ok(()));
        for bad in ["SESSION002\t2\t1\t1", "SESSION001\t3\t1\t1", "SESSION001\t2\t1\t1,1", "x"] {
            assert!(check_row(bad, &datagram()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_capture_has_its_heads_and_lengths() {
        let file = pcap(&[datagram()]);
        assert_eq!(file.len(), 24 + 16 + 20 + 8 + 23);
        assert_eq!(file[..8], [0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0]);
        let ip = &file[40..];
        assert_eq!(ip[..4], [0x45, 0, 0, 51]);
        assert_eq!(ip[20..28], [0, 1, 0, 2, 0, 31, 0, 0]);
    }
}
