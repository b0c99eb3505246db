//! Whom the child runs as: found out before anything is fetched, taken on just before the child is executed.

use std::ffi::CString;
use std::fmt;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{
    Gid, Group, ResGid, ResUid, Uid, User, getgrouplist, getresgid, getresuid, setgroups,
    setresgid, setresuid, setuid,
};

use super::capabilities;

/// What changes between us and the child.
///
/// - A user brings its primary group and its supplementary groups; a group that is named replaces the primary one.
/// - A name of digits is a number. A number that no account has is taken, with no supplementary groups; but then its
///   group must be named, for there is none to be known (and to guess `root`, as containers do, gives rights away).
/// - A group alone changes the group and nothing else.
/// - A user that we are already changes nothing: neither groups nor capabilities. That needs no privilege.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Privileges {
    account: Option<Account>,
    user: Option<Uid>,
    group: Option<Gid>,
    supplementary: Option<Vec<Gid>>,
    forbid_gains: bool,
}

/// What the user database says of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) home: PathBuf,
    pub(crate) shell: PathBuf,
    uid: Uid,
    gid: Gid,
}

impl Privileges {
    pub(crate) fn resolve(
        user: Option<&str>,
        group: Option<&str>,
        no_new_privileges: bool,
    ) -> Result<Self, PrivilegeError> {
        let group = group.map(find_group).transpose()?;
        let nothing = Self {
            account: None,
            user: None,
            group,
            supplementary: None,
            forbid_gains: no_new_privileges,
        };
        let Some(user) = user else { return Ok(nothing) };

        let (uid, account) = find_user(user)?;
        if is_ours(uid, group)? {
            return Ok(Self { account, group: None, ..nothing });
        }
        let gid = match (group, &account) {
            (Some(gid), _) => gid,
            (None, Some(account)) => account.gid,
            (None, None) => return Err(PrivilegeError::GroupNeeded { uid: uid.as_raw() }),
        };
        let supplementary = Some(supplementary(account.as_ref(), gid)?);
        Ok(Self {
            account,
            user: Some(uid),
            group: Some(gid),
            supplementary,
            forbid_gains: no_new_privileges,
        })
    }

    /// Becomes the user, for good. Not to be called while other threads run.
    ///
    /// The kernel forgets a parent-death signal when the user changes: ask for one afterwards.
    pub(crate) fn drop(&self) -> Result<(), PrivilegeError> {
        if let Some(groups) = &self.supplementary {
            setgroups(groups).map_err(PrivilegeError::change(Step::Supplementary))?;
        }
        if let Some(gid) = self.group {
            setresgid(gid, gid, gid)
                .map_err(PrivilegeError::change(Step::Group { gid: gid.as_raw() }))?;
        }
        if let Some(uid) = self.user {
            setresuid(uid, uid, uid)
                .map_err(PrivilegeError::change(Step::User { uid: uid.as_raw() }))?;
            // The kernel does this by itself only on the way from root to another user.
            capabilities::give_up_all().map_err(PrivilegeError::change(Step::Capabilities))?;
            if !uid.is_root() && setuid(Uid::from_raw(0)).is_ok() {
                return Err(PrivilegeError::NotGivenUp { uid: uid.as_raw() });
            }
        }
        if self.forbid_gains {
            prctl::set_no_new_privs().map_err(PrivilegeError::change(Step::NoNewPrivileges))?;
        }
        Ok(())
    }

    /// Whose `HOME`, `USER` and `LOGNAME` the child should see. None where no user was named, or the number has no
    /// account.
    pub(crate) fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// Whom the child's files must belong to. None where they are the child's as they are.
    pub(crate) fn owner(&self) -> Option<(u32, u32)> {
        Some((self.user?.as_raw(), self.group?.as_raw()))
    }
}

/// Whether these are who we are, and nothing else is kept in reserve.
fn is_ours(uid: Uid, group: Option<Gid>) -> Result<bool, PrivilegeError> {
    let users = getresuid().map_err(PrivilegeError::change(Step::User { uid: uid.as_raw() }))?;
    let Some(gid) = group else {
        return Ok(users == ResUid { real: uid, effective: uid, saved: uid });
    };
    let groups = getresgid().map_err(PrivilegeError::change(Step::Group { gid: gid.as_raw() }))?;
    Ok(users == ResUid { real: uid, effective: uid, saved: uid }
        && groups == ResGid { real: gid, effective: gid, saved: gid })
}

