//! CPU numbers in the kernel's list format, `0-3,8` (Documentation/admin-guide/cputopology.rst).

use std::collections::BTreeSet;
use std::fmt;

/// A set of CPU numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CpuList(BTreeSet<usize>);

impl CpuList {
    /// The highest CPU number accepted: the limit of `cpu_set_t`, so that no file can make the set large.
    const NUMBER_MAX: usize = 1023;

    /// Parses the kernel's format. Parts that are not a CPU number or a range are skipped.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let last: usize = last.trim().parse().ok()?;
            Some(first.trim().parse().ok()?..=last.min(Self::NUMBER_MAX))
        };
        Self(text.split(',').filter_map(range).flatten().collect())
    }

    /// The CPU numbers, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        self.0.iter().copied()
    }

    /// The number of CPUs in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<usize> for CpuList {
    fn from_iter<I: IntoIterator<Item = usize>>(numbers: I) -> Self {
        Self(numbers.into_iter().collect())
    }
}

impl fmt::Display for CpuList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut numbers = self.iter().peekable();
        let mut separator = "";
        while let Some(first) = numbers.next() {
            let mut last = first;
            while let Some(next) = numbers.next_if(|next| *next == last + 1) {
                last = next;
            }
            write!(f, "{separator}{first}")?;
            if last > first {
                write!(f, "-{last}")?;
            }
            separator = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::CpuList;

    #[test]
    fn lists_are_parsed_and_printed_in_the_kernels_format() {
        let cases = [
            ("0-3,8", "0-3,8"),
            ("0,1,2\n", "0-2"),
            ("", ""),
            ("\n", ""),
            ("5", "5"),
            ("3-1", ""),
            ("x,2,1-y", "2"),
            ("1022-99999999999", "1022-1023"),
        ];
        for (text, expected) in cases {
            assert_eq!(CpuList::parse(text).to_string(), expected, "{text:?}");
        }
    }
}
