//! The account that each port trades for, and the firm that holds each account.

use std::collections::HashMap;

use crate::document::{Document, closest};
use crate::limits::{Bulkhead, LevelLimits};
use crate::schema::{Account, Config, Firm, Instrument, Port};

/// The ports, accounts and firms of a venue, including those that no section declares: a port without `account` has an
/// account of the user's name, and an account without `firm` has a firm of its own name.
#[derive(Clone, Debug, PartialEq)]
pub struct Members {
    /// For each port, in the order of `[[ports]]`, the index of its account in `accounts`.
    pub account_of_port: Vec<usize>,
    /// The declared accounts in the order of the file, then the others.
    pub accounts: Vec<MemberAccount>,
    /// The declared firms in the order of the file, then the others.
    pub firms: Vec<MemberFirm>,
}

/// An account of [`Members`].
#[derive(Clone, Debug, PartialEq)]
pub struct MemberAccount {
    /// Its name, 1 to 8 characters.
    pub name: String,
    /// Index of its firm in [`Members::firms`].
    pub firm: usize,
    /// Its limits.
    pub limits: LevelLimits,
}

/// A firm of [`Members`].
#[derive(Clone, Debug, PartialEq)]
pub struct MemberFirm {
    /// Its name, 1 to 8 characters.
    pub name: String,
    /// Its limits.
    pub limits: LevelLimits,
}

impl Config {
    /// The account of every port and the firm of every account.
    #[must_use]
    pub fn members(&self) -> Members {
        let mut firms: Vec<MemberFirm> =
            self.firms.iter().map(|firm| MemberFirm { name: firm.name.clone(), limits: firm.limits }).collect();
        let mut firm_at: HashMap<String, usize> = (0..).zip(&firms).map(|(at, firm)| (firm.name.clone(), at)).collect();
        let mut firm_of = |name: &str| {
            *firm_at.entry(name.to_owned()).or_insert_with(|| {
                firms.push(MemberFirm { name: name.to_owned(), limits: LevelLimits::default() });
                firms.len() - 1
            })
        };
        let mut accounts: Vec<MemberAccount> = Vec::new();
        for Account { name, firm, limits, .. } in &self.accounts {
            let firm = firm_of(firm.as_ref().unwrap_or(name));
            accounts.push(MemberAccount { name: name.clone(), firm, limits: *limits });
        }
        let mut account_at: HashMap<String, usize> =
            (0..).zip(&accounts).map(|(at, account)| (account.name.clone(), at)).collect();
        let account_of_port = self
            .ports
            .iter()
            .map(|port| {
                let name = port.account.as_ref().unwrap_or(&port.user);
                *account_at.entry(name.clone()).or_insert_with(|| {
                    let firm = firm_of(name);
                    accounts.push(MemberAccount { name: name.clone(), firm, limits: LevelLimits::default() });
                    accounts.len() - 1
                })
            })
            .collect();
        Members { account_of_port, accounts, firms }
    }
}

/// The ports that trade for each account and for each firm, by name.
#[derive(Debug, Default)]
pub(crate) struct PortsByOwner {
    /// The paths of an account's ports.
    pub of_account: HashMap<String, Vec<String>>,
    /// The paths of the ports of a firm's accounts.
    pub of_firm: HashMap<String, Vec<String>>,
}

impl PortsByOwner {
    /// `None` if a port or an account is not readable.
    pub(crate) fn read(document: &Document) -> Option<PortsByOwner> {
        let (ports, accounts) = (document.elements::<Port>("ports"), document.elements::<Account>("accounts"));
        if ports.len() != document.len("ports") || accounts.len() != document.len("accounts") {
            return None;
        }
        let firms: HashMap<String, String> =
            accounts.into_iter().map(|(_, Account { name, firm, .. })| (name.clone(), firm.unwrap_or(name))).collect();
        let mut owners = PortsByOwner::default();
        for (path, Port { user, account, .. }) in ports {
            let account = account.unwrap_or(user);
            let firm = firms.get(&account).unwrap_or(&account).clone();
            owners.of_account.entry(account).or_default().push(path.clone());
            owners.of_firm.entry(firm).or_default().push(path);
        }
        Some(owners)
    }
}

