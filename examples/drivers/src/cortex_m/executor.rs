//! embassy's executor, which sleeps. Its own for Cortex-M waits by WFE, and that is no sleep in QEMU.

use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m::asm;
use embassy_executor::{Spawner, raw};
use static_cell::StaticCell;

/// Whether a task was woken since the tasks were last polled.
static PENDED: AtomicBool = AtomicBool::new(false);

/// Runs the tasks that `init` spawns, and those that they spawn.
///
/// # Panics
///
/// When it is called again: there is one executor.
pub fn run(init: impl FnOnce(Spawner)) -> ! {
    static EXECUTOR: StaticCell<raw::Executor> = StaticCell::new();
    let executor = EXECUTOR.init(raw::Executor::new(ptr::null_mut()));
    init(executor.spawner());
    loop {
        PENDED.store(false, Ordering::Relaxed);
        // SAFETY: nothing else polls it: `init` has its place once, and this loop is not in a task.
        #[expect(unsafe_code, reason = "who polls must know that nobody else does")]
        unsafe {
            executor.poll();
        }
        // An interrupt that comes from here on stays pending, and ends the wait.
        critical_section::with(|_| {
            if !PENDED.load(Ordering::Relaxed) {
                asm::dsb();
                asm::wfi();
            }
        });
    }
}

/// The executor calls it, from wherever a task is woken.
#[expect(unsafe_code, reason = "the executor looks for this name")]
#[unsafe(export_name = "__pender")]
fn pender(_context: *mut ()) {
    PENDED.store(true, Ordering::Relaxed);
}
