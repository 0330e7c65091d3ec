//! The paths that an item's code names.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::visit::{self, Visit};

/// A path as written, with its line from 1.
#[derive(Debug)]
pub(super) struct Name {
    pub path: Vec<String>,
    pub line: usize,
}

/// Collects the paths and the `use` declarations of an item.
#[derive(Default)]
pub(super) struct Names {
    pub found: Vec<Name>,
    pub uses: Vec<syn::ItemUse>,
}

impl<'ast> Visit<'ast> for Names {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let line = path.segments[0].ident.span().start().line;
            let segments = path.segments.iter().map(|segment| segment.ident.unraw().to_string());
            self.found.push(Name { path: segments.collect(), line });
        }
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, declared: &'ast syn::ItemUse) {
        if declared.leading_colon.is_none() {
            self.uses.push(declared.clone());
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        visit::visit_macro(self, call);
        add_tokens(call.tokens.clone(), &mut self.found);
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

/// Adds what looks like a path in tokens that are not parsed.
fn add_tokens(tokens: TokenStream, found: &mut Vec<Name>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is_punct = |at: usize, c: char| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == c);
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => add_tokens(group.stream(), found),
            TokenTree::Ident(first) => {
                let before = at.checked_sub(1);
                let is_after = |c| before.is_some_and(|at| is_punct(at, c));
                // A field or method, a lifetime, a fragment of a macro, the rest of `<T>::name`.
                let is_path = !(is_after('.') || is_after('\'') || is_after('$') && first != "crate");
                let is_path = is_path && !(is_after(':') && at >= 2 && is_punct(at - 2, ':'));
                let line = first.span().start().line;
                let mut path = vec![first.unraw().to_string()];
                while is_punct(at + 1, ':') && is_punct(at + 2, ':') {
                    let Some(TokenTree::Ident(next)) = tokens.get(at + 3) else { break };
                    path.push(next.unraw().to_string());
                    at += 3;
                }
                if is_path {
                    found.push(Name { path, line });
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        at += 1;
    }
}