fn find_user(user: &str) -> Result<(Uid, Option<Account>), PrivilegeError> {
    let database = |errno| PrivilegeError::Database { name: user.to_owned(), errno };
    let account = match number(user)? {
        Some(uid) => match User::from_uid(Uid::from_raw(uid)).map_err(database)? {
            Some(account) => account,
            None => return Ok((Uid::from_raw(uid), None)),
        },
        None => User::from_name(user)
            .map_err(database)?
            .ok_or_else(|| PrivilegeError::UnknownUser { name: user.to_owned() })?,
    };
    let User { name, uid, gid, dir: home, shell, .. } = account;
    Ok((uid, Some(Account { name, home, shell, uid, gid })))
}

fn find_group(group: &str) -> Result<Gid, PrivilegeError> {
    if let Some(gid) = number(group)? {
        return Ok(Gid::from_raw(gid));
    }
    Group::from_name(group)
        .map_err(|errno| PrivilegeError::Database { name: group.to_owned(), errno })?
        .map(|group| group.gid)
        .ok_or_else(|| PrivilegeError::UnknownGroup { name: group.to_owned() })
}

/// None where it is a name. The largest number means "unchanged" to the kernel, so nobody can be it.
fn number(id: &str) -> Result<Option<u32>, PrivilegeError> {
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    match id.parse() {
        Ok(u32::MAX) | Err(_) => Err(PrivilegeError::NoSuchNumber { id: id.to_owned() }),
        Ok(id) => Ok(Some(id)),
    }
}

fn supplementary(account: Option<&Account>, gid: Gid) -> Result<Vec<Gid>, PrivilegeError> {
    let Some(account) = account else { return Ok(Vec::new()) };
    let name = CString::new(account.name.as_str())
        .map_err(|_| PrivilegeError::UnknownUser { name: account.name.clone() })?;
    getgrouplist(&name, gid)
        .map_err(|errno| PrivilegeError::Database { name: account.name.clone(), errno })
}

/// Why the child cannot run as whom it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PrivilegeError {
    UnknownUser { name: String },
    UnknownGroup { name: String },
    NoSuchNumber { id: String },
    GroupNeeded { uid: u32 },
    Database { name: String, errno: Errno },
    Change { step: Step, errno: Errno },
    NotGivenUp { uid: u32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Supplementary,
    Group { gid: u32 },
    User { uid: u32 },
    Capabilities,
    NoNewPrivileges,
}

impl PrivilegeError {
    fn change(step: Step) -> impl Fn(Errno) -> Self {
        move |errno| Self::Change { step, errno }
    }
}

impl fmt::Display for PrivilegeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownUser { name } => {
                write!(
                    f,
                    "there is no user {name:?}: name one of this machine or container, or give a number"
                )
            }
            Self::UnknownGroup { name } => {
                write!(
                    f,
                    "there is no group {name:?}: name one of this machine or container, or give a number"
                )
            }
            Self::NoSuchNumber { id } => {
                write!(f, "{id} is no user or group: the numbers end at 4294967294")
            }
            Self::GroupNeeded { uid } => {
                write!(
                    f,
                    "user {uid} has no account here, so its group is not known: name one (`group = \"{uid}\"`)"
                )
            }
            Self::Database { name, errno } => {
                write!(f, "cannot look up {name:?} among the users and groups: {}", errno.desc())
            }
            Self::Change { step, errno } => {
                write!(f, "cannot {step}: {}", errno.desc())?;
                match (step, errno) {
                    (Step::User { .. }, Errno::EPERM) => {
                        f.write_str("; that needs root or CAP_SETUID")
                    }
                    (Step::Group { .. }, Errno::EPERM) => {
                        f.write_str("; that needs root or CAP_SETGID")
                    }
                    (Step::Supplementary, Errno::EPERM) => f.write_str(
                        "; that needs root or CAP_SETGID, and a user namespace whose `setgroups` is not `deny`",
                    ),
                    (
                        Step::User { .. } | Step::Group { .. } | Step::Supplementary,
                        Errno::EINVAL,
                    ) => f.write_str("; the number does not exist in this user namespace"),
                    _ => Ok(()),
                }
            }
            Self::NotGivenUp { uid } => {
                write!(
                    f,
                    "became user {uid}, but could become root again: not starting the program like that"
                )
            }
        }
    }
}

