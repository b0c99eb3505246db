//! Delivers files. To a child that is exec'ed: as memory files, which vanish with it.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use crate::{
    generation::Generation,
    process::{MemoryFile, MemoryFileError},
};

/// A file that could not be delivered.
#[derive(Debug)]
pub(crate) struct FileTrouble {
    path: String,
    cause: MemoryFileError,
}

impl fmt::Display for FileTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the file `{}` cannot be delivered: {}", self.path, self.cause)
    }
}

/// Memory files that must stay open until the exec, and their paths by variable.
pub(crate) type MemoryFiles = (Vec<MemoryFile>, BTreeMap<String, PathBuf>);

/// Writes the files of `generation` into memory, owned by `owner` (user and group id).
pub(crate) fn memory_files(
    generation: &Generation,
    owner: Option<(u32, u32)>,
) -> Result<MemoryFiles, FileTrouble> {
    let mut files = Vec::with_capacity(generation.files.len());
    let mut paths = BTreeMap::new();
    for file in &generation.files {
        let memory = MemoryFile::create(&file.path, file.content.expose(), file.mode, owner)
            .map_err(|cause| FileTrouble { path: file.path.clone(), cause })?;
        paths.insert(file.env.clone(), memory.path());
        files.push(memory);
    }
    Ok((files, paths))
}
