//! Keeps the layers: imports point down, and the pure ones touch nothing outside.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The modules by layer, lowest first. A module may use those below it and those beside it.
const LAYERS: [&[&str]; 6] = [
    &["environment", "fault", "secret", "signal", "wire"],
    &["filter", "reference", "template"],
    &["manifest", "plan"],
    &["deliver", "generation", "process", "source", "export", "stash"],
    &["launcher", "resolve", "supervise", "worker"],
    &["cli"],
];

/// Modules and files that touch no file, socket, environment, process, thread or clock.
const PURE: [&str; 13] = [
    "environment.rs",
    "export",
    "fault.rs",
    "filter.rs",
    "generation",
    "manifest",
    "plan",
    "reference.rs",
    "secret.rs",
    "supervise/budget.rs",
    "supervise/core.rs",
    "template.rs",
    "wire.rs",
];

const OUTSIDE: [&str; 12] = [
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "std::io",
    "std::os",
    "nix::",
    "rustix::",
    "Instant::now",
    "SystemTime::now",
    "RandomState",
];

fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_path_buf()];
    }
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| sources(&path)).collect()
}

/// The code of a file, without its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn the_pure_layers_touch_nothing_outside() {
    for module in PURE {
        for path in sources(&root().join(module)) {
            // Samples for tests are no part of the module.
            if path.ends_with("samples.rs") {
                continue;
            }
            let code = code(&path);
            for outside in OUTSIDE {
                assert!(!code.contains(outside), "{} uses {outside}", path.display());
            }
        }
    }
}

#[test]
fn imports_point_down() {
    let layer_of = |module: &str| LAYERS.iter().position(|layer| layer.contains(&module));
    for path in sources(&root()) {
        let relative = path.strip_prefix(root()).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = first.strip_suffix(".rs").unwrap_or(first);
        let Some(layer) = layer_of(module) else { continue };
        let code = code(&path);
        for (above, names) in LAYERS.iter().enumerate().filter(|(above, _)| *above > layer) {
            for name in *names {
                let direct = format!("crate::{name}");
                let listed = format!("\n    {name}::");
                let group =
                    code.split("use crate::{").nth(1).and_then(|rest| rest.split("\n};").next());
                let uses = code.contains(&direct)
                    || group.is_some_and(|group| format!("\n{group}").contains(&listed));
                assert!(!uses, "{} (layer {layer}) uses {name} (layer {above})", path.display());
            }
        }
    }
}
