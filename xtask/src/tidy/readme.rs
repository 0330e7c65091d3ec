//! The README's first Rust block equals the example that the sentence before it links to, and is short.

use super::finding::Finding;
use std::fs;
use std::path::Path;

/// What a reader reads to the end.
const LINES_MAX: usize = 40;

/// Checks the README in `root`.
pub(super) fn check(root: &Path) -> Result<Vec<Finding>, String> {
    let readme = fs::read_to_string(root.join("README.md")).map_err(|e| format!("README.md: {e}"))?;
    Ok(findings(&readme, |example| fs::read_to_string(root.join(example)).ok()))
}

fn findings(readme: &str, read: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let at = |line: usize, message: String| vec![Finding::new("README.md", line, message)];
    let lines: Vec<&str> = readme.lines().collect();
    let Some(start) = lines.iter().position(|line| *line == "```rust") else {
        return at(1, "no ```rust block: show the first actor".into());
    };
    let Some(link) = lines[..start].iter().rev().find_map(|line| example_in(line)) else {
        return at(start + 1, "no link to an example before the first Rust block: link the file that it shows".into());
    };
    let Some(example) = read(link) else {
        return at(start + 1, format!("the example {link} does not exist"));
    };
    let block: Vec<&str> = lines[start + 1..].iter().copied().take_while(|line| *line != "```").collect();
    let example: Vec<&str> = example.lines().collect();
    let differs = (0..block.len().max(example.len())).find(|&line| block.get(line) != example.get(line));
    if let Some(line) = differs {
        let message = format!("differs from line {} of {link}: copy the file into the block", line + 1);
        return at(start + 2 + line.min(block.len()), message);
    }
    if block.len() > LINES_MAX {
        let message = format!("the first actor has {} lines, more than {LINES_MAX}: shorten {link}", block.len());
        return at(start + 1, message);
    }
    Vec::new()
}

/// The target of the line's last link to a file in an `examples` folder.
fn example_in(line: &str) -> Option<&str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| target.contains("examples/") && target.ends_with(".rs")).last()
}

#[cfg(test)]
mod tests {
    use super::findings;

    #[test]
    fn the_block_is_the_whole_example() {
        let long = "x\n".repeat(41);
        let cases = [
            ("[e](a/examples/e.rs):\n\n```rust\nfn main() {}\n```\n", "fn main() {}\n", None),
            (
                "[e](a/examples/e.rs):\n```rust\nfn main() {}\n```\n",
                "fn main() { }\n",
                Some("line 1 of a/examples/e.rs"),
            ),
            ("[e](a/examples/e.rs):\n```rust\nfn main() {}\n```\n", "fn main() {}\nfn f() {}\n", Some("line 2 of")),
            ("[e](a/examples/gone.rs):\n```rust\n```\n", "", Some("does not exist")),
            ("```rust\n```\n", "", Some("no link to an example")),
            ("[e](a/examples/e.rs)\n", "", Some("no ```rust block")),
            (&format!("[e](a/examples/e.rs):\n```rust\n{long}```\n"), &long, Some("41 lines")),
        ];
        for (readme, example, expected) in cases {
            let found = findings(readme, |name| (name == "a/examples/e.rs").then(|| example.to_owned()));
            match expected {
                None => assert_eq!(found, [], "{readme}"),
                Some(message) => assert!(found.len() == 1 && found[0].message.contains(message), "{readme}: {found:?}"),
            }
        }
    }
}
