//! The firms whose orders a port refuses at its client's request.

/// Firms of a port whose entry can differ from that of the port as a whole.
///
/// A client names a handful. While any differs, each order's firm is looked for among them, which at this bound means four
/// cache lines.
const EXCEPTIONS_MAX: usize = 64;

/// A firm as the client names it; blank for none.
pub(super) type Firm = [u8; 4];

pub(super) const BLANK: Firm = *b"    ";

/// Whether order entry is disabled: of the port as a whole, and the firms that are an exception to it. The client's last
/// word on a firm, or on the whole port after it, is what holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct DisabledFirms {
    /// Whether firms are disabled that are no exception.
    others: bool,
    exceptions: [Firm; EXCEPTIONS_MAX],
    count: u8,
}

const _: () = assert!(EXCEPTIONS_MAX <= u8::MAX as usize);

/// What holds after a client's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntryState {
    /// The firm; blank for all of the port.
    pub firm: Firm,
    pub enabled: bool,
}

impl DisabledFirms {
    /// All firms are enabled.
    pub(super) const NONE: DisabledFirms = DisabledFirms::all(false);

    const fn all(disabled: bool) -> DisabledFirms {
        DisabledFirms { others: disabled, exceptions: [BLANK; EXCEPTIONS_MAX], count: 0 }
    }

    /// Whether new orders of a firm are refused.
    #[inline]
    pub(super) fn has(&self, firm: Firm) -> bool {
        self.others != (self.count > 0 && self.exceptions().contains(&firm))
    }

    /// Disables or enables a firm, a blank one for all of the port, and returns what holds then.
    ///
    /// That is what was asked for, but for one exception too many: instead of that firm the whole port is disabled, and a firm
    /// of a disabled port stays so.
    pub(super) fn set(&mut self, firm: Firm, enabled: bool) -> EntryState {
        if firm == BLANK {
            *self = DisabledFirms::all(!enabled);
            return EntryState { firm, enabled };
        }
        let at = self.exceptions().iter().position(|known| *known == firm);
        let becomes_exception = enabled == self.others;
        match at {
            Some(at) if !becomes_exception => {
                self.count -= 1;
                self.exceptions[at] = self.exceptions[usize::from(self.count)];
            }
            None if becomes_exception && usize::from(self.count) == EXCEPTIONS_MAX => {
                return match enabled {
                    true => EntryState { firm, enabled: false },
                    false => self.set(BLANK, false),
                };
            }
            None if becomes_exception => {
                self.exceptions[usize::from(self.count)] = firm;
                self.count += 1;
            }
            _ => {}
        }
        EntryState { firm, enabled }
    }

    fn exceptions(&self) -> &[Firm] {
        &self.exceptions[..usize::from(self.count)]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn firm(index: usize) -> Firm {
        let digit = |number: usize| b'0' + u8::try_from(number).unwrap();
        [b'F', digit(index / 10), digit(index % 10), b' ']
    }

    proptest! {
        /// M2: the last word on a firm, or on the port after it, holds.
        #[test]
        fn the_last_word_holds(words in prop::collection::vec((prop::option::weighted(0.9, 0..12_usize), any::<bool>()), 1..80)) {
            let mut disabled = DisabledFirms::NONE;
            let (mut port, mut firms) = (true, BTreeMap::new());
            for (which, enabled) in words {
                let name = which.map_or(BLANK, firm);
                prop_assert_eq!(disabled.set(name, enabled), EntryState { firm: name, enabled });
                match which {
                    Some(index) => {
                        firms.insert(index, enabled);
                    }
                    None => {
                        port = enabled;
                        firms.clear();
                    }
                }
                for index in 0..12 {
                    prop_assert_eq!(disabled.has(firm(index)), !firms.get(&index).copied().unwrap_or(port));
                }
            }
        }
    }

    /// M2: what is said at the bound is the case.
    #[test]
    fn one_firm_too_many_disables_the_port_and_one_too_many_stays_disabled() {
        let most = EXCEPTIONS_MAX;
        let mut disabled = DisabledFirms::NONE;
        for index in 0..most {
            assert_eq!(disabled.set(firm(index), false), EntryState { firm: firm(index), enabled: false });
        }
        assert!((0..most).all(|index| disabled.has(firm(index))) && !disabled.has(firm(most)));
        assert_eq!(disabled.set(firm(most), false), EntryState { firm: BLANK, enabled: false });
        assert!(disabled.has(firm(most)) && disabled.has(firm(most + 1)));
        for index in 0..most {
            assert_eq!(disabled.set(firm(index), true), EntryState { firm: firm(index), enabled: true });
        }
        assert_eq!(disabled.set(firm(most), true), EntryState { firm: firm(most), enabled: false });
        assert!((0..most).all(|index| !disabled.has(firm(index))) && disabled.has(firm(most)));
        disabled.set(firm(0), false);
        assert_eq!(disabled.set(firm(most), true), EntryState { firm: firm(most), enabled: true });
        assert!(!disabled.has(firm(most)) && disabled.has(firm(0)));
    }
}
