//! Rules for the addresses of the feeds: what the venue can listen on and send to, that none of its sockets is in the way of
//! another, and that there is a server for what is said of servers.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::document::Document;
use crate::feeds::{FeedIn, FeedOut, Retransmission};

pub(crate) fn check(document: &mut Document) {
    feed_in(document);
    feed_out(document);
    feed_addresses(document);
}

fn feed_in(document: &mut Document) {
    let Some(feed) = document.section::<FeedIn>("feeds.in").filter(|_| document.has("feeds.in")) else {
        return;
    };
    fixed_port(document, "feeds.in", "feeds.in", feed.listen.port(), feed.allow_ephemeral_port);
    no_broadcast(document, "feeds.in.listen", *feed.listen.ip());
    interface_needs_multicast(document, "feeds.in.interface", feed.interface, *feed.listen.ip(), "feeds.in.listen");
    if let Some(line_b) = &feed.line_b {
        fixed_port(document, "feeds.in.line_b", "feeds.in", line_b.listen.port(), feed.allow_ephemeral_port);
        no_broadcast(document, "feeds.in.line_b.listen", *line_b.listen.ip());
        let key = "feeds.in.line_b.interface";
        interface_needs_multicast(document, key, line_b.interface, *line_b.listen.ip(), "feeds.in.line_b.listen");
        if line_b.listen == feed.listen && line_b.listen.port() != 0 {
            document.conflict(
                "feeds.in.line_b.listen",
                format!("line B listens on {}, as line A does", line_b.listen),
                "the same address",
                "write the address of the second line, or remove [feeds.in.line_b]".into(),
            );
        }
    }
    for key in [
        "timeout_ms",
        "timeout_step_ms",
        "timeout_max_ms",
        "timeout_jitter_percent",
        "attempts_max",
        "messages_per_request",
        "requests_max",
    ] {
        let key = format!("feeds.in.recovery.{key}");
        if feed.recovery.servers.is_empty() && document.has(&key) {
            document.conflict(
                &key,
                format!("`{key}` is set, but there is no server to ask"),
                "has no effect",
                "write `feeds.in.recovery.servers`, or remove it".into(),
            );
        }
    }
    let remedy = "write the unicast address and port of the retransmission server";
    for (index, server) in feed.recovery.servers.iter().enumerate() {
        let key = format!("feeds.in.recovery.servers[{index}]");
        if server.ip().is_multicast() {
            document.conflict(&key, format!("no server can receive requests at {server}"), "multicast", remedy.into());
        } else {
            destination(document, &key, *server, remedy);
        }
    }
}

/// Refuses a destination of datagrams that the kernel does not send to, or takes for this host itself.
fn destination(document: &mut Document, key: &str, to: SocketAddrV4, remedy: &str) {
    let label = match to {
        _ if to.ip().is_unspecified() => "no address",
        _ if to.ip().is_broadcast() => "broadcast",
        _ if to.port() == 0 => "no port",
        _ => return,
    };
    document.conflict(key, format!("`{key}`: nothing can be sent to {to}"), label, remedy.into());
}

fn feed_out(document: &mut Document) {
    let Some(feed) = document.section::<FeedOut>("feeds.out").filter(|_| document.has("feeds.out")) else {
        return;
    };
    let remedy = "write the address and port that subscribers listen on, such as \"239.192.0.1:26400\"";
    destination(document, "feeds.out.to", feed.to, remedy);
    interface_needs_multicast(
        document,
        "feeds.out.source_interface",
        feed.source_interface,
        *feed.to.ip(),
        "feeds.out.to",
    );
    if let Some(server) = &feed.retransmission {
        retransmission(document, server);
    }
}

