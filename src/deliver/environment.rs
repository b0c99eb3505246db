//! The child's environment: the parent's, less what it must not see, plus the generation.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::CStr,
    path::PathBuf,
};

use crate::{
    generation::Generation,
    manifest::{Inherit, Run},
    process::{Account, EnvBlock, EnvError},
};

/// What the child would have inherited without us, and what it must not.
pub(crate) struct Parent<'a> {
    /// Byte for byte, in order.
    pub(crate) environ: &'a [&'static CStr],
    /// Variables that logged in to the sources.
    pub(crate) credentials: &'a BTreeSet<String>,
}

/// Builds the block. `paths` are the delivered files by the variable that names them; `account`
/// is the user that the child runs as, where that is not ours.
///
/// # Errors
/// A value with a NUL byte.
pub(crate) fn environment(
    parent: &Parent<'_>,
    generation: &Generation,
    paths: &BTreeMap<String, PathBuf>,
    run: &Run,
    account: Option<&Account>,
) -> Result<EnvBlock, EnvError> {
    use std::os::unix::ffi::OsStrExt;

    let user = account.map(|account| {
        let name = account.name.as_bytes();
        [("HOME", account.home.as_os_str().as_bytes()), ("USER", name), ("LOGNAME", name)]
    });
    let user = user.into_iter().flatten();
    let values = generation
        .variables
        .iter()
        .map(|variable| (variable.name.as_str(), variable.value.expose()))
        .chain(paths.iter().map(|(name, path)| (name.as_str(), path.as_os_str().as_bytes())));
    // What is delivered wins over what follows from the user.
    let mut delivered = user.collect::<BTreeMap<_, _>>();
    delivered.extend(values);

    let mut block = EnvBlock::default();
    for &entry in parent.environ {
        let name = name_of(entry);
        let replaced = std::str::from_utf8(name).is_ok_and(|name| {
            delivered.contains_key(name)
                || generation.removed.contains(name)
                || parent.credentials.contains(name)
        });
        if !replaced && inherits(run, name) {
            block.inherit(entry);
        }
    }
    for (name, value) in delivered {
        block.set(name.as_bytes(), value)?;
    }
    Ok(block)
}

/// The name of an entry; all of it where it has no `=`.
pub(crate) fn name_of(entry: &'static CStr) -> &'static [u8] {
    let bytes = entry.to_bytes();
    bytes.split(|byte| *byte == b'=').next().unwrap_or(bytes)
}

fn inherits(run: &Run, name: &[u8]) -> bool {
    let lists = |names: &[String]| names.iter().any(|listed| listed.as_bytes() == name);
    let passed = match &run.inherit {
        Inherit::All => true,
        Inherit::None => false,
        Inherit::Only(names) => lists(names),
    };
    passed && !lists(&run.strip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        generation::{DeliveredVariable, Reaction},
        secret::Secret,
    };

    fn block(environ: &[&'static CStr], generation: &Generation, run: &Run) -> EnvBlock {
        let credentials = BTreeSet::from(["TOKEN".to_owned()]);
        let parent = Parent { environ, credentials: &credentials };
        environment(&parent, generation, &BTreeMap::new(), run, None).unwrap()
    }

    fn delivered(name: &str, value: &str) -> Generation {
        let variable = DeliveredVariable {
            name: name.into(),
            value: Secret::from(value),
            on_change: Reaction::Restart,
        };
        Generation { variables: vec![variable], ..Generation::default() }
    }

    #[test]
    fn a_delivered_variable_replaces_every_inherited_one_of_its_name() {
        let block = block(&[c"A=1", c"B=2", c"A=3"], &delivered("A", "new"), &Run::default());
        assert_eq!(block.get(b"A"), Some(b"new".as_slice()));
        assert_eq!(block.get(b"B"), Some(b"2".as_slice()));
    }

    #[test]
    fn credentials_and_absent_optionals_do_not_reach_the_child() {
        let mut generation = delivered("A", "1");
        generation.removed.insert("STALE".to_owned());
        let block = block(&[c"TOKEN=t", c"STALE=s", c"KEEP=k"], &generation, &Run::default());
        assert_eq!(block.get(b"TOKEN"), None);
        assert_eq!(block.get(b"STALE"), None);
        assert_eq!(block.get(b"KEEP"), Some(b"k".as_slice()));
    }

    #[test]
    fn inherit_and_strip_choose_among_the_parents_variables() {
        let only = Inherit::Only(vec!["PATH".into(), "LANG".into()]);
        let run = Run { inherit: only, strip: vec!["LANG".into()], ..Run::default() };
        let block = block(&[c"PATH=p", c"LANG=l", c"OTHER=o"], &delivered("A", "1"), &run);
        assert_eq!(block.get(b"PATH"), Some(b"p".as_slice()));
        assert_eq!((block.get(b"LANG"), block.get(b"OTHER")), (None, None));
        assert_eq!(block.get(b"A"), Some(b"1".as_slice()));
    }
}
