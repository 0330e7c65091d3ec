//! Folded stacks: `thread;outer;…;inner count` a line, and what they say of functions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Marks functions of the kernel.
pub const KERNEL_MARK: &str = "_[k]";

/// Samples by stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    stacks: Vec<(String, u64)>,
}

/// A line that is no folded stack.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the folded stacks is not `thread;function;… count`")]
pub struct FoldedError {
    /// Which, from 1.
    pub line: usize,
}

/// How much of a thread's time a function has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The function, or whatever the samples were put together by.
    pub name: String,
    /// Samples in it alone.
    pub own: u64,
    /// Samples in it and in what it calls.
    pub inclusive: u64,
}

/// What one thread did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Its samples.
    pub samples: u64,
    /// By function, those with most samples of their own first.
    pub functions: Vec<Share>,
    /// Samples by module in which the time was spent; `kernel` is one of them. Most first.
    pub modules: Vec<(String, u64)>,
}

impl Folded {
    /// Reads the lines.
    ///
    /// # Errors
    /// [`FoldedError`].
    pub fn parse(text: &str) -> Result<Folded, FoldedError> {
        let stack = |(index, line): (usize, &str)| {
            let parts = line.rsplit_once(' ').and_then(|(stack, count)| Some((stack.to_owned(), count.parse().ok()?)));
            parts.filter(|(stack, _): &(String, u64)| !stack.is_empty()).ok_or(FoldedError { line: index + 1 })
        };
        Ok(Folded { stacks: text.lines().enumerate().map(stack).collect::<Result<_, _>>()? })
    }

    /// Samples of each thread.
    pub fn threads(&self) -> BTreeMap<&str, u64> {
        let mut threads = BTreeMap::new();
        for (stack, count) in &self.stacks {
            *threads.entry(stack.split(';').next().unwrap_or_default()).or_default() += count;
        }
        threads
    }

    /// What this thread did.
    pub fn tally(&self, thread: &str) -> Tally {
        let mut tally = Tally::default();
        let mut shares: HashMap<&str, (u64, u64)> = HashMap::new();
        let mut modules: HashMap<&str, u64> = HashMap::new();
        for (stack, count) in &self.stacks {
            let mut functions = stack.split(';');
            if functions.next() != Some(thread) {
                continue;
            }
            tally.samples += count;
            let functions: Vec<&str> = functions.collect();
            let Some(innermost) = functions.last() else { continue };
            shares.entry(innermost).or_default().0 += count;
            *modules.entry(module(innermost)).or_default() += count;
            // One that calls itself counts once.
            for function in functions.into_iter().collect::<BTreeSet<&str>>() {
                shares.entry(function).or_default().1 += count;
            }
        }
        let share = |(name, (own, inclusive)): (&str, (u64, u64))| Share { name: name.to_owned(), own, inclusive };
        tally.functions = shares.into_iter().map(share).collect();
        tally
            .functions
            .sort_by(|one, other| (other.own, other.inclusive, &one.name).cmp(&(one.own, one.inclusive, &other.name)));
        tally.modules = modules.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
        tally.modules.sort_by(|one, other| (other.1, &one.0).cmp(&(one.1, &other.0)));
        tally
    }
}

/// Where a function is: its path without its last part.
fn module(function: &str) -> &str {
    if function.ends_with(KERNEL_MARK) {
        return "kernel";
    }
    function.rsplit_once("::").map_or("libc and others", |(module, _)| module)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "hot;a::run;a::b::step 3
hot;a::run;a::b::step;a::b::step 2
hot;a::run;enter;tcp_sendmsg_[k] 4
hot;a::run 1
tester;main;memcpy 7
";

    #[test]
    fn shares_count_the_innermost_once_and_the_others_once_each() {
        let folded = Folded::parse(TEXT).unwrap();
        assert_eq!(folded.threads(), BTreeMap::from([("hot", 10), ("tester", 7)]));
        let hot = folded.tally("hot");
        let shares: Vec<(&str, u64, u64)> =
            hot.functions.iter().map(|share| (share.name.as_str(), share.own, share.inclusive)).collect();
        let expected = [("a::b::step", 5, 5), ("tcp_sendmsg_[k]", 4, 4), ("a::run", 1, 10), ("enter", 0, 4)];
        assert_eq!(shares, expected);
        assert_eq!(hot.samples, 10);
        let modules: Vec<(&str, u64)> = hot.modules.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        assert_eq!(modules, [("a::b", 5), ("kernel", 4), ("a", 1)]);
        assert_eq!(folded.tally("tester").modules, [("libc and others".to_owned(), 7)]);
        assert_eq!(folded.tally("nobody"), Tally::default());
    }

    #[test]
    fn a_line_that_is_no_stack_is_named() {
        assert_eq!(Folded::parse("a;b 1\na;b x\n"), Err(FoldedError { line: 2 }));
        assert_eq!(Folded::parse(" 1"), Err(FoldedError { line: 1 }));
        assert_eq!(Folded::parse("").unwrap(), Folded::default());
    }
}
