//! Subcommands and flags of a program, read from the types that clap derives its command line from.

use std::collections::{BTreeMap, BTreeSet};
use syn::{Attribute, Expr, Field, GenericArgument, Item, Lit, PathArguments, Token, Type, parenthesized};

/// A program or one of its subcommands.
#[derive(Clone, Debug, Default)]
pub(super) struct CommandLine {
    pub subcommands: BTreeMap<String, CommandLine>,
    /// Without their `--`.
    pub flags: BTreeSet<String>,
}

type Items<'a> = BTreeMap<String, &'a Item>;

impl CommandLine {
    /// The command line of the one type among these sources that derives `Parser`.
    ///
    /// # Errors
    ///
    /// If a source is not Rust, or if there is no such type.
    pub(super) fn read(sources: &[String]) -> Result<Self, String> {
        let files = sources.iter().map(|source| syn::parse_file(source)).collect::<Result<Vec<_>, _>>();
        let files = files.map_err(|e| format!("a command line's source: {e}"))?;
        let mut items = Items::new();
        let mut root = None;
        for item in files.iter().flat_map(|file| &file.items) {
            let (name, attributes) = match item {
                Item::Struct(item) => (item.ident.to_string(), &item.attrs),
                Item::Enum(item) => (item.ident.to_string(), &item.attrs),
                _ => continue,
            };
            if derives_parser(attributes) {
                root = Some(name.clone());
            }
            items.insert(name, item);
        }
        let mut command_line = Self::default();
        command_line.add_type(&root.ok_or("no type derives clap's Parser")?, &items);
        Ok(command_line)
    }

    fn add_type(&mut self, name: &str, items: &Items<'_>) {
        self.flags.extend(["help".to_owned(), "version".to_owned()]);
        match items.get(name) {
            Some(Item::Struct(item)) => item.fields.iter().for_each(|field| self.add_field(field, items)),
            Some(Item::Enum(item)) => {
                for variant in &item.variants {
                    let mut subcommand = Self::default();
                    subcommand.flags.insert("help".into());
                    variant.fields.iter().for_each(|field| subcommand.add_field(field, items));
                    let name = option(&variant.attrs, "command", "name").flatten();
                    self.subcommands.insert(name.unwrap_or_else(|| kebab(&variant.ident.to_string())), subcommand);
                }
            }
            _ => {}
        }
    }

    fn add_field(&mut self, field: &Field, items: &Items<'_>) {
        let name = field.ident.as_ref().map(ToString::to_string);
        let is_inner =
            name.is_none() || ["flatten", "subcommand"].iter().any(|o| option(&field.attrs, "command", o).is_some());
        if is_inner {
            self.add_type(&innermost(&field.ty), items);
        }
        if let Some(long) = option(&field.attrs, "arg", "long") {
            self.flags.extend(long.or(name.map(|name| kebab(&name))));
        }
    }
}

fn derives_parser(attributes: &[Attribute]) -> bool {
    let derives = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    derives
        .filter_map(|attribute| attribute.meta.require_list().ok())
        .any(|list| list.tokens.to_string().split(|c: char| !c.is_alphanumeric()).any(|word| word == "Parser"))
}

/// The value of an option in `#[attribute(option = "value")]`: `Some(None)` if it has none, `None` if it is not there.
fn option(attributes: &[Attribute], attribute: &str, option: &str) -> Option<Option<String>> {
    let mut found = None;
    for attribute in attributes.iter().filter(|a| a.path().is_ident(attribute)) {
        // What cannot be read has no option that matters here.
        let _ = attribute.parse_nested_meta(|meta| {
            let mut value = None;
            if meta.input.peek(Token![=]) {
                if let Expr::Lit(literal) = meta.value()?.parse::<Expr>()?
                    && let Lit::Str(text) = literal.lit
                {
                    value = Some(text.value());
                }
            } else if meta.input.peek(syn::token::Paren) {
                let inner;
                parenthesized!(inner in meta.input);
                inner.parse::<proc_macro2::TokenStream>()?;
            }
            if meta.path.is_ident(option) {
                found = Some(value);
            }
            Ok(())
        });
    }
    found
}

/// `T` of `Option<Box<T>>`.
fn innermost(of: &Type) -> String {
    let Type::Path(path) = of else { return String::new() };
    let Some(last) = path.path.segments.last() else { return String::new() };
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
            Some(GenericArgument::Type(inner)) => innermost(inner),
            _ => last.ident.to_string(),
        },
        _ => last.ident.to_string(),
    }
}

/// `TwoWords` and `two_words` as `two-words`.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(if c == '_' { '-' } else { c.to_ascii_lowercase() });
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::CommandLine;

    #[test]
    fn subcommands_and_flags_are_as_clap_derives_them() {
        let source = r#"
            #[derive(Debug, Parser)] struct Cli { #[command(subcommand)] command: Option<Command> }
            #[derive(Subcommand)] enum Command { Run { topology: PathBuf }, BestPrices(Box<Args>), #[command(subcommand)] Itch(Itch) }
            #[derive(Args)] struct Args {
                #[arg(long, value_parser = value_parser!(u32).range(1..))] to_b: u32,
                #[arg(long = "as", num_args(1..))] with_name: u32,
                #[command(flatten)] more: More,
                file: PathBuf,
            }
            #[derive(Args)] struct More { #[arg(short, long)] json: bool }
            #[derive(Subcommand)] enum Itch { Play { #[arg(long)] loss: f64 } }
        "#;
        let read = CommandLine::read(&[source.to_owned()]).expect("the case has a parser");
        let flags = |line: &CommandLine| line.flags.iter().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(read.subcommands.keys().collect::<Vec<_>>(), ["best-prices", "itch", "run"]);
        assert_eq!(flags(&read.subcommands["best-prices"]), "as help json to-b version");
        assert_eq!(flags(&read.subcommands["itch"].subcommands["play"]), "help loss");
        assert!(CommandLine::read(&["struct Cli;".to_owned()]).is_err());
    }
}
