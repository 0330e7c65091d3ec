//! From a path to the file that defines what it names.

use super::crate_tree::CrateTree;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Module(usize),
    /// An item, by its file.
    Item(usize),
}

/// Bounds chains of re-exports, so that two modules that re-export each other's everything end.
const DEPTH_MAX: usize = 16;

/// The file of the item that `path`, written in module `from`, names; `None` for another crate's and for modules, except if
/// the path is a glob's.
pub(super) fn file_of(tree: &CrateTree, from: usize, path: &[String], is_glob: bool) -> Option<usize> {
    match resolve(tree, from, path, 0)? {
        Target::Item(file) => Some(file),
        Target::Module(module) => is_glob.then(|| tree.modules[module].file),
    }
}

fn resolve(tree: &CrateTree, from: usize, path: &[String], depth: usize) -> Option<Target> {
    if depth > DEPTH_MAX {
        return None;
    }
    let (first, rest) = path.split_first()?;
    let mut target = match first.as_str() {
        "crate" => Target::Module(0),
        "self" => Target::Module(from),
        "super" => Target::Module(tree.modules[from].parent?),
        name => member(tree, from, name, depth)?,
    };
    for name in rest {
        let Target::Module(module) = target else { break };
        target = match name.as_str() {
            "super" => Target::Module(tree.modules[module].parent?),
            // Items that a macro defines are not seen; they are in the module's file.
            name => member(tree, module, name, depth).unwrap_or(Target::Item(tree.modules[module].file)),
        };
    }
    Some(target)
}

/// What `name` is in this module.
fn member(tree: &CrateTree, at: usize, name: &str, depth: usize) -> Option<Target> {
    let module = &tree.modules[at];
    if let Some(child) = module.children.get(name) {
        return Some(Target::Module(*child));
    }
    if let Some(file) = module.items.get(name) {
        return Some(Target::Item(*file));
    }
    let import = module.imports.iter().find(|import| !import.is_glob && import.alias == name);
    if let Some(import) = import.filter(|import| import.path != [name]) {
        return resolve(tree, at, &import.path, depth + 1);
    }
    if depth > DEPTH_MAX {
        return None;
    }
    module.imports.iter().filter(|import| import.is_glob).find_map(|glob| {
        match resolve(tree, at, &glob.path, depth + 1)? {
            Target::Module(opened) if opened != at => member(tree, opened, name, depth + 1),
            _ => None,
        }
    })
}
