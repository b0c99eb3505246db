//! Runs the futures of local sources side by side on one thread: `poll(2)` and nothing else.
//!
//! A local source waits for nothing but descriptors, so all it takes is one list of them. The
//! futures know no executor but through [`Waits`].

use std::{
    cell::RefCell,
    future::Future,
    os::fd::{AsFd, OwnedFd},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// What futures wait for: descriptors, each with a deadline.
#[derive(Default)]
pub(crate) struct Waits(RefCell<Vec<(Rc<OwnedFd>, Instant)>>);

impl Waits {
    /// Waits until `fd` can be read or is closed by the other side: `true`; or `deadline`: `false`.
    pub(super) async fn readable(&self, fd: &Rc<OwnedFd>, deadline: Instant) -> bool {
        Readable { waits: self, fd, deadline }.await
    }
}

struct Readable<'a> {
    waits: &'a Waits,
    fd: &'a Rc<OwnedFd>,
    deadline: Instant,
}

impl Future for Readable<'_> {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<bool> {
        let mut waiting = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
        // An interrupted or failed poll is asked again by the executor.
        if poll(&mut waiting, PollTimeout::ZERO).is_ok_and(|ready| ready > 0) {
            return Poll::Ready(true);
        }
        if Instant::now() >= self.deadline {
            return Poll::Ready(false);
        }
        self.waits.0.borrow_mut().push((Rc::clone(self.fd), self.deadline));
        Poll::Pending
    }
}

/// Runs all `futures` to their ends and returns their outputs in order.
pub(super) fn run_all<T>(
    futures: Vec<Pin<Box<dyn Future<Output = T> + '_>>>,
    waits: &Waits,
) -> Vec<T> {
    let mut tasks = futures.into_iter().map(Task::Running).collect::<Vec<_>>();
    loop {
        waits.0.borrow_mut().clear();
        let mut context = Context::from_waker(Waker::noop());
        for task in &mut tasks {
            if let Task::Running(future) = task
                && let Poll::Ready(output) = future.as_mut().poll(&mut context)
            {
                *task = Task::Done(output);
            }
        }
        if tasks.iter().all(|task| matches!(task, Task::Done(_))) {
            break;
        }
        wait(&waits.0.borrow());
    }
    tasks
        .into_iter()
        .filter_map(|task| match task {
            Task::Done(output) => Some(output),
            Task::Running(_) => None,
        })
        .collect()
}

enum Task<'a, T> {
    Running(Pin<Box<dyn Future<Output = T> + 'a>>),
    Done(T),
}

/// Sleeps until one of the descriptors is ready or the first deadline has come.
fn wait(waits: &[(Rc<OwnedFd>, Instant)]) {
    let Some(first) = waits.iter().map(|(_, deadline)| *deadline).min() else { return };
    // One millisecond more than what is left, so that the deadline has passed on waking.
    let left = first.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    let mut set =
        waits.iter().map(|(fd, _)| PollFd::new(fd.as_fd(), PollFlags::POLLIN)).collect::<Vec<_>>();
    // Whatever the outcome, the futures look for themselves.
    let _ = poll(&mut set, timeout);
}
