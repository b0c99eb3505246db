//! What a wrapper adds to the start of a program that does nothing, beside its peers.
//!
//! In each round every contender runs once, so that whatever else the machine does meets them all; a
//! contender is compared with the bare program *of the same round*, and medians leave the outliers out.
//! Each run is measured by `launch.c`, which says why it is not written in Rust.
//!
//! `START_RUNS` sets the number of rounds, `SUBLET_BIN` the binary under test.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

const ROUNDS: usize = 400;
/// A contender slower than this takes part in fewer rounds, down to one in `SPARSEST`.
const SLOW: Duration = Duration::from_millis(5);
const SPARSEST: usize = 10;

fn main() -> Result<ExitCode> {
    // `cargo test --all-targets` runs this too, and has no use for it.
    if !env::args().any(|arg| arg == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    let rounds = match env::var("START_RUNS") {
        Ok(rounds) => rounds.parse().context("START_RUNS")?,
        Err(_) => ROUNDS,
    };
    let bench = Bench::build()?;
    let mut notes = Vec::new();
    let mut contenders = Vec::new();
    for contender in bench.contenders()? {
        match bench.warm_up(contender) {
            Ok(contender) => contenders.push(contender),
            Err(why) => notes.push(format!("{why:#}")),
        }
    }
    for round in 0..rounds {
        bench.round(round, &mut contenders)?;
    }
    report(&mut io::stdout().lock(), rounds, &contenders, &notes)?;
    Ok(ExitCode::SUCCESS)
}

/// The programs this benchmark compiles, and a place for the projects it runs contenders in.
struct Bench {
    root: PathBuf,
    scratch: PathBuf,
    launch: PathBuf,
    bare: PathBuf,
}

struct Contender {
    name: &'static str,
    /// What stands before the program and its arguments; empty for the bare program.
    wrapper: Vec<OsString>,
    project: Project,
    /// Takes part in every so many rounds.
    every: usize,
    samples: Vec<Sample>,
}

/// A folder with a `.env` of so many variables.
#[derive(Clone)]
struct Project {
    dir: PathBuf,
    variables: usize,
}

#[derive(Clone, Copy)]
struct Sample {
    wall: Duration,
    /// This run's wall time over that of the bare program in the same round.
    over_bare: f64,
    ratio: f64,
    cpu: Duration,
    peak_rss_kb: u64,
}

impl Bench {
    fn build() -> Result<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("start");
        fs::create_dir_all(&scratch)?;
        let bare = scratch.join("true");
        compile("cc", &["-static", "-nostdlib"], &root.join("benches/true.c"), &bare)?;
        // musl makes the smaller launcher, and so the lower floor of what it can measure.
        let launch = scratch.join("launch");
        let cc = if which("musl-gcc").is_some() { "musl-gcc" } else { "cc" };
        compile(cc, &["-static", "-O2"], &root.join("benches/launch.c"), &launch)?;
        Ok(Self { root, scratch, launch, bare })
    }

    /// The bare program first: all others are compared with it.
    fn contenders(&self) -> Result<Vec<Contender>> {
        let empty = self.project("empty", 0, false)?;
        let ten = self.project("ten", 10, false)?;
        let manifest_ten = self.project("manifest-ten", 10, true)?;
        let manifest_many = self.project("manifest-many", 200, true)?;
        let sublet = &self.sublet();
        let peer = |path| self.root.join(".cache/peers").join(path).display().to_string();
        let dotenvx = &peer("node_modules/.bin/dotenvx");
        let dotenv_cli = &peer("node_modules/.bin/dotenv");
        let python_dotenv = &peer("python/bin/dotenv");

        let contender = |name, project: &Project, wrapper: &[&str]| Contender {
            name,
            wrapper: wrapper.iter().map(OsString::from).collect(),
            project: project.clone(),
            every: 1,
            samples: Vec::new(),
        };
        Ok(vec![
            contender("bare", &empty, &[]),
            contender("sublet, .env of 10", &ten, &[sublet, "--"]),
            contender("sublet run, 10 variables", &manifest_ten, &[sublet, "run", "--"]),
            contender("sublet run, 200 variables", &manifest_many, &[sublet, "run", "--"]),
            contender(
                "sublet run --supervise, 10 variables",
                &manifest_ten,
                &[sublet, "run", "--supervise", "--"],
            ),
            contender("env -i", &empty, &["env", "-i"]),
            contender("tini", &empty, &["tini", "-s", "--"]),
            contender("dumb-init", &empty, &["dumb-init", "--"]),
            contender("catatonit", &empty, &["catatonit", "--"]),
            contender("dotenv-cli (node), .env of 10", &ten, &[dotenv_cli, "--"]),
            contender("python-dotenv, .env of 10", &ten, &[python_dotenv, "run", "--"]),
            contender("dotenvx (node), .env of 10", &ten, &[dotenvx, "run", "--quiet", "--"]),
        ])
    }

    fn sublet(&self) -> String {
        env::var("SUBLET_BIN").unwrap_or_else(|_| {
            let target = env::var_os("CARGO_TARGET_DIR")
                .map_or_else(|| self.root.join("target"), PathBuf::from);
            let machine = env::consts::ARCH;
            target
                .join(format!("{machine}-unknown-linux-musl/release/sublet"))
                .display()
                .to_string()
        })
    }

    fn project(&self, name: &str, variables: usize, manifest: bool) -> Result<Project> {
        let dir = self.scratch.join(name);
        fs::create_dir_all(&dir)?;
        let mut dotenv = String::new();
        for i in 0..variables {
            writeln!(dotenv, "VARIABLE_{i:03}='a value of some forty characters, no. {i:03}'")?;
        }
        fs::write(dir.join(".env"), dotenv)?;
        if manifest {
            let toml =
                "[env]\nLOG_FORMAT = \"json\"\n\n[profiles.development]\ndotenv = [\".env\"]\n";
            fs::write(dir.join("sublet.toml"), toml)?;
        }
        Ok(Project { dir, variables })
    }

    /// Knows that the contender works, how slow it is, and has it in the page cache.
    fn warm_up(&self, mut contender: Contender) -> Result<Contender> {
        let name = contender.name;
        if let Some(program) = contender.wrapper.first_mut() {
            let path = which(&*program).with_context(|| format!("{name}: not installed"))?;
            *program = path.into();
        }
        verify(&contender).context(name)?;
        let mut walls = Vec::new();
        for _ in 0..3 {
            walls.push(self.run(&contender).context(name)?.wall);
        }
        let slowness = median(walls).as_micros() / SLOW.as_micros();
        contender.every = usize::try_from(slowness)?.clamp(1, SPARSEST);
        Ok(contender)
    }

    fn round(&self, round: usize, contenders: &mut [Contender]) -> Result<()> {
        let Some((bare, others)) = contenders.split_first_mut() else { bail!("nothing to run") };
        let floor = self.run(bare)?;
        bare.samples.push(floor);
        // Each starts one place further on than in the last round: nobody always goes first.
        let start = round % others.len().max(1);
        let (later, first) = others.split_at_mut(start);
        for contender in first.iter_mut().chain(later).filter(|c| round.is_multiple_of(c.every)) {
            let mut sample = self.run(contender).with_context(|| contender.name)?;
            sample.over_bare = sample.wall.as_secs_f64() - floor.wall.as_secs_f64();
            sample.ratio = sample.wall.div_duration_f64(floor.wall);
            contender.samples.push(sample);
        }
        Ok(())
    }

    fn run(&self, contender: &Contender) -> Result<Sample> {
        let output = in_project(self.launch.as_os_str(), contender)
            .args(&contender.wrapper)
            .arg(&self.bare)
            .output()?;
        let line = String::from_utf8(output.stdout)?;
        let numbers: Vec<u64> =
            line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [wall, cpu, peak_rss_kb, status] = numbers[..] else {
            bail!("launch printed {line:?}")
        };
        ensure!(status == 0, "exit status {status}");
        Ok(Sample {
            wall: Duration::from_nanos(wall),
            over_bare: 0.0,
            ratio: 1.0,
            cpu: Duration::from_micros(cpu),
            peak_rss_kb,
        })
    }
}

