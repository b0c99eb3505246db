//! `sublet check`: resolves everything and shows what the child would receive, without values.

use std::collections::BTreeSet;

use clap::Args;
use serde::Serialize;

use super::{
    Failure, Inherited, args::ProjectArgs, git, origin, print, project::Project, table::table,
};
use crate::{
    plan::candidates,
    resolve::{Reach, Resolved},
};

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Ask only sources that need no network and run no program
    #[arg(long)]
    offline: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    ok: bool,
    profile: String,
    manifest: Option<String>,
    variables: Vec<Item>,
    files: Vec<Item>,
    /// Requests that a source did not answer.
    unanswered: Vec<Refusal>,
    /// `.env` files with values that git tracks.
    tracked: Vec<String>,
}

#[derive(Serialize)]
struct Item {
    name: String,
    /// Where the winning candidate stands.
    from: String,
    references: Vec<String>,
    status: Status,
    reason: Option<String>,
}

#[derive(Serialize)]
struct Refusal {
    request: String,
    kind: &'static str,
    message: String,
    needed_by: Vec<String>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Ok,
    Missing,
    /// Optional and without a value.
    Absent,
    /// Its source did not answer.
    Unanswered,
    /// Its source was not asked: `--offline`.
    NotAsked,
}

pub(crate) fn run(arguments: CheckArgs, inherited: Inherited) -> Result<i32, Failure> {
    let set = arguments.project.set()?;
    let project = Project::open(&arguments.project, &inherited)?;
    let reach = if arguments.offline { Reach::Offline } else { Reach::Everything };
    let resolved = project.resolve(&set, reach)?;
    let report = report(&project, &resolved);
    let text = if arguments.json { json(&report)? } else { text(&project, &report) };
    print(text.as_bytes())?;
    Ok(i32::from(!report.ok))
}

fn report(project: &Project, resolved: &Resolved) -> Report {
    let tracked = git::tracked_with_values(project);
    let unanswered = resolved.lacking.unanswered.iter().map(|lack| Refusal {
        request: lack.request.to_string(),
        kind: lack.error.kind.name(),
        message: lack.error.to_string(),
        needed_by: lack.needed_by.clone(),
    });
    Report {
        ok: resolved.lacking.is_empty() && tracked.is_empty(),
        profile: project.plan.profile.clone(),
        manifest: project.path.as_ref().map(|path| path.display().to_string()),
        variables: variables(project, resolved),
        files: files(project, resolved),
        unanswered: unanswered.collect(),
        tracked,
    }
}

fn variables(project: &Project, resolved: &Resolved) -> Vec<Item> {
    let plan = &project.plan;
    let names = plan.variables.keys();
    let names = names.chain(&resolved.layers.set).chain(resolved.layers.dotenv.keys());
    let delivered =
        |name: &str| resolved.generation.variables.iter().any(|variable| variable.name == name);
    let names = names.collect::<BTreeSet<_>>().into_iter();
    names
        .map(|name| {
            let winner = candidates(plan, &resolved.layers, name).next();
            let winner = winner.as_ref();
            let template = winner.and_then(origin::template);
            let references = template.map(|written| origin::sources(plan, written));
            let (status, reason) = status(resolved, name, delivered(name));
            Item {
                name: name.clone(),
                from: winner.map_or_else(|| "nothing".to_owned(), origin::place),
                references: shown(references.unwrap_or_default()),
                status,
                reason,
            }
        })
        .collect()
}

fn files(project: &Project, resolved: &Resolved) -> Vec<Item> {
    let plan = &project.plan;
    let delivered =
        |path: &str| resolved.generation.files.iter().any(|content| content.path == path);
    let files = plan.files.iter().map(|file| {
        let name = format!("file {}", file.path);
        let outside = resolved.layers.gives(&file.env);
        let (status, reason) = status(resolved, &name, delivered(&file.path) || outside);
        let references = origin::sources(plan, &file.content);
        Item {
            name: file.path.clone(),
            from: if outside { format!("the variable {}", file.env) } else { "[files]".to_owned() },
            references: if outside { Vec::new() } else { shown(references) },
            status,
            reason,
        }
    });
    files.collect()
}

fn shown(sources: Vec<(Option<String>, crate::reference::Reference)>) -> Vec<String> {
    sources.into_iter().map(|(_, reference)| reference.to_string()).collect()
}

fn status(resolved: &Resolved, name: &str, delivered: bool) -> (Status, Option<String>) {
    let lacking = &resolved.lacking;
    if let Some(missing) = lacking.missing.iter().find(|missing| missing.name == name) {
        return (Status::Missing, Some(missing.reason.clone()));
    }
    let needs = |needed_by: &[String]| needed_by.iter().any(|needed| needed == name);
    if let Some(lack) = lacking.unanswered.iter().find(|lack| needs(&lack.needed_by)) {
        return (Status::Unanswered, Some(lack.error.to_string()));
    }
    if delivered {
        (Status::Ok, None)
    } else if let Some(absent) = lacking.absent.iter().find(|absent| absent.name == name) {
        (Status::Absent, Some(absent.reason.clone()))
    } else {
        (Status::NotAsked, None)
    }
}

fn json(report: &Report) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(report);
    text.map(|text| text + "\n").map_err(|_| Failure::new("the report cannot be written as JSON"))
}

fn text(project: &Project, report: &Report) -> String {
    let mut rows = vec![["NAME", "FROM", "STATUS"].map(str::to_owned)];
    for item in report.variables.iter().chain(&report.files) {
        let from = match item.references.as_slice() {
            [] => item.from.clone(),
            references => references.join(", "),
        };
        rows.push([item.name.clone(), from, word(item.status).to_owned()]);
    }
    let mut text = format!("profile {} of {}\n\n", report.profile, project.name());
    text.push_str(&table(&rows));
    let problems = problems(report);
    if !problems.is_empty() {
        text.push('\n');
        text.push_str(&problems.join("\n"));
        text.push('\n');
    }
    text
}

fn problems(report: &Report) -> Vec<String> {
    let missing = report.variables.iter().chain(&report.files).filter_map(|item| {
        let reason = item.reason.as_ref()?;
        match item.status {
            Status::Missing => Some(format!("missing {}: {reason}", item.name)),
            Status::Absent => Some(format!("absent {}: {reason}", item.name)),
            Status::Ok | Status::Unanswered | Status::NotAsked => None,
        }
    });
    let unanswered = report.unanswered.iter().map(|refusal| {
        let needed = refusal.needed_by.join(", ");
        format!("{} `{}`: {} (needed by {needed})", refusal.kind, refusal.request, refusal.message)
    });
    let tracked = report.tracked.iter().map(|file| {
        format!(
            "tracked `{file}` holds values and is in git; run `git rm --cached {file}`, add it to \
             .gitignore, and replace the values: they are in the history"
        )
    });
    missing.chain(unanswered).chain(tracked).collect()
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Missing => "MISSING",
        Status::Absent => "absent (optional)",
        Status::Unanswered => "UNANSWERED",
        Status::NotAsked => "not asked (offline)",
    }
}
