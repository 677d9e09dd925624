//! A small executor. It polls whoever was woken and nobody else, so that a lost wake-up shows as a standstill, and it
//! has the clock to itself: embassy-time's mock driver is one for all threads.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

use embassy_time::{Duration, Instant, MockDriver};

use super::{Rng, wire};

/// How far the clock is moved at a time: nothing may come later than its deadline by more than this.
pub(crate) const STEP: Duration = Duration::from_millis(10);
/// A conversation that takes more polls does not end.
const MAX_POLLS: u64 = 3_000_000;

static CLOCK: Mutex<()> = Mutex::new(());

/// Runs a future to its end, while the clock stands still.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let mut tasks = Tasks::new(0);
    let output = tasks.spawn(future);
    tasks.settle();
    output.take().expect("it hangs: nothing is ready, and nothing will be")
}

/// Runs a future to its end, and moves the clock on whenever nothing is ready.
pub(crate) fn run_timed<T>(future: impl Future<Output = T>) -> T {
    let mut tasks = Tasks::new(0);
    let output = tasks.spawn(future);
    tasks.settle();
    while !output.is_there() {
        assert!(Instant::now() < Instant::from_secs(2 * 3600), "it hangs: two hours have passed");
        tasks.advance(STEP);
    }
    output.take().expect("it is there")
}

/// That so much time has passed since `start`, and not a step more.
#[track_caller]
pub(crate) fn check_time(start: Instant, expected: Duration) {
    let elapsed = start.elapsed();
    assert!(elapsed >= expected, "too early: after {} ms, not {} ms", elapsed.as_millis(), expected.as_millis());
    assert!(elapsed <= expected + STEP, "too late: after {} ms, not {} ms", elapsed.as_millis(), expected.as_millis());
}

/// Futures with a waker each.
pub(crate) struct Tasks<'a> {
    tasks: Vec<Task<'a>>,
    /// Who comes next, of those that are ready.
    rng: Rng,
    polls: u64,
    _clock: MutexGuard<'static, ()>,
}

struct Task<'a> {
    future: Option<Pin<Box<dyn Future<Output = ()> + 'a>>>,
    bell: Arc<Bell>,
}

/// Whether a task was woken since its last poll, and how often it was polled.
struct Bell {
    rung: AtomicBool,
    polls: AtomicU64,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Relaxed);
    }
}

/// What a task came to.
pub(crate) struct Output<T> {
    value: Rc<Cell<Option<T>>>,
    bell: Arc<Bell>,
}

impl<T> Output<T> {
    pub(crate) fn take(&self) -> Option<T> {
        self.value.take()
    }

    pub(crate) fn is_there(&self) -> bool {
        let value = self.value.take();
        let is_there = value.is_some();
        self.value.set(value);
        is_there
    }

    /// How often the task was polled.
    pub(crate) fn polls(&self) -> u64 {
        self.bell.polls.load(Ordering::Relaxed)
    }
}

impl<'a> Tasks<'a> {
    /// Takes the clock, and begins at 0.
    pub(crate) fn new(seed: u64) -> Self {
        let clock = CLOCK.lock().unwrap_or_else(PoisonError::into_inner);
        MockDriver::get().reset();
        wire::forget();
        Tasks { tasks: Vec::new(), rng: Rng::new(seed), polls: 0, _clock: clock }
    }

    pub(crate) fn spawn<T: 'a>(&mut self, future: impl Future<Output = T> + 'a) -> Output<T> {
        let value = Rc::new(Cell::new(None));
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), polls: AtomicU64::new(0) });
        let output = Output { value: value.clone(), bell: bell.clone() };
        let future = Box::pin(async move { value.set(Some(future.await)) });
        self.tasks.push(Task { future: Some(future), bell });
        output
    }

    /// Polls who is ready, in any order, until nobody is.
    pub(crate) fn settle(&mut self) {
        self.settle_within(MAX_POLLS);
        assert!(self.polls < MAX_POLLS, "it goes on and on");
    }

    /// The same with so many polls at most: for tasks that wake themselves.
    pub(crate) fn settle_within(&mut self, polls: u64) {
        for _ in 0..polls {
            let is_ready = |task: &&mut Task<'_>| task.future.is_some() && task.bell.rung.load(Ordering::Relaxed);
            let ready = self.tasks.iter_mut().filter(is_ready).count() as u64;
            if ready == 0 {
                if wire::wake_later() { continue } else { return }
            }
            let chosen = self.rng.below(ready) as usize;
            if let Some(task) = self.tasks.iter_mut().filter(is_ready).nth(chosen) {
                task.poll();
            }
            if self.rng.coin() {
                wire::wake_later();
            }
            self.polls += 1;
        }
    }

    /// Moves the clock on, and polls who is ready by then.
    pub(crate) fn advance(&mut self, time: Duration) {
        MockDriver::get().advance(time);
        self.settle();
    }

    /// The same step by step, so that deadlines pass one after the other.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.advance(STEP.min(end - Instant::now()));
        }
    }

    /// Whether somebody was woken.
    pub(crate) fn are_ready(&self) -> bool {
        self.tasks.iter().any(|task| task.future.is_some() && task.bell.rung.load(Ordering::Relaxed))
    }

    /// Whether all tasks came to their end.
    pub(crate) fn are_done(&self) -> bool {
        self.tasks.iter().all(|task| task.future.is_none())
    }
}

impl Task<'_> {
    fn poll(&mut self) {
        self.bell.rung.store(false, Ordering::Relaxed);
        self.bell.polls.fetch_add(1, Ordering::Relaxed);
        let waker = Waker::from(self.bell.clone());
        let done =
            self.future.as_mut().is_some_and(|task| task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
        if done {
            self.future = None;
        }
    }
}
