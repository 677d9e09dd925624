//! What all images share: the machine, the script of a client, and the counter.

mod clock;
pub mod counter;
mod frames;
mod machine;
mod script;
mod stack;
mod wire;

use core::future::Future;
use core::hint::black_box;
use core::pin::{Pin, pin};
use core::task::{Context, Waker};

pub use machine::{exit, print_line};
pub use script::CHROME;
pub use wire::{Reader, Stream, Writer};

/// Serves each connection of the script, and prints what it cost: lines of a name and a number, with `wrong` behind it
/// where the answer was not what it should be.
///
/// Of `buffers`, the bytes that the library wants, so many are `inside` of the future of `serve`.
pub fn run<T>(mut serve: impl AsyncFnMut() -> T, buffers: usize, inside: usize) -> ! {
    counter::start();
    for (number, steps) in script::CONNECTIONS.iter().enumerate() {
        wire::begin(steps);
        let future = pin!(serve());
        let state = size_of_val(&*future) - inside;
        let stack = depth(future);
        if number == 0 {
            print_line("state", state as u32);
            print_line("buffers", buffers as u32);
            print_line("stack", stack);
        }
    }
    exit(0)
}

/// Runs a connection to its end, and says how deep the stack was.
#[inline(never)]
fn depth(mut future: Pin<&mut impl Future>) -> u32 {
    let stack = stack::paint();
    while !is_done(future.as_mut()) {}
    wire::end();
    stack.depth()
}

/// Apart, so that all that the future has on the stack lies below the paint's begin.
#[inline(never)]
fn is_done(future: Pin<&mut impl Future>) -> bool {
    black_box(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}
