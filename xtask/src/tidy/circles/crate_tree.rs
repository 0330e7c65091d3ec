//! The modules of one target: in which file each is, what it defines, imports and names.

use super::names::{Name, Names};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use syn::visit::Visit;
use syn::{Attribute, Item, UseTree, Visibility, ext::IdentExt, spanned::Spanned};

/// A crate as its root file declares it. Module 0 is the root.
#[derive(Debug, Default)]
pub(super) struct CrateTree {
    pub files: Vec<PathBuf>,
    pub modules: Vec<Module>,
}

/// A module, in a file of its own or inline.
#[derive(Debug, Default)]
pub(super) struct Module {
    pub file: usize,
    pub parent: Option<usize>,
    pub children: BTreeMap<String, usize>,
    /// What it defines, with the file: that of an exported macro of another module is that module's.
    pub items: BTreeMap<String, usize>,
    pub imports: Vec<Import>,
    /// The paths in its code.
    pub names: Vec<Name>,
}

/// One leaf of a `use` declaration.
#[derive(Debug)]
pub(super) struct Import {
    /// What it is called here; empty for a glob.
    pub alias: String,
    pub path: Vec<String>,
    pub is_glob: bool,
    pub is_reexport: bool,
    pub line: usize,
}

/// Gives a file's text, or `None` if there is no such file.
pub(super) type Read<'a> = &'a dyn Fn(&Path) -> Option<String>;

/// A file's text, and the folder of the modules that it declares.
struct Source {
    file: PathBuf,
    text: String,
    folder: PathBuf,
}

impl CrateTree {
    /// Reads the file and all modules that it declares. `read` gives a file's text.
    ///
    /// # Errors
    ///
    /// If a file is missing or is not Rust.
    pub(super) fn load(root_file: &Path, read: Read<'_>) -> Result<Self, String> {
        let mut tree = Self::default();
        let folder = root_file.parent().unwrap_or(Path::new("")).to_owned();
        let text = read(root_file).ok_or_else(|| format!("{}: cannot be read", root_file.display()))?;
        tree.load_file(&Source { file: root_file.to_owned(), text, folder }, None, read)?;
        Ok(tree)
    }

    fn load_file(&mut self, source: &Source, parent: Option<usize>, read: Read<'_>) -> Result<usize, String> {
        let parsed = syn::parse_file(&source.text);
        let parsed = parsed.map_err(|e| format!("{}:{}: {e}", source.file.display(), e.span().start().line))?;
        self.files.push(source.file.clone());
        let module = self.add_module(self.files.len() - 1, parent);
        self.load_items(module, &parsed.items, &source.folder, read)?;
        Ok(module)
    }

    fn add_module(&mut self, file: usize, parent: Option<usize>) -> usize {
        self.modules.push(Module { file, parent, ..Module::default() });
        self.modules.len() - 1
    }

    fn load_items(&mut self, at: usize, items: &[Item], folder: &Path, read: Read<'_>) -> Result<(), String> {
        for item in items.iter().filter(|item| !is_for_tests(attributes(item))) {
            match item {
                Item::Mod(declared) => {
                    let name = declared.ident.unraw().to_string();
                    let child = match &declared.content {
                        Some((_, items)) => {
                            let child = self.add_module(self.modules[at].file, Some(at));
                            self.load_items(child, items, &folder.join(&name), read)?;
                            child
                        }
                        None => {
                            let source = self.find(at, declared, &name, folder, read)?;
                            self.load_file(&source, Some(at), read)?
                        }
                    };
                    self.modules[at].children.insert(name, child);
                }
                _ => self.load_item(at, item),
            }
        }
        Ok(())
    }

    /// The file of `mod name;` in module `at`, whose children are in `folder`.
    fn find(
        &self,
        at: usize,
        declared: &syn::ItemMod,
        name: &str,
        folder: &Path,
        read: Read<'_>,
    ) -> Result<Source, String> {
        let here = &self.files[self.modules[at].file];
        let candidates = match path_attribute(&declared.attrs) {
            Some(path) => {
                let file = here.parent().unwrap_or(Path::new("")).join(path);
                let folder = file.parent().unwrap_or(Path::new("")).to_owned();
                vec![(file, folder)]
            }
            None => [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")]
                .map(|file| (file, folder.join(name)))
                .into(),
        };
        let source = |(file, folder): (PathBuf, PathBuf)| Some(Source { text: read(&file)?, file, folder });
        let missing = || format!("{}:{}: no file for mod {name}", here.display(), declared.span().start().line);
        candidates.into_iter().find_map(source).ok_or_else(missing)
    }

    fn load_item(&mut self, at: usize, item: &Item) {
        let file = self.modules[at].file;
        if let Some(name) = defined_name(item) {
            self.modules[at].items.insert(name.clone(), file);
            if matches!(item, Item::Macro(m) if m.attrs.iter().any(|a| a.path().is_ident("macro_export"))) {
                self.modules[0].items.insert(name, file);
            }
        }
        let mut names = Names::default();
        names.visit_item(item);
        let module = &mut self.modules[at];
        module.names.append(&mut names.found);
        for declared in &names.uses {
            let is_reexport = !matches!(declared.vis, Visibility::Inherited);
            add_imports(&declared.tree, &mut Vec::new(), is_reexport, &mut module.imports);
        }
    }
}

fn add_imports(tree: &UseTree, prefix: &mut Vec<String>, is_reexport: bool, imports: &mut Vec<Import>) {
    let line = tree.span().start().line;
    let mut add = |alias: String, path: Vec<String>, is_glob| {
        imports.push(Import { alias, path, is_glob, is_reexport, line });
    };
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.unraw().to_string());
            add_imports(&path.tree, prefix, is_reexport, imports);
            prefix.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            add(prefix.last().cloned().unwrap_or_default(), prefix.clone(), false);
        }
        UseTree::Name(name) => {
            let name = name.ident.unraw().to_string();
            add(name.clone(), [&prefix[..], &[name]].concat(), false);
        }
        UseTree::Rename(rename) if rename.ident == "self" => add(rename.rename.to_string(), prefix.clone(), false),
        UseTree::Rename(rename) => {
            let name = rename.ident.unraw().to_string();
            add(rename.rename.to_string(), [&prefix[..], &[name]].concat(), false);
        }
        UseTree::Glob(_) => add(String::new(), prefix.clone(), true),
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| add_imports(tree, prefix, is_reexport, imports));
        }
    }
}

/// Whether `#[cfg(test)]` or `#[cfg(all(test, …))]` is among them.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        let condition = attribute.meta.require_list().map(|list| list.tokens.to_string()).unwrap_or_default();
        let condition = condition.replace(' ', "");
        condition == "test" || condition.starts_with("all(test,")
    })
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.path().is_ident("path"))?;
    match &attribute.meta.require_name_value().ok()?.value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) => Some(path.value()),
        _ => None,
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn defined_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.unraw().to_string())
}
