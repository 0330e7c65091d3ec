//! The names of ports, accounts, firms and breakers, as the operator writes them.

use corelane_actors::types::{AccountId, FirmId, PortId, Scope};
use corelane_config::Config;

/// Names listed in an error; a venue may have thousands.
const LISTED_MAX: usize = 8;

/// The names of a venue's members, and of its breakers.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    ports: Vec<String>,
    accounts: Vec<String>,
    firms: Vec<String>,
    breakers: Vec<String>,
}

impl Names {
    pub(crate) fn new(config: &Config) -> Names {
        let members = config.members();
        Names {
            ports: config.ports.iter().map(|port| port.user.clone()).collect(),
            accounts: members.accounts.into_iter().map(|account| account.name).collect(),
            firms: members.firms.into_iter().map(|firm| firm.name).collect(),
            breakers: config.breakers.iter().map(|breaker| breaker.name.clone()).collect(),
        }
    }

    /// The scope of a level (`everyone`, `firm`, `account` or `port`) and a name.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub(crate) fn scope(&self, level: &str, name: Option<&str>) -> Result<Scope, String> {
        match (level, name) {
            ("everyone", None) => Ok(Scope::Everyone),
            ("firm", Some(name)) => find("firm", &self.firms, name).map(|at| Scope::Firm(FirmId::from_index(at))),
            ("account", Some(name)) => {
                find("account", &self.accounts, name).map(|at| Scope::Account(AccountId::from_index(at)))
            }
            ("port", Some(name)) => find("port", &self.ports, name).map(|at| Scope::Port(PortId::from_index(at))),
            _ => Err("name the scope: everyone, port USER, account NAME or firm NAME".to_owned()),
        }
    }

    /// The index of a breaker.
    ///
    /// # Errors
    /// There is none of this name, in words.
    pub(crate) fn breaker(&self, name: &str) -> Result<usize, String> {
        match self.breakers.is_empty() {
            true => Err("this venue has no breakers; add [[breaker]] to its topology".to_owned()),
            false => find("breaker", &self.breakers, name),
        }
    }

    /// A scope in words.
    pub(crate) fn of(&self, scope: Scope) -> String {
        let (level, name) = match scope {
            Scope::Everyone => return "everyone".to_owned(),
            Scope::Firm(firm) => ("firm", self.firms.get(firm.index())),
            Scope::Account(account) => ("account", self.accounts.get(account.index())),
            Scope::Port(port) => ("port", self.ports.get(port.index())),
        };
        format!("{level} {}", name.map_or("unknown", String::as_str))
    }
}

/// Users log in without regard to case, so their names are found without it; other names need it only if two differ in
/// nothing else.
fn find(what: &str, names: &[String], name: &str) -> Result<usize, String> {
    let exact = names.iter().position(|known| known == name);
    let found = exact.or_else(|| names.iter().position(|known| known.eq_ignore_ascii_case(name)));
    found.ok_or_else(|| {
        let known: Vec<&str> = names.iter().take(LISTED_MAX).map(String::as_str).collect();
        let more = if names.len() > LISTED_MAX { ", …" } else { "" };
        format!("no {what} is named {name:?}; the {what}s are {}{more}", known.join(", "))
    })
}
