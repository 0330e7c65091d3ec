use super::{CrateTree, circles};
use std::path::Path;

/// The files of the circles in a crate of these files, each with its text; `lib.rs` is the root.
fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let read = |path: &Path| {
        let (_, text) = files.iter().find(|(file, _)| Path::new(file) == path)?;
        Some((*text).to_owned())
    };
    let tree = CrateTree::load(Path::new("lib.rs"), &read).expect("the case is Rust");
    let findings = circles(Path::new(""), &tree);
    let edges = findings.iter().map(|finding| finding.message.lines().skip(1).map(str::trim));
    edges.map(|edges| edges.map(|edge| edge.split("  ").next().unwrap_or_default().to_owned()).collect()).collect()
}

#[test]
fn what_closes_a_circle_and_what_does_not() {
    let lib = ("lib.rs", "mod a; mod b;");
    let none: &[&str] = &[];
    let circle: &[&str] = &["a.rs:1 -> b.rs", "b.rs:1 -> a.rs"];
    let cases: &[(&str, &str, &str, &[&str])] = &[
        ("one way", "use crate::b::B; pub struct A(B);", "pub struct B;", none),
        ("imports", "use crate::b::B; pub struct A(B);", "use crate::a::A; pub struct B(A);", circle),
        ("paths", "pub fn f() { crate::b::g() }", "pub fn g() { super::a::f() }", circle),
        ("self and super", "pub fn f() { self::super::b::g() }", "pub fn g() { super::a::f() }", circle),
        ("macro calls", "pub fn f() { assert!(crate::b::g()) }", "pub fn g() -> bool { crate::a::f(); true }", circle),
        ("an import of a module, unused", "use crate::b;", "pub fn g() { crate::a::f() }", none),
        ("an import of a module, used", "use crate::b; pub fn f() { b::g() }", "pub fn g() { crate::a::f() }", circle),
        ("inside a function", "pub fn f() { use crate::b::g; }", "pub fn g() { use crate::a::f; }", circle),
        ("a glob", "use crate::b::*;", "use crate::a::*;", circle),
        ("tests", "pub fn f() {} #[cfg(test)] mod tests { use crate::b::g; }", "pub fn g() { crate::a::f() }", none),
        (
            "an inline module",
            "pub mod i { pub fn f() { super::super::b::g() } }",
            "pub fn g() { crate::a::i::f() }",
            circle,
        ),
        ("re-exports", "pub use crate::b::B;", "pub use crate::a::A;", none),
        ("another crate", "use std::fmt; pub fn f() { ::b::a() }", "pub fn g() { crate::a::f() }", none),
    ];
    for (case, a, b, expected) in cases {
        let found = circles_of(&[lib, ("a.rs", a), ("b.rs", b)]);
        assert_eq!(found.concat(), *expected, "{case}");
    }
}

#[test]
fn a_facade_is_no_circle_until_its_own_code_uses_what_it_shows() {
    let child = ("room/child.rs", "use super::Shared; pub struct Child(Shared);");
    let facade = "mod child; mod shared; pub use child::Child; pub use shared::Shared;";
    let files =
        |room| [("lib.rs", "mod room;"), ("room/mod.rs", room), child, ("room/shared.rs", "pub struct Shared;")];
    assert!(circles_of(&files(facade)).is_empty());
    let not_only_facade = "mod child; mod shared; pub use child::Child; pub struct Shared(Child);";
    assert_eq!(
        circles_of(&files(not_only_facade)),
        [["room/mod.rs:1 -> room/child.rs", "room/child.rs:1 -> room/mod.rs"]]
    );
}

#[test]
fn an_exported_macro_belongs_to_its_file() {
    let a = "#[macro_export] macro_rules! m { () => { $crate::b::g() } }";
    let files = |b| [("lib.rs", "mod a; mod b;"), ("a.rs", a), ("b.rs", b)];
    assert!(circles_of(&files("pub fn g() {}")).is_empty());
    assert_eq!(circles_of(&files("pub fn g() { crate::m!() }")).len(), 1);
}
