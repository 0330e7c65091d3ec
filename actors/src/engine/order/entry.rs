//! The firms whose orders a port refuses at its client's request.

/// Firms that a port's client can disable one by one; the next one disables the whole port.
const FIRMS_MAX: usize = 8;

/// A firm as the client names it; blank for none.
pub(super) type Firm = [u8; 4];

const BLANK: Firm = *b"    ";

/// The firms whose order entry is disabled.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DisabledFirms {
    /// Whether the whole port is disabled.
    all: bool,
    firms: [Firm; FIRMS_MAX],
    count: u8,
}

impl DisabledFirms {
    /// Whether new orders of a firm are refused.
    #[inline]
    pub(super) fn has(&self, firm: Firm) -> bool {
        self.all || self.count > 0 && self.firms().contains(&firm)
    }

    /// Disables or enables a firm; a blank one is the whole port, which is enabled as a whole only.
    pub(super) fn set(&mut self, firm: Firm, enabled: bool) {
        let at = self.firms().iter().position(|known| *known == firm);
        match (firm == BLANK, enabled, at) {
            (true, true, _) => *self = DisabledFirms::default(),
            (true, false, _) => self.all = true,
            (false, true, Some(at)) => {
                self.count -= 1;
                self.firms[at] = self.firms[usize::from(self.count)];
            }
            (false, false, None) if usize::from(self.count) < FIRMS_MAX => {
                self.firms[usize::from(self.count)] = firm;
                self.count += 1;
            }
            (false, false, None) => self.all = true,
            (false, true, None) | (false, false, Some(_)) => {}
        }
    }

    fn firms(&self) -> &[Firm] {
        &self.firms[..usize::from(self.count)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firms_are_disabled_one_by_one_and_a_ninth_disables_the_port() {
        let firm = |index: u8| [b'F', b'0' + index, b' ', b' '];
        let mut disabled = DisabledFirms::default();
        assert!(!disabled.has(BLANK));
        (0..8).for_each(|index| disabled.set(firm(index), false));
        disabled.set(firm(3), false);
        assert!((0..8).all(|index| disabled.has(firm(index))) && !disabled.has(firm(8)) && !disabled.has(BLANK));
        disabled.set(firm(3), true);
        disabled.set(firm(3), true);
        assert!(!disabled.has(firm(3)) && disabled.has(firm(7)));
        disabled.set(firm(3), false);
        disabled.set(firm(8), false);
        assert!(disabled.has(BLANK) && disabled.has(firm(9)));
        disabled.set(firm(8), true);
        assert!(disabled.has(firm(8)), "the port is disabled as a whole");
        disabled.set(BLANK, true);
        assert!((0..10).all(|index| !disabled.has(firm(index))) && !disabled.has(BLANK));
    }
}
