//! Names of files, modules, types, functions, variants and fields are the field's words. [`WORDS`] is the table.

use super::finding::Finding;
use crate::workspace;
use proc_macro2::Ident;
use std::fs;
use std::path::Path;
use syn::visit::{self, Visit};

/// Where a word may not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Among the words of a name.
    Anywhere,
    /// As the first word, the last word, or the whole name.
    AtAnEnd,
    /// As the first word or the whole name: the verb. An operating system's process is one.
    First,
    /// As the whole name.
    Alone,
}
use Place::{Alone, Anywhere, AtAnEnd, First};

/// What is not to be written, in words of lower case divided by `_`; where; and what to write instead.
const WORDS: &[(&str, Place, &str)] = &[
    ("manager", Anywhere, "what it does: supervisor, registry, pool"),
    ("helper", Anywhere, "what it does"),
    ("helpers", Anywhere, "what they do"),
    ("util", Anywhere, "what it does"),
    ("utils", Anywhere, "what they do"),
    ("data", AtAnEnd, "what it holds: message, frame, levels"),
    ("process", First, "what it does: decode, match, apply"),
    // What others call by another name.
    ("injector", Anywhere, "ExternalSender, external_sender"),
    ("tap", Anywhere, "ExternalReceiver, external_receiver"),
    ("actor_ref", Anywhere, "ActorId"),
    ("keep_newest", Anywhere, "conflate, overwritten"),
    ("look_ahead", Anywhere, "prefetch"),
    ("outbox", Anywhere, "port, edge"),
    ("news", Anywhere, "LastPublished"),
    ("buys", Alone, "side: Side"),
];

/// The field's terms that have such a word in them.
const TERMS: &[&str] = &["market_data", "sequenced_data", "unsequenced_data", "user_data"];

/// Checks the Rust code of the repository.
pub(super) fn check(root: &Path) -> Result<Vec<Finding>, String> {
    let mut found = Vec::new();
    for path in workspace::tree(root)? {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        found.extend(finding(&path, 1, &stem));
        if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(root.join(&path)).map_err(|e| format!("{}: {e}", path.display()))?;
            let source = syn::parse_file(&text).map_err(|e| format!("{}: {e}", path.display()))?;
            let mut defined = Defined::default();
            defined.visit_file(&source);
            let idents = defined.found.iter();
            found.extend(idents.filter_map(|ident| finding(&path, ident.span().start().line, &ident.to_string())));
        }
    }
    Ok(found)
}

fn finding(file: &Path, line: usize, name: &str) -> Option<Finding> {
    let (word, instead) = forbidden(name)?;
    let message = format!("the name {name}: not {word:?}, but {instead}");
    Some(Finding::new(file, line, message))
}

/// The forbidden word in a name, and what to write instead.
fn forbidden(name: &str) -> Option<(&'static str, &'static str)> {
    let mut name = format!("_{}_", words(name));
    for term in TERMS {
        name = name.replace(&format!("_{term}_"), "_term_");
    }
    let is_in = |word: &str, place: Place| {
        let word = format!("_{word}_");
        match place {
            Anywhere => name.contains(&word),
            First => name.starts_with(&word),
            AtAnEnd => name.starts_with(&word) || name.ends_with(&word),
            Alone => name == word,
        }
    };
    WORDS.iter().find(|(word, place, _)| is_in(word, *place)).map(|(word, _, instead)| (*word, *instead))
}

/// `TwoWords`, `TWO_WORDS` or `two-words` as `two_words`.
fn words(name: &str) -> String {
    let mut words = String::new();
    let mut before = '_';
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        // A word begins at a capital after a small letter or a digit, and at the last capital of an acronym.
        let ends_acronym = before.is_uppercase() && chars.peek().is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit() || ends_acronym) {
            words.push('_');
        }
        words.push(if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
        before = c;
    }
    words
}

/// The names that a file defines.
#[derive(Default)]
struct Defined {
    found: Vec<Ident>,
}

macro_rules! collect {
    ($($visit:ident: $item:ident, $ident:ident $(. $more:ident)?;)*) => {
        impl<'ast> Visit<'ast> for Defined {
            $(fn $visit(&mut self, item: &'ast syn::$item) {
                self.found.push(item.$ident$(.$more)?.clone());
                visit::$visit(self, item);
            })*
            fn visit_field(&mut self, field: &'ast syn::Field) {
                self.found.extend(field.ident.clone());
                visit::visit_field(self, field);
            }
        }
    };
}
collect! {
    visit_item_const: ItemConst, ident;
    visit_item_enum: ItemEnum, ident;
    visit_item_fn: ItemFn, sig.ident;
    visit_item_mod: ItemMod, ident;
    visit_item_static: ItemStatic, ident;
    visit_item_struct: ItemStruct, ident;
    visit_item_trait: ItemTrait, ident;
    visit_item_type: ItemType, ident;
    visit_item_union: ItemUnion, ident;
    visit_impl_item_const: ImplItemConst, ident;
    visit_impl_item_fn: ImplItemFn, sig.ident;
    visit_impl_item_type: ImplItemType, ident;
    visit_trait_item_const: TraitItemConst, ident;
    visit_trait_item_type: TraitItemType, ident;
    visit_trait_item_fn: TraitItemFn, sig.ident;
    visit_variant: Variant, ident;
}

#[cfg(test)]
mod tests {
    use super::{Defined, finding, forbidden};
    use std::path::Path;
    use syn::visit::Visit;

    #[test]
    fn forbidden_words_are_found_in_every_spelling() {
        let cases = [
            ("OrderManager", Some("manager")),
            ("TCPManager", Some("manager")),
            ("OUCHData", Some("data")),
            ("test_utils", Some("utils")),
            ("helper", Some("helper")),
            ("DATA", Some("data")),
            ("data_of", Some("data")),
            ("process_order", Some("process")),
            ("of_this_process", None),
            ("Injector", Some("injector")),
            ("look_ahead_steps", Some("look_ahead")),
            ("KeepNewest", Some("keep_newest")),
            ("market_data", None),
            ("MarketDataConfig", None),
            ("SequencedData", None),
            ("datagram", None),
            ("tape", None),
            ("buys", Some("buys")),
            ("who_buys", None),
        ];
        for (name, expected) in cases {
            assert_eq!(forbidden(name).map(|(word, _)| word), expected, "{name}");
        }
    }

    #[test]
    fn what_a_file_defines_is_looked_at_and_what_it_calls_is_not() {
        let source =
            "mod helper {}\nstruct A { data: u8 }\nimpl A { fn util() { manager() } }\ntrait B { const TAP: u8; }";
        let mut defined = Defined::default();
        defined.visit_file(&syn::parse_file(source).expect("the case is Rust"));
        let found: Vec<_> = defined
            .found
            .iter()
            .filter_map(|ident| finding(Path::new("a.rs"), ident.span().start().line, &ident.to_string()))
            .map(|finding| finding.to_string())
            .collect();
        assert_eq!(
            found,
            [
                "a.rs:1: the name helper: not \"helper\", but what it does",
                "a.rs:2: the name data: not \"data\", but what it holds: message, frame, levels",
                "a.rs:3: the name util: not \"util\", but what it does",
                "a.rs:4: the name TAP: not \"tap\", but ExternalReceiver, external_receiver",
            ]
        );
    }
}
