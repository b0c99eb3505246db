//! `sublet explain NAME`: which candidate won, what it beat, and what it is made of.

use clap::Args;

use super::{Failure, Inherited, args::ProjectArgs, origin, print, project::Project};
use crate::{
    fault::nearest,
    plan::{Candidate, Layers, Plan, candidates},
    resolve::{Reach, named_outside},
};

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// The variable, or the path of a file under `[files]`
    #[arg(value_name = "NAME")]
    name: String,
}

pub(crate) fn run(arguments: ExplainArgs, inherited: Inherited) -> Result<i32, Failure> {
    let set = arguments.project.set()?;
    let project = Project::open(&arguments.project, &inherited)?;
    let layers = named_outside(&project.question(&set, Reach::Offline)).map_err(Failure::new)?;
    let text = match file(&project.plan, &layers, &arguments.name) {
        Some(text) => text,
        None => variable(&project.plan, &layers, &arguments.name)?,
    };
    print(format!("{text}  profile  {} of {}\n", project.plan.profile, project.name()).as_bytes())?;
    Ok(0)
}

fn variable(plan: &Plan, layers: &Layers, name: &str) -> Result<String, Failure> {
    let found = candidates(plan, layers, name).collect::<Vec<_>>();
    let planned = plan.variables.get(name);
    if found.is_empty() && planned.is_none() {
        let parent = layers.parent.iter().filter_map(|(name, _)| std::str::from_utf8(name).ok());
        let known = plan.variables.keys().chain(layers.dotenv.keys()).map(String::as_str);
        let hint = match nearest(name, known.chain(parent)) {
            Some(right) => format!("; did you mean `{right}`?"),
            None => String::new(),
        };
        return Err(Failure::new(format!("nothing gives a variable `{name}` a value{hint}")));
    }
    let mut text = format!("{name}\n");
    if let Some(description) = planned.and_then(|planned| planned.description.as_ref()) {
        text.push_str(&line("what", description));
    }
    let mut found = found.into_iter();
    match found.next() {
        Some(winner) => {
            text.push_str(&line("wins", &shown(&winner)));
            text.push_str(&made_of(plan, &winner));
        }
        None => text.push_str(&line("wins", "nothing: no candidate has a value")),
    }
    for loser in found {
        let beaten = matches!(loser, Candidate::Default(_));
        text.push_str(&line(if beaten { "else" } else { "beats" }, &shown(&loser)));
    }
    if let Some(planned) = planned {
        let required = if planned.required {
            "required: the command is not started without it"
        } else {
            "optional: without a value it is removed from the environment"
        };
        text.push_str(&line("is", required));
    }
    Ok(text)
}

/// A file under `[files]`, by its path or by the variable that holds its path.
fn file(plan: &Plan, layers: &Layers, name: &str) -> Option<String> {
    let file = plan.files.iter().find(|file| file.path == name || file.env == name)?;
    if layers.gives(&file.env) {
        // A variable from outside takes the file's place.
        return None;
    }
    let mut text = format!("{name}\n");
    if name == file.env {
        text.push_str(&line("is", &format!("the path of the file {}", file.path)));
    }
    text.push_str(&line("wins", &format!("[files] {:?}", file.content.text)));
    text.push_str(&references(plan, &file.content));
    text.push_str(&line("path", &format!("in the variable {}", file.env)));
    text.push_str(&line("mode", &format!("{:04o}", file.mode)));
    Some(text)
}

fn shown(candidate: &Candidate<'_>) -> String {
    let place = origin::place(candidate);
    match origin::template(candidate) {
        Some(written) => format!("{place} {:?}", written.text),
        None => place,
    }
}

fn made_of(plan: &Plan, candidate: &Candidate<'_>) -> String {
    origin::template(candidate).map(|written| references(plan, written)).unwrap_or_default()
}

fn references(plan: &Plan, written: &crate::manifest::Written) -> String {
    let mut text = String::new();
    for name in origin::defaults(plan, written) {
        text.push_str(&line("from", &format!("{name} = its default, where it has no other value")));
    }
    for (name, reference) in origin::sources(plan, written) {
        text.push_str(&line(
            "from",
            &match name {
                Some(name) => format!("{name} = {reference}"),
                None => reference.to_string(),
            },
        ));
    }
    text
}

fn line(label: &str, value: &str) -> String {
    format!("  {label:<7}  {value}\n")
}