/// Refuses two sockets of the venue on one address, and sending to one of them: the venue would take its own feed, or its
/// own requests, for those of another.
fn feed_addresses(document: &mut Document) {
    let inbound = document.section::<FeedIn>("feeds.in").filter(|_| document.has("feeds.in"));
    let outbound = document.section::<FeedOut>("feeds.out").filter(|_| document.has("feeds.out"));
    let line_b = inbound.as_ref().and_then(|feed| feed.line_b.as_ref());
    let server = outbound.as_ref().and_then(|feed| feed.retransmission.as_ref());
    let listening = [
        inbound.as_ref().map(|feed| ("feeds.in.listen", feed.listen)),
        line_b.map(|line| ("feeds.in.line_b.listen", line.listen)),
        server.map(|server| ("feeds.out.retransmission.listen", server.listen)),
    ];
    let listening: Vec<_> = listening.into_iter().flatten().filter(|(_, listen)| listen.port() != 0).collect();
    // Line B beside line A has an error of its own.
    if let Some((key, own)) = listening.iter().find(|(key, _)| key.starts_with("feeds.out"))
        && let Some((other, _)) = listening.iter().find(|(other, listen)| other != key && collide(*own, *listen))
    {
        document.conflict(
            key,
            format!("`{key}` is {own}, where `{other}` listens too"),
            "the same address",
            format!("give each its own port, or change `{other}`"),
        );
    }
    let servers = inbound.iter().flat_map(|feed| feed.recovery.servers.iter().enumerate());
    let sent_to = servers.map(|(index, server)| (format!("feeds.in.recovery.servers[{index}]"), *server));
    let sent_to = sent_to.chain(outbound.as_ref().map(|feed| ("feeds.out.to".to_owned(), feed.to)));
    for (key, to) in sent_to.collect::<Vec<_>>() {
        if let Some((own, _)) = listening.iter().find(|(_, listen)| reaches(to, *listen)) {
            document.conflict(
                &key,
                format!("{to} is where the venue itself listens, as `{own}`"),
                "sent to itself",
                format!("write the address of another, or change `{own}`"),
            );
        }
    }
}

/// Whether two sockets cannot have these addresses at once.
fn collide(one: SocketAddrV4, other: SocketAddrV4) -> bool {
    let is_any = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && (one.ip() == other.ip() || is_any)
}

/// Whether a socket on `listen` gets what is sent to `to`, as far as the addresses themselves tell.
fn reaches(to: SocketAddrV4, listen: SocketAddrV4) -> bool {
    to.port() == listen.port() && (to.ip() == listen.ip() || listen.ip().is_unspecified() && to.ip().is_loopback())
}

fn retransmission(document: &mut Document, server: &Retransmission) {
    let section = "feeds.out.retransmission";
    fixed_port(document, section, section, server.listen.port(), server.allow_ephemeral_port);
    no_broadcast(document, &format!("{section}.listen"), *server.listen.ip());
    if server.listen.ip().is_multicast() {
        document.conflict(
            &format!("{section}.listen"),
            format!("requests cannot be answered from the multicast group {}", server.listen.ip()),
            "multicast",
            "listen on an address of this host, such as 127.0.0.1, or on 0.0.0.0 for all".into(),
        );
    }
}

/// Refuses port 0 in the `listen` of `section`, unless `allow_ephemeral_port` of `allowing` permits it.
pub(crate) fn fixed_port(document: &mut Document, section: &str, allowing: &str, port: u16, ephemeral_allowed: bool) {
    if port == 0 && !ephemeral_allowed {
        document.conflict(
            &format!("{section}.listen"),
            format!("`{section}.listen` has port 0"),
            "any free port",
            format!("write the port that clients use, or set {allowing}.allow_ephemeral_port = true"),
        );
    }
}

/// Refuses to listen for datagrams to everybody on the network.
fn no_broadcast(document: &mut Document, key: &str, listen: Ipv4Addr) {
    if listen.is_broadcast() {
        document.conflict(
            key,
            format!("`{key}` is the broadcast address {listen}"),
            "broadcast",
            "listen on an address of this host, such as 127.0.0.1, on a multicast group, or on 0.0.0.0 for all".into(),
        );
    }
}

/// Refuses an interface for a unicast address, where it would be ignored silently: it only chooses where a multicast
/// group is joined or sent.
fn interface_needs_multicast(
    document: &mut Document,
    key: &str,
    interface: Option<Ipv4Addr>,
    group: Ipv4Addr,
    group_key: &str,
) {
    if interface.is_some() && !group.is_multicast() {
        document.conflict(
            group_key,
            format!("`{key}` is set, but {group} is not a multicast group"),
            "not multicast",
            format!("write a group from 224.0.0.0 to 239.255.255.255, such as 239.192.0.1, or remove `{key}`"),
        );
    } else if let Some(address) = interface.filter(|address| address.is_multicast() || address.is_broadcast()) {
        let what = if address.is_multicast() { "itself a multicast group" } else { "a broadcast address" };
        document.conflict(
            key,
            format!("`{key}` is {what}"),
            "not an interface",
            "write the unicast address of a local interface, such as 127.0.0.1".into(),
        );
    }
}
