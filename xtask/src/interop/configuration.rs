//! The shipped topology with ports that the kernel picks and with less patience.

pub(super) const HEARTBEAT_MS: &str = "100";
pub(super) const CLIENT_TIMEOUT_MS: &str = "2500";

const EPHEMERAL: &str = "listen = \"127.0.0.1:0\"\nallow_ephemeral_port = true";

/// `venue` as the clients need it.
pub(super) fn of_test(venue: &str) -> Result<String, String> {
    let heartbeat = format!("heartbeat_ms = {HEARTBEAT_MS}");
    let timeout = format!("client_timeout_ms = {CLIENT_TIMEOUT_MS}");
    let changes: [(&str, &str); 4] = [
        ("listen = \"127.0.0.1:9001\"", EPHEMERAL),
        ("listen = \"127.0.0.1:26477\"", EPHEMERAL),
        ("heartbeat_ms = 1000", &heartbeat),
        ("client_timeout_ms = ", &timeout),
    ];
    changes.iter().try_fold(venue.to_owned(), |text, (start, line)| Ok(replaced(&text, start, line)?.0))
}

/// `configuration` with its feed sent to this port, and with what was lost sent again.
pub(super) fn publishing_to(configuration: &str, port: u16) -> Result<String, String> {
    let (text, count) = replaced(configuration, "to = \"", &format!("to = \"127.0.0.1:{port}\""))?;
    match count {
        1 => Ok(format!("{text}\n[feeds.out.retransmission]\n{EPHEMERAL}\n")),
        _ => Err("config/venue.toml publishes to more than one address".into()),
    }
}

/// The lines that begin with `start` replaced, and how many there were.
fn replaced(text: &str, start: &str, line: &str) -> Result<(String, usize), String> {
    let count = text.lines().filter(|old| old.starts_with(start)).count();
    let lines = text.lines().map(|old| if old.starts_with(start) { line } else { old });
    match count {
        0 => Err(format!("config/venue.toml has no line that begins with {start}")),
        _ => Ok((lines.map(|line| format!("{line}\n")).collect(), count)),
    }
}

#[cfg(test)]
mod tests {
    use super::{of_test, publishing_to};

    #[test]
    fn every_line_that_is_to_change_must_be_there() {
        let venue = "listen = \"127.0.0.1:9001\"  # x\nlisten = \"127.0.0.1:26477\"\nheartbeat_ms = 1000\nclient_timeout_ms = 9\nto = \"a\"\n";
        let of_test = |text: &str| of_test(text);
        let changed = of_test(venue).expect("all lines are there");
        assert_eq!(changed.matches("allow_ephemeral_port").count(), 2);
        assert!(changed.contains("heartbeat_ms = 100\nclient_timeout_ms = 2500\n"));
        assert!(publishing_to(&changed, 7).expect("one address").contains("to = \"127.0.0.1:7\""));
        assert!(publishing_to("to = \"a\"\nto = \"b\"\n", 7).is_err());
        assert!(of_test("heartbeat_ms = 1000").unwrap_err().contains("9001"));
    }
}
