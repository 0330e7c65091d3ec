//! The bulkheads of a venue: the limits on how much ports, accounts and firms may send and have unanswered.

use std::fmt;

use crate::document::Document;
use crate::limits::{Bulkhead, Bulkheads, IN_FLIGHT_PER_PORT_MAX};
use crate::members::PortsByOwner;
use crate::schema::{Account, Config, Firm, Port};

/// What the ports of a bulkhead have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkheadLevel {
    /// They are one port.
    Port,
    /// They trade for one account.
    Account,
    /// Their accounts belong to one firm.
    Firm,
}

impl fmt::Display for BulkheadLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BulkheadLevel::Port => "port",
            BulkheadLevel::Account => "account",
            BulkheadLevel::Firm => "firm",
        })
    }
}

/// A bulkhead with a limit.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberBulkhead {
    /// What its ports have in common.
    pub level: BulkheadLevel,
    /// The name of the port's user, the account or the firm.
    pub name: String,
    /// Its limits, at least one of them.
    pub limits: Bulkhead,
    /// Its ports: indices in `[[ports]]`.
    pub ports: Vec<usize>,
}

impl Config {
    /// The bulkheads with a limit: those of ports, then accounts, then firms.
    #[must_use]
    pub fn bulkheads(&self) -> Vec<MemberBulkhead> {
        let members = self.members();
        let all = &self.bulkhead;
        let ports = self.ports.iter().enumerate().map(|(index, port)| MemberBulkhead {
            level: BulkheadLevel::Port,
            name: port.user.clone(),
            limits: port.bulkhead.or(all.port),
            ports: vec![index],
        });
        let ports_where = |is_in: &dyn Fn(usize) -> bool| {
            let accounts = members.account_of_port.iter().enumerate();
            accounts.filter(|(_, account)| is_in(**account)).map(|(port, _)| port).collect()
        };
        // The members' lists begin with those that are declared.
        let accounts = members.accounts.iter().enumerate().map(|(index, account)| MemberBulkhead {
            level: BulkheadLevel::Account,
            name: account.name.clone(),
            limits: self.accounts.get(index).map(|one| one.bulkhead).unwrap_or_default().or(all.account),
            ports: ports_where(&|account| account == index),
        });
        let firms = members.firms.iter().enumerate().map(|(index, firm)| MemberBulkhead {
            level: BulkheadLevel::Firm,
            name: firm.name.clone(),
            limits: self.firms.get(index).map(|one| one.bulkhead).unwrap_or_default().or(all.firm),
            ports: ports_where(&|account| members.accounts[account].firm == index),
        });
        let has_limit = |one: &MemberBulkhead| one.limits != Bulkhead::default();
        ports.chain(accounts).chain(firms).filter(has_limit).collect()
    }
}

/// Refuses a burst without a rate, and a bound of unanswered requests that order entry never lets ports reach.
pub(crate) fn check(document: &mut Document) {
    let Some(all) = document.section::<Bulkheads>("bulkhead") else {
        return;
    };
    let path_of = |path: String| format!("{path}.bulkhead");
    let ports =
        document.elements::<Port>("ports").into_iter().map(|(path, one)| (path_of(path), one.bulkhead, all.port));
    let accounts = document.elements::<Account>("accounts").into_iter();
    let accounts = accounts.map(|(path, one)| (path_of(path), one.bulkhead, all.account));
    let firms =
        document.elements::<Firm>("firms").into_iter().map(|(path, one)| (path_of(path), one.bulkhead, all.firm));
    let of_ports: Vec<_> = ports.clone().map(|(path, own, _)| (path, own)).collect();
    for (path, own) in [("bulkhead.port".to_owned(), all.port)].into_iter().chain(of_ports) {
        if let Some(most) = own.in_flight_max.filter(|most| *most >= IN_FLIGHT_PER_PORT_MAX) {
            document.conflict(
                &format!("{path}.in_flight_max"),
                format!(
                    "`{path}.in_flight_max` is {most}, but a port has at most {IN_FLIGHT_PER_PORT_MAX} in any case"
                ),
                "has no effect",
                format!("lower it to {} or less, or remove it", IN_FLIGHT_PER_PORT_MAX - 1),
            );
        }
    }
    never_reached(document, &all);
    never_taken(document);
    let shared = [("port", all.port), ("account", all.account), ("firm", all.firm)];
    let shared = shared.map(|(level, one)| (format!("bulkhead.{level}"), one, one)).into_iter();
    for (path, own, default) in shared.chain(ports).chain(accounts).chain(firms).collect::<Vec<_>>() {
        if own.burst.is_some() && own.or(default).orders_per_second.is_none() {
            document.conflict(
                &format!("{path}.burst"),
                format!("`{path}.burst` is set without a rate"),
                "has no effect",
                format!("set `{path}.orders_per_second` too, or remove `burst`"),
            );
        }
    }
}

/// Refuses a bound of an account's or a firm's unanswered requests that its ports cannot reach together.
fn never_reached(document: &mut Document, all: &Bulkheads) {
    let Some(PortsByOwner { of_account, of_firm }) = PortsByOwner::read(document) else { return };
    let accounts = document.elements::<Account>("accounts").into_iter();
    let accounts: Vec<_> = accounts.map(|(path, one)| (path, one.name, one.bulkhead.in_flight_max)).collect();
    let firms = document.elements::<Firm>("firms").into_iter();
    let firms: Vec<_> = firms.map(|(path, one)| (path, one.name, one.bulkhead.in_flight_max)).collect();
    for (what, declared, ports, default) in
        [("account", accounts, of_account, all.account), ("firm", firms, of_firm, all.firm)]
    {
        let own = declared.iter().filter_map(|(path, name, most)| {
            Some((
                format!("{path}.bulkhead"),
                (*most)?,
                ports.get(name)?.len(),
                format!("the ports of \"{name}\" have"),
            ))
        });
        // The largest of those that it is for.
        let has_own = |name: &String| declared.iter().any(|(_, known, most)| known == name && most.is_some());
        let largest = ports.iter().filter(|(name, _)| !has_own(name)).map(|(_, ports)| ports.len()).max();
        let shared = default
            .in_flight_max
            .zip(largest)
            .map(|(most, ports)| (format!("bulkhead.{what}"), most, ports, format!("the ports of each {what} have")));
        for (path, most, ports, whose) in own.chain(shared).collect::<Vec<_>>() {
            let reached = IN_FLIGHT_PER_PORT_MAX as usize * ports;
            if most as usize >= reached {
                document.conflict(
                    &format!("{path}.in_flight_max"),
                    format!("`{path}.in_flight_max` is {most}, but {whose} at most {reached} in any case"),
                    "has no effect",
                    format!("lower it to {} or less, or remove it", reached - 1),
                );
            }
        }
    }
}

/// Refuses permits for work that the venue never does.
fn never_taken(document: &mut Document) {
    let has_servers = document.len("feeds.in.recovery.servers") > 0;
    let has_socket = document.has("admin");
    let classes = [
        ("fetch", has_servers, "no server is asked for messages", "feeds.in.recovery.servers"),
        ("venue", has_socket, "the operator has no socket", "admin.socket"),
        ("storage", document.has("incidents"), "no record of a failure is written", "incidents.directory"),
        ("analytics", has_socket, "the operator has no socket", "admin.socket"),
    ];
    for (class, is_used, why, needed) in classes {
        let key = format!("bulkhead.permits.{class}");
        if !is_used && document.has(&key) {
            document.conflict(
                &key,
                format!("`{key}` is set, but {why}"),
                "has no effect",
                format!("set `{needed}`, or remove it"),
            );
        }
    }
}
