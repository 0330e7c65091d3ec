//! The account that each port trades for, and the firm that holds each account.

use std::collections::HashMap;

use crate::document::{Document, closest};
use crate::limits::LevelLimits;
use crate::schema::{Account, Config, Firm, Port};

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

/// Checks that names are declared and that no limit excludes every order.
pub(crate) fn check(document: &mut Document) {
    let ports = document.elements::<Port>("ports");
    let accounts = document.elements::<Account>("accounts");
    let firms = document.elements::<Firm>("firms");
    let named = ports.iter().filter_map(|(path, port)| Some((path, port.account.as_deref()?)));
    let declared: Vec<&str> = accounts.iter().map(|(_, account)| account.name.as_str()).collect();
    // If an account is not readable, a name may only seem unknown.
    if accounts.len() == document.len("accounts") {
        owners(document, "account", named, &declared);
    }
    let named = accounts.iter().filter_map(|(path, account)| Some((path, account.firm.as_deref()?)));
    let declared: Vec<&str> = firms.iter().map(|(_, firm)| firm.name.as_str()).collect();
    if firms.len() == document.len("firms") {
        owners(document, "firm", named, &declared);
    }
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
        }
    }
}

/// Reports every name of a `what` ("account" or "firm") that is not declared.
fn owners<'p>(
    document: &mut Document,
    what: &str,
    named: impl Iterator<Item = (&'p String, &'p str)>,
    declared: &[&str],
) {
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
    }
}