impl std::error::Error for PrivilegeError {}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Supplementary => f.write_str("set the supplementary groups"),
            Self::Group { gid } => write!(f, "become group {gid}"),
            Self::User { uid } => write!(f, "become user {uid}"),
            Self::Capabilities => f.write_str("give up capabilities"),
            Self::NoNewPrivileges => f.write_str("set no-new-privileges"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(user: Option<&str>, group: Option<&str>) -> Result<Privileges, PrivilegeError> {
        Privileges::resolve(user, group, false)
    }

    fn ours() -> String {
        nix::unistd::getuid().to_string()
    }

    #[test]
    fn digits_are_numbers_and_all_else_names() {
        assert_eq!(number("1000"), Ok(Some(1000)));
        assert_eq!(number("app"), Ok(None));
        assert_eq!(number("1app"), Ok(None));
        assert_eq!(number("-1"), Ok(None));
        assert_eq!(number(""), Ok(None));
        for id in ["4294967295", "4294967296", "99999999999999999999"] {
            assert_eq!(number(id), Err(PrivilegeError::NoSuchNumber { id: id.into() }));
        }
    }

    #[test]
    fn unknown_names_are_errors_that_name_them() {
        let error = resolve(Some("no such user"), None).unwrap_err();
        assert_eq!(error, PrivilegeError::UnknownUser { name: "no such user".into() });
        let error = resolve(None, Some("")).unwrap_err();
        assert_eq!(error, PrivilegeError::UnknownGroup { name: String::new() });
        assert!(resolve(Some("nul\0"), None).is_err());
        assert!(resolve(None, Some("nul\0")).is_err());
    }

    #[test]
    fn nothing_asked_for_changes_nothing() {
        let nothing = resolve(None, None).unwrap();
        assert_eq!((nothing.owner(), nothing.account()), (None, None));
        assert_eq!(nothing.drop(), Ok(()));
    }

    #[test]
    fn the_user_we_are_changes_nothing() {
        let same = resolve(Some(&ours()), None).unwrap();
        assert_eq!((same.user, same.group, &same.supplementary), (None, None, &None));
        assert_eq!(same.drop(), Ok(()));
        let group = nix::unistd::getgid().to_string();
        assert_eq!(resolve(Some(&ours()), Some(&group)).unwrap(), same);
    }

    #[test]
    fn a_group_alone_leaves_the_rest() {
        let group = resolve(None, Some("4242")).unwrap();
        assert_eq!(group.group, Some(Gid::from_raw(4242)));
        assert_eq!((group.user, &group.supplementary), (None, &None));
    }

    #[test]
    fn a_number_without_an_account_needs_its_group_named() {
        let error = resolve(Some("3999999999"), None).unwrap_err();
        assert_eq!(error, PrivilegeError::GroupNeeded { uid: 3_999_999_999 });
        let known = resolve(Some("3999999999"), Some("4242")).unwrap();
        assert_eq!(known.owner(), Some((3_999_999_999, 4242)));
        assert_eq!((known.account(), &known.supplementary), (None, &Some(Vec::new())));
    }

    #[test]
    fn missing_rights_are_explained() {
        let message = |step, errno| PrivilegeError::Change { step, errno }.to_string();
        assert_eq!(
            message(Step::User { uid: 33 }, Errno::EPERM),
            "cannot become user 33: Operation not permitted; that needs root or CAP_SETUID"
        );
        assert_eq!(
            message(Step::Supplementary, Errno::EPERM),
            "cannot set the supplementary groups: Operation not permitted; \
             that needs root or CAP_SETGID, and a user namespace whose `setgroups` is not `deny`"
        );
    }
}