/// Checks that names are declared, that no limit excludes every order, and that limits have ports.
pub(crate) fn check(document: &mut Document) {
    let ports = document.elements::<Port>("ports");
    let accounts = document.elements::<Account>("accounts");
    let firms = document.elements::<Firm>("firms");
    let mut are_known = firms.len() == document.len("firms");
    let named = ports.iter().filter_map(|(path, port)| Some((path, port.account.as_deref()?)));
    let declared: Vec<&str> = accounts.iter().map(|(_, account)| account.name.as_str()).collect();
    // If an account is not readable, a name may only seem unknown.
    if accounts.len() == document.len("accounts") {
        are_known &= owners(document, "account", named, &declared);
    }
    let named = accounts.iter().filter_map(|(path, account)| Some((path, account.firm.as_deref()?)));
    let declared: Vec<&str> = firms.iter().map(|(_, firm)| firm.name.as_str()).collect();
    if firms.len() == document.len("firms") {
        are_known &= owners(document, "firm", named, &declared);
    }
    if let Some(owners) = PortsByOwner::read(document).filter(|_| are_known) {
        let of_accounts = accounts
            .iter()
            .map(|(path, one)| ("account", path, &one.name, one.limits, one.bulkhead, &owners.of_account));
        let of_firms =
            firms.iter().map(|(path, one)| ("firm", path, &one.name, one.limits, one.bulkhead, &owners.of_firm));
        for (what, path, name, limits, bulkhead, ports) in of_accounts.chain(of_firms) {
            let has_limits = limits != LevelLimits::default() || bulkhead != Bulkhead::default();
            if has_limits && !ports.contains_key(name) {
                document.conflict(
                    &format!("{path}.name"),
                    format!("the {what} \"{name}\" has limits, but no port trades for it"),
                    "has no effect",
                    format!(
                        "name it in `account` of a port{}, or remove its limits",
                        match what {
                            "firm" => " or in `firm` of such an account",
                            _ => "",
                        }
                    ),
                );
            }
        }
    }
    // The least that one order of any instrument can be.
    let instruments = document.elements::<Instrument>("instruments");
    let least_quantity = instruments.iter().map(|(_, one)| one.lot).min().unwrap_or(0);
    let least_notional = instruments.iter().map(|(_, one)| one.notional(one.tick)).min().unwrap_or(0);
    let limits = ports.iter().map(|(path, port)| (path, &port.limits));
    let limits = limits.chain(accounts.iter().map(|(path, account)| (path, &account.limits)));
    for (path, limits) in limits.chain(firms.iter().map(|(path, firm)| (path, &firm.limits))) {
        if limits.notional_max.is_some_and(|most| most.ten_thousandths() == 0) {
            document.conflict(
                &format!("{path}.limits.notional_max"),
                format!("`{path}.limits.notional_max` is zero, so every order would be rejected"),
                "excludes every order",
                "write the largest price times quantity of one order, such as \"1000000\"".into(),
            );
        } else if limits.notional_max.is_some_and(|most| u128::from(most.ten_thousandths()) < least_notional) {
            document.conflict(
                &format!("{path}.limits.notional_max"),
                format!("`{path}.limits.notional_max` is less than a lot of any instrument costs at its tick"),
                "excludes every order",
                "raise it, or remove it".into(),
            );
        }
        if let Some(most) = limits.quantity_max.filter(|most| *most < least_quantity) {
            document.conflict(
                &format!("{path}.limits.quantity_max"),
                format!("`{path}.limits.quantity_max` is {most}, less than the lot of any instrument"),
                "excludes every order",
                format!("raise it to {least_quantity} or more, or remove it"),
            );
        }
    }
}

/// Reports every name of a `what` ("account" or "firm") that is not declared; false if there is one.
fn owners<'p>(
    document: &mut Document,
    what: &str,
    named: impl Iterator<Item = (&'p String, &'p str)>,
    declared: &[&str],
) -> bool {
    let mut are_known = true;
    for (path, name) in named.filter(|(_, name)| !declared.contains(name)) {
        let add = format!("add a section [[{what}s]] with this name");
        let help = match closest(name, declared.iter().copied()) {
            Some(known) => format!("did you mean \"{known}\"? Otherwise {add}"),
            None => format!("{add}, or remove `{what}` to use the default one"),
        };
        document.conflict(
            &format!("{path}.{what}"),
            format!("the {what} \"{name}\" is not declared"),
            &format!("no such {what}"),
            help,
        );
        are_known = false;
    }
    are_known
}