/// A wrapper that never runs its program would win: see that it does, with the variables of the `.env`
/// and none lost, and that it hands back the exit status.
fn verify(contender: &Contender) -> Result<()> {
    let program = ["/bin/sh", "-c", "env; exit 7"].map(OsStr::new);
    let command: Vec<&OsStr> =
        contender.wrapper.iter().map(OsString::as_os_str).chain(program).collect();
    let output = in_project(command[0], contender).args(&command[1..]).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let last_words = stderr.lines().last().unwrap_or("it said nothing");
    ensure!(output.status.code() == Some(7), "{} instead of 7: {last_words}", output.status);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let seen = stdout.lines().filter(|line| line.starts_with("VARIABLE_")).count();
    let expected = contender.project.variables;
    ensure!(seen == expected, "the program saw {seen} of {expected} variables");
    Ok(())
}

/// That program, in the contender's project and a small environment.
fn in_project(program: &OsStr, contender: &Contender) -> Command {
    let mut command = Command::new(program);
    command.current_dir(&contender.project.dir).env_clear();
    command.envs(["PATH", "HOME"].iter().filter_map(|name| Some((name, env::var_os(name)?))));
    command
}

fn compile(cc: &str, flags: &[&str], source: &Path, program: &Path) -> Result<()> {
    let status = Command::new(cc)
        .args(flags)
        .arg("-o")
        .args([program, source])
        .status()
        .context(cc.to_owned())?;
    ensure!(status.success(), "{cc} could not compile {}", source.display());
    Ok(())
}

/// Where on `PATH` the program is. Done here, so that no contender's time holds the search.
fn which(program: impl AsRef<Path>) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    // Joining an absolute path gives that path.
    env::split_paths(&path).map(|dir| dir.join(&program)).find(|candidate| candidate.is_file())
}

fn median<T: Copy + PartialOrd>(mut values: Vec<T>) -> T {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values[values.len() / 2]
}

fn report(
    out: &mut impl Write,
    rounds: usize,
    contenders: &[Contender],
    notes: &[String],
) -> Result<()> {
    writeln!(out, "| | runs | wall time, µs | over bare, µs | × bare | CPU, µs | peak RSS, kB |")?;
    writeln!(out, "|---|---:|---:|---:|---:|---:|---:|")?;
    for Contender { name, samples, .. } in contenders {
        let of = |field: fn(&Sample) -> f64| median(samples.iter().map(field).collect());
        writeln!(
            out,
            "| {name} | {} | {:.0} | {:.0} | {:.2} | {:.0} | {} |",
            samples.len(),
            of(|sample| sample.wall.as_secs_f64()) * 1e6,
            of(|sample| sample.over_bare) * 1e6,
            of(|sample| sample.ratio),
            of(|sample| sample.cpu.as_secs_f64()) * 1e6,
            median(samples.iter().map(|sample| sample.peak_rss_kb).collect()),
        )?;
    }
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    writeln!(out, "\nMedians of {rounds} rounds on Linux {}.", kernel.trim())?;
    if !notes.is_empty() {
        writeln!(out, "Left out: {}.", notes.join("; "))?;
    }
    Ok(())
}
