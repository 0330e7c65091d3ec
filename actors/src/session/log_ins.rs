//! Who may log in. A log-in costs the same however many ports there are: a client's guesses are not to cost its neighbours
//! time.

use std::collections::HashMap;

use corelane_codecs::{soup::LoginRequest, text::Alpha};

use super::{config::Credentials, number_hash::NumberHash};

/// The ports by their user names. It has no `Debug`: it holds passwords.
pub(super) struct LogIns {
    by_user: HashMap<u64, usize, NumberHash>,
    /// In the order of the ports, and one that is compared for an unknown user.
    passwords: Vec<[u8; PASSWORD]>,
}

const PASSWORD: usize = 10;

impl LogIns {
    /// Takes the ports in their order.
    ///
    /// # Errors
    /// The index of a port whose user name is blank, or that of an earlier one.
    pub(super) fn new(ports: &[Credentials]) -> Result<Self, usize> {
        let mut by_user = HashMap::with_capacity_and_hasher(ports.len(), NumberHash::default());
        for (index, port) in ports.iter().enumerate() {
            if port.user.is_blank() || by_user.insert(number_of(&port.user), index).is_some() {
                return Err(index);
            }
        }
        let passwords = ports.iter().map(|port| folded(&port.password)).chain([[0; PASSWORD]]).collect();
        Ok(LogIns { by_user, passwords })
    }

    /// The index of the port that a log-in names, if its password is right. Compares one password, also for an unknown user, so
    /// that the time does not tell which users there are.
    pub(super) fn find(&self, login: &LoginRequest) -> Option<usize> {
        let index = self.by_user.get(&number_of(&login.user)).copied();
        let unknown = self.passwords.len() - 1;
        let is_right = is_same(&self.passwords[index.unwrap_or(unknown)], &folded(&login.password));
        index.filter(|_| is_right)
    }
}

/// A user name as a number, in which neither case nor justification matters.
fn number_of(user: &Alpha<6>) -> u64 {
    let [a, b, c, d, e, f] = folded(user);
    u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
}

fn folded<const N: usize>(text: &Alpha<N>) -> [u8; N] {
    text.justified().as_array().map(|byte| byte.to_ascii_lowercase())
}

/// Looks at all bytes, wherever the first difference is.
fn is_same<const N: usize>(one: &[u8; N], other: &[u8; N]) -> bool {
    one.iter().zip(other).fold(0, |difference, (one, other)| difference | one ^ other) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_is_found_by_its_user_and_its_own_password_in_any_case_and_place() {
        let port =
            |user, password| Credentials { user: Alpha::new(user).unwrap(), password: Alpha::new(password).unwrap() };
        let log_ins = LogIns::new(&[port("alice", "Secret"), port("bob", ""), port("a", "0123456789")]).ok().unwrap();
        let cases = [
            ("alice", "secret", Some(0)),
            (" ALICE", "   SECRET ", Some(0)),
            ("alice", "secreT1", None),
            ("alice", "0123456789", None),
            ("alice", "", None),
            ("BOB", "", Some(1)),
            ("bob", "secret", None),
            ("a", "0123456789", Some(2)),
            ("a", "1123456789", None),
            ("al", "secret", None),
            ("nobody", "", None),
            ("", "", None),
        ];
        for (user, password, expected) in cases {
            let login = LoginRequest {
                user: Alpha::new(user).unwrap(),
                password: Alpha::new(password).unwrap(),
                session: Alpha::BLANK,
                sequence: None,
                heartbeat_timeout_ms: None,
            };
            assert_eq!(log_ins.find(&login), expected, "{user:?} {password:?}");
        }
        assert_eq!(LogIns::new(&[port("alice", "1"), port("bob", "2"), port(" ALICE", "3")]).err(), Some(2));
        assert_eq!(LogIns::new(&[port("alice", "1"), port("", "2")]).err(), Some(1));
    }
}
