//! The tasks of `cargo xtask`, by name.

/// A task's name, its arguments and what it does.
pub(crate) type Task = (&'static str, &'static str, &'static str);

/// All tasks, as `cargo xtask` lists them and as texts may name them.
pub(crate) const TASKS: &[Task] = &[
    ("loom", "[FILTER]", "run the loom models of runtime/sync, or those whose name contains FILTER"),
    ("mutants", "", "weaken each memory ordering of runtime/sync in turn; fails if the models do not notice"),
    ("planted", "[FILTER]", "plant a bug in the venue at a time; fails if `corelane sim` does not find it"),
    ("fuzz", "[SECONDS] [TARGET...]", "fuzz all decoders, or those named, for SECONDS each (60 by default)"),
    ("interop", "[BINARY]", "run third-party clients and tshark against `corelane run`, built unless BINARY is given"),
    ("ci", "[--list | STEP...]", "run the gate, or the named steps of it"),
    ("tidy", "[RULE...]", "check the house rules, or the named ones"),
];

/// How to use `cargo xtask`.
pub(crate) fn usage() -> String {
    let tasks = TASKS.iter().map(|(name, arguments, what)| format!("  {:<26}{what}\n", format!("{name} {arguments}")));
    format!("usage: cargo xtask TASK\n\ntasks:\n{}", tasks.collect::<String>())
}
