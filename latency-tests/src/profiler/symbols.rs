//! From addresses of this program to functions, those included that the compiler inlined.
//!
//! `perf` could ask `addr2line` for inlined functions, but gets bare names (`run`, `poll`) and takes minutes. The line
//! tables of the release build name the source file of each, and with it the module.

use std::{collections::HashMap, path::Path, rc::Rc};

use addr2line::Loader;

/// Resolves addresses of one program.
pub struct Symbols {
    loader: Loader,
    known: HashMap<u64, Rc<Place>>,
}

/// Where an address is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The functions, innermost first: those inlined there, and the one that holds them. Inlined pieces of Rust's own
    /// libraries are left out: they count as their caller. Empty where the program has no line tables.
    pub functions: Vec<String>,
    /// File and line in the first of them.
    pub line: Option<String>,
}

/// The program's file has no symbols that can be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the symbols of {program}: {why}")]
pub struct SymbolsError {
    program: String,
    why: String,
}

impl Symbols {
    /// Of this program.
    ///
    /// # Errors
    /// [`SymbolsError`].
    pub fn of(program: &Path) -> Result<Symbols, SymbolsError> {
        let loader = Loader::new(program)
            .map_err(|error| SymbolsError { program: program.display().to_string(), why: error.to_string() })?;
        Ok(Symbols { loader, known: HashMap::new() })
    }

    /// Where an address is.
    pub fn place(&mut self, address: u64) -> Rc<Place> {
        if let Some(known) = self.known.get(&address) {
            return known.clone();
        }
        let place = Rc::new(self.look_up(address));
        self.known.insert(address, place.clone());
        place
    }

    fn look_up(&self, address: u64) -> Place {
        let mut place = Place::default();
        let Ok(mut frames) = self.loader.find_frames(address) else { return place };
        let mut next = frames.next();
        while let Ok(Some(frame)) = next {
            next = frames.next();
            let holds_all = !matches!(next, Ok(Some(_)));
            let Some(function) = &frame.function else { continue };
            let (Ok(raw), Ok(name)) = (function.raw_name(), function.demangle()) else { continue };
            let location = frame.location.and_then(|location| Some((location.file?, location.line)));
            let module = location.and_then(|(file, _)| Module::of(file));
            if !holds_all && module.as_ref().is_some_and(|module| module.is_rusts) {
                continue;
            }
            if place.functions.is_empty() {
                place.line = location.and_then(|(file, line)| Some(format!("{}:{}", short(file), line?)));
            }
            place.functions.push(if raw == name { function_name(module.as_ref(), &name) } else { name.into_owned() });
        }
        place
    }
}

/// The path from the crate's folder on.
fn short(file: &str) -> &str {
    let folder = file.rsplit_once("/src/").map_or(file, |(folder, _)| folder);
    folder.rfind('/').map_or(file, |at| &file[at + 1..])
}

/// `module::name`, without parameters of types. Debug builds have mangled names, which hold the whole path.
fn function_name(module: Option<&Module>, name: &str) -> String {
    let short = match name.find('<') {
        Some(cut) if cut > 0 => &name[..cut],
        _ => name,
    };
    module.map_or_else(|| short.to_owned(), |module| format!("{}::{short}", module.path))
}

/// A module, from the path of its file.
#[derive(Debug, PartialEq, Eq)]
struct Module {
    path: String,
    /// Whether it is of `core`, `alloc`, `std` or what they are built from.
    is_rusts: bool,
}

impl Module {
    /// `…/runtime/src/net/driver.rs` is `corelane_runtime::net::driver`; `…/glommio-ng-0.12.0/src/lib.rs` is
    /// `glommio_ng`; `/rustc/…/library/core/src/ptr/mod.rs` is `core::ptr`.
    fn of(file: &str) -> Option<Module> {
        let (folder, within) = file.rsplit_once("/src/")?;
        let folder_name = folder.rsplit('/').next()?;
        let is_rusts = file.starts_with("/rustc/") || file.starts_with("/rust/deps/") || file.contains("/rustlib/src/");
        let is_published = file.contains("/registry/src/") || file.starts_with("/rust/deps/");
        let name = match folder_name {
            name if is_published => without_version(name).to_owned(),
            name if is_rusts => name.to_owned(),
            "server" => "corelane".to_owned(),
            "latency-tests" => "corelane_latency".to_owned(),
            name => format!("corelane_{name}"),
        };
        let mut path = name.replace('-', "_");
        let within = within.strip_suffix(".rs").unwrap_or(within);
        for part in within.split('/').filter(|part| !matches!(*part, "lib" | "main" | "mod")) {
            path.push_str("::");
            path.push_str(part);
        }
        Some(Module { path, is_rusts })
    }
}

/// `glommio-ng-0.12.0` is `glommio-ng`.
fn without_version(name: &str) -> &str {
    let version =
        name.match_indices('-').find(|(at, _)| name[at + 1..].starts_with(|digit: char| digit.is_ascii_digit()));
    version.map_or(name, |(at, _)| &name[..at])
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;
    use crate::profiler::image::Image;

    #[test]
    fn files_name_their_modules() {
        let cases = [
            ("/work/main/runtime/src/net/driver.rs", "corelane_runtime::net::driver", false),
            ("/work/main/runtime/sync/src/lib.rs", "corelane_sync", false),
            ("/work/main/server/src/demo.rs", "corelane::demo", false),
            ("/work/main/latency-tests/tester/src/engine/mod.rs", "corelane_tester::engine", false),
            (
                "/home/x/.cargo/registry/src/index.crates.io-1949/glommio-ng-0.12.0/src/task/raw.rs",
                "glommio_ng::task::raw",
                false,
            ),
            ("/rustc/f2d3ce0b/library/core/src/ptr/mod.rs", "core::ptr", true),
            ("/rust/deps/hashbrown-0.16.1/src/raw.rs", "hashbrown::raw", true),
        ];
        for (file, path, is_rusts) in cases {
            assert_eq!(Module::of(file), Some(Module { path: path.to_owned(), is_rusts }), "{file}");
        }
        assert_eq!(Module::of("start.S"), None);
    }

    #[test]
    fn names_lose_parameters() {
        let module = Module { path: "a::b".to_owned(), is_rusts: false };
        assert_eq!(function_name(Some(&module), "run<core::pin::Pin<()>>"), "a::b::run");
        assert_eq!(function_name(Some(&module), "{closure#0}<u8>"), "a::b::{closure#0}");
        assert_eq!(function_name(None, "memcpy"), "memcpy");
    }

    #[inline(never)]
    fn a_function_to_be_found(x: u64) -> u64 {
        black_box(x) + 1
    }

    #[test]
    fn a_function_of_this_program_is_found_by_its_address() {
        let mut symbols = Symbols::of(&std::env::current_exe().unwrap()).unwrap();
        let image = Image::of_this_process().unwrap();
        assert_eq!(a_function_to_be_found(1), 2);
        let address = image.address(a_function_to_be_found as fn(u64) -> u64 as usize as u64).unwrap();
        let place = symbols.place(address);
        assert!(place.functions.last().unwrap().ends_with("symbols::tests::a_function_to_be_found"), "{place:?}");
        assert!(place.line.as_ref().unwrap().starts_with("latency-tests/src/profiler/symbols.rs:"), "{place:?}");
        assert_eq!(*symbols.place(1 << 40), Place::default());
    }
}
