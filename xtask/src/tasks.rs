//! The tasks of `cargo xtask`, by name.

/// A task's name, its arguments and what it does.
pub(crate) type Task = (&'static str, &'static str, &'static str);

/// All tasks, as `cargo xtask` lists them and as texts may name them.
pub(crate) const TASKS: &[Task] = &[
    ("loom", "[FILTER]", "run the loom models of runtime/sync, all or those whose name contains the filter"),
    ("mutants", "", "weaken each memory ordering of runtime/sync in turn; fails if the models do not notice"),
    ("fuzz", "[SECONDS] [TARGET...]", "fuzz each decoder, or those named, for so many seconds, 60 if not given"),
    ("interop", "[BINARY]", "run clients of others, and tshark, against `corelane run`; builds it if none is given"),
    ("ci", "[--list | STEP...]", "run the gate, or those of its steps"),
    ("tidy", "[RULE...]", "check the house rules, all or those named"),
];

/// How to use `cargo xtask`.
pub(crate) fn usage() -> String {
    let tasks = TASKS.iter().map(|(name, arguments, what)| format!("  {:<26}{what}\n", format!("{name} {arguments}")));
    format!("usage: cargo xtask TASK\n\ntasks:\n{}", tasks.collect::<String>())
}
