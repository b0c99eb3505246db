//! What is known of a generation's future, and how its changes are seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    path::{Component, Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::report::{Future, Watched};
use crate::{plan::Plan, reference::Request, source::Outlook};

/// The shortest time after which a source is asked again.
const SHORTEST: Duration = Duration::from_secs(1);
/// How many links one path may go through.
const LINKS: usize = 16;

/// How the answers with these `outlooks` can change, and the `.env` files of the profile.
pub(super) fn future(
    plan: &Plan,
    folder: &Path,
    outlooks: &BTreeMap<Request, Outlook>,
    now: SystemTime,
) -> Future {
    let mut files = BTreeSet::new();
    let mut lengths = Vec::new();
    let mut can_change = false;
    if plan.watch.is_some() {
        files.extend(plan.dotenv.iter().map(|file| folder.join(file)));
    }
    for (request, outlook) in outlooks {
        let watch = watch_of(plan, request);
        match outlook {
            Outlook::Fixed => {}
            Outlook::Leased { ttl, .. } => lengths.push(*ttl * 2 / 3),
            Outlook::Expires { at } => {
                lengths.push(at.duration_since(now).unwrap_or_default() * 2 / 3);
            }
            Outlook::Polled { next } => {
                let next = next.and_then(|next| next.duration_since(now).ok());
                lengths.extend(watch.map(|watch| next.map_or(watch, |next| next.min(watch))));
            }
            Outlook::Files(paths) if watch.is_some() => files.extend(paths.iter().cloned()),
            Outlook::Files(_) => {}
        }
    }
    can_change |= !files.is_empty() || !lengths.is_empty();
    let watched = files.iter().flat_map(|path| watched(path)).collect::<BTreeSet<_>>();
    Future {
        can_change,
        watched: watched.into_iter().collect(),
        ask_again: lengths.into_iter().min().map(|length| length.max(SHORTEST)),
    }
}

/// How often to look at what `request` asks for: what its secrets say, else the profile.
fn watch_of(plan: &Plan, request: &Request) -> Option<Duration> {
    let named = plan
        .secrets
        .values()
        .filter(|secret| secret.references().any(|placed| placed.reference.request() == *request));
    named.filter_map(|secret| secret.watch).min().or(plan.watch)
}

/// Every entry that decides what `path` leads to: itself, each link on the way, and `..data`,
/// by which a Kubernetes volume swaps all of its files at once. Where a folder is not there yet,
/// the entry that would begin it.
fn watched(path: &Path) -> Vec<Watched> {
    let mut found = Vec::new();
    let mut queue = vec![path.to_path_buf()];
    for _ in 0..LINKS {
        let Some(path) = queue.pop() else { break };
        walk(&path, &mut found, &mut queue);
    }
    found
}

fn walk(path: &Path, found: &mut Vec<Watched>, queue: &mut Vec<PathBuf>) {
    let mut folder = PathBuf::new();
    let parts = path.components().collect::<Vec<_>>();
    for (index, part) in parts.iter().enumerate() {
        let Component::Normal(name) = part else {
            folder.push(part);
            continue;
        };
        let here = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.clone() };
        let entry = here.join(name);
        let metadata = fs::symlink_metadata(&entry);
        let link = metadata.as_ref().is_ok_and(fs::Metadata::is_symlink);
        if link || metadata.is_err() || index + 1 == parts.len() {
            found.push(Watched { folder: here.clone(), name: (*name).to_owned() });
        }
        if metadata.is_err() {
            return;
        }
        if link && let Ok(target) = fs::read_link(&entry) {
            let rest = parts[index + 1..].iter().collect::<PathBuf>();
            queue.push(here.join(target).join(rest));
            return;
        }
        folder.push(name);
    }
    // A folder as a source: what is in it counts.
    if path.is_dir() {
        found.push(Watched { folder: path.to_path_buf(), name: OsStr::new("").to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_watched_where_they_stand_and_where_they_lead() {
        let base = std::env::temp_dir().join(format!("sublet-watched-{}", std::process::id()));
        let volume = base.join("volume");
        fs::create_dir_all(volume.join("..1")).unwrap();
        fs::write(volume.join("..1/key"), "x").unwrap();
        symlink("..1", volume.join("..data")).unwrap();
        symlink("..data/key", volume.join("key")).unwrap();
        let found = watched(&volume.join("key"));
        let names = found.iter().map(|watched| watched.name.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(names, ["key", "..data", "key"]);
        let missing = watched(&base.join("no/such/file"));
        assert_eq!(missing, [Watched { folder: base.clone(), name: "no".into() }]);
        fs::remove_dir_all(base).unwrap();
    }
}
