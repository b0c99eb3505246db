//! Signals by name and number, real-time ones included.

use std::fmt;

use nix::libc;

use crate::fault::{Fault, nearest};

/// A signal number that the kernel knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Signal(i32);

const LAST: i32 = 64;

impl Signal {
    pub(crate) const TERM: Self = Self(libc::SIGTERM);
    pub(crate) const HUP: Self = Self(libc::SIGHUP);
    pub(crate) const INT: Self = Self(libc::SIGINT);
    pub(crate) const QUIT: Self = Self(libc::SIGQUIT);
    pub(crate) const KILL: Self = Self(libc::SIGKILL);
    pub(crate) const STOP: Self = Self(libc::SIGSTOP);
    pub(crate) const CONT: Self = Self(libc::SIGCONT);
    pub(crate) const CHLD: Self = Self(libc::SIGCHLD);
    pub(crate) const URG: Self = Self(libc::SIGURG);

    /// Parses `SIGTERM`, `TERM`, `15`, `SIGRTMIN+2` or `SIGRTMAX-1`.
    ///
    /// # Errors
    /// A [`Fault`] that names the nearest signal.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let name = text.strip_prefix("SIG").unwrap_or(text);
        let number = text
            .parse()
            .ok()
            .or_else(|| NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number))
            .or_else(|| real_time(name));
        match number {
            Some(number) if (1..=LAST).contains(&number) => Ok(Self(number)),
            _ => {
                let fault = Fault::new(0..text.len(), format!("`{text}` is not a signal"));
                let prefix = &text[..text.len() - name.len()];
                Err(match nearest(name, NAMES.iter().map(|(known, _)| *known)) {
                    Some(right) => fault.help(format!("did you mean `{prefix}{right}`?")),
                    None => fault.help("write a name as in `SIGTERM` or `SIGRTMIN+1`, or a number"),
                })
            }
        }
    }

    pub(crate) fn from_number(number: i32) -> Option<Self> {
        (1..=LAST).contains(&number).then_some(Self(number))
    }

    pub(crate) fn number(self) -> i32 {
        self.0
    }
}

fn real_time(name: &str) -> Option<i32> {
    let offset = |text: &str| if text.is_empty() { Some(0) } else { text.get(1..)?.parse().ok() };
    let (first, last) = (libc::SIGRTMIN(), libc::SIGRTMAX());
    let number = if let Some(rest) = name.strip_prefix("RTMIN") {
        first.checked_add((rest.is_empty() || rest.starts_with('+')).then(|| offset(rest))??)?
    } else {
        let rest = name.strip_prefix("RTMAX")?;
        last.checked_sub((rest.is_empty() || rest.starts_with('-')).then(|| offset(rest))??)?
    };
    (first..=last).contains(&number).then_some(number)
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, number)| *number == self.0) {
            Some((name, _)) => write!(f, "SIG{name}"),
            None => write!(f, "SIGRTMIN+{}", self.0 - libc::SIGRTMIN()),
        }
    }
}

const NAMES: [(&str, i32); 31] = [
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("ILL", libc::SIGILL),
    ("TRAP", libc::SIGTRAP),
    ("ABRT", libc::SIGABRT),
    ("BUS", libc::SIGBUS),
    ("FPE", libc::SIGFPE),
    ("KILL", libc::SIGKILL),
    ("USR1", libc::SIGUSR1),
    ("SEGV", libc::SIGSEGV),
    ("USR2", libc::SIGUSR2),
    ("PIPE", libc::SIGPIPE),
    ("ALRM", libc::SIGALRM),
    ("TERM", libc::SIGTERM),
    ("STKFLT", libc::SIGSTKFLT),
    ("CHLD", libc::SIGCHLD),
    ("CONT", libc::SIGCONT),
    ("STOP", libc::SIGSTOP),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("WINCH", libc::SIGWINCH),
    ("IO", libc::SIGIO),
    ("PWR", libc::SIGPWR),
    ("SYS", libc::SIGSYS),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_the_same_signals() {
        assert_eq!(Signal::parse("SIGTERM"), Ok(Signal::TERM));
        assert_eq!(Signal::parse("HUP"), Ok(Signal::HUP));
        assert_eq!(Signal::parse("15"), Ok(Signal::TERM));
        assert_eq!(Signal::parse("SIGRTMIN+2").map(Signal::number), Ok(libc::SIGRTMIN() + 2));
        assert_eq!(Signal::parse("RTMAX-1").map(Signal::number), Ok(libc::SIGRTMAX() - 1));
    }

    #[test]
    fn what_is_shown_parses_back() {
        for number in (1..=31).chain(libc::SIGRTMIN()..=libc::SIGRTMAX()) {
            assert_eq!(Signal::parse(&Signal(number).to_string()), Ok(Signal(number)));
        }
    }

    #[test]
    fn a_wrong_name_gets_the_nearest_right_one() {
        let fault = Signal::parse("SIGTREM").unwrap_err();
        assert_eq!(fault.help.as_deref(), Some("did you mean `SIGTERM`?"));
        for wrong in ["0", "65", "-1", "RTMIN-1", "RTMAX+1", "RTMIN+99", "", "RTMIN+é"] {
            assert!(Signal::parse(wrong).is_err(), "{wrong}");
        }
    }
}
