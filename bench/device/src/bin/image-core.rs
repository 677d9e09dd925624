//! The core by itself on the board: what a byte costs it in each direction, and what a handshake does.
//!
//! A frame of 1 KiB and one of none are measured: the difference is the bytes'.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::hint::black_box;

use device_bench::board::counter::{between, now, start};
use device_bench::board::{CHROME, exit, print_line};
use rand_core::{TryCryptoRng, TryRng};
use sockeye::handshake::{Host, Origin};
use sockeye::{Kind, Receiver, Request, Response, Sender};

const LEN: usize = 1024;
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

#[cortex_m_rt::entry]
fn main() -> ! {
    start();
    let texts = [("ascii", "a"), ("two", "\u{e9}"), ("three", "\u{20ac}"), ("four", "\u{1f41f}")];
    for (name, character) in texts {
        unmask(name, Kind::Text, character.as_bytes());
    }
    unmask("binary", Kind::Binary, &[0xff]);
    mask();
    handshake();
    exit(0)
}

/// A client's frame of this unit repeated, and as much of `a` as does not divide by it.
fn unmask(name: &str, kind: Kind, unit: &[u8]) {
    let whole = LEN - LEN % unit.len();
    let payload = |at: usize| if at < whole { unit.get(at % unit.len()).copied().unwrap_or_default() } else { b'a' };
    let mut bytes = [0; 8 + LEN];
    let opcode = if kind == Kind::Text { 1 } else { 2 };
    let head = [0x80 | opcode, 0x80 | 126, (LEN >> 8) as u8, LEN as u8].into_iter().chain(KEY);
    let masked = (0..LEN).map(|at| payload(at) ^ KEY[at % KEY.len()]);
    for (to, byte) in bytes.iter_mut().zip(head.chain(masked)) {
        *to = byte;
    }
    let mut empty = [0x80 | opcode, 0x80, KEY[0], KEY[1], KEY[2], KEY[3]];
    let mut receiver = Receiver::server();
    let (nothing, none) = receive(&mut receiver, &mut empty);
    let (cost, len) = receive(&mut receiver, &mut bytes);
    if none != Some(0) || len != Some(LEN) {
        exit(1);
    }
    print_line(name, cost - nothing);
}

/// The instructions for a frame, and the bytes of its one chunk.
fn receive(receiver: &mut Receiver, mut input: &mut [u8]) -> (u32, Option<usize>) {
    let began = now();
    let event = black_box(receiver).next_event(black_box(&mut input));
    let ended = now();
    let len = match event {
        Ok(Some(sockeye::Event::Data(chunk))) if chunk.last => Some(chunk.payload.len()),
        _ => None,
    };
    (between(began, ended), len)
}

fn mask() {
    let mut sender = Sender::client(Counting(0));
    let mut cost = |payload: &mut [u8]| {
        let began = now();
        let head = black_box(&mut sender).chunk(Kind::Binary, payload.len() as u64, true);
        if let Ok(mut head) = head {
            head.mask(black_box(payload));
            black_box(head.bytes());
        }
        between(began, now())
    };
    let nothing = cost(&mut []);
    print_line("mask", cost(&mut [0; LEN]) - nothing);
}

/// A browser's request, to the 101.
fn handshake() {
    let mut out = [0; 256];
    let began = now();
    let accepted = accept(black_box(CHROME), &mut out);
    let ended = now();
    if accepted.is_none() {
        exit(1);
    }
    print_line("accept", between(began, ended));
}

fn accept(head: &[u8], out: &mut [u8]) -> Option<usize> {
    let (request, _) = Request::parse(head).ok()??;
    request.check_host(&Host::NAMELESS).ok()?;
    request.check_origin(&Origin::SAME).ok()?;
    Response::accept(&request, None).ok()?.write(out).ok()
}

/// Keys that are good enough to be counted.
struct Counting(u32);

impl TryRng for Counting {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9);
        Ok(self.0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.try_next_u32().map(u64::from)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for part in out.chunks_mut(4) {
            let word = self.try_next_u32()?.to_le_bytes();
            for (to, byte) in part.iter_mut().zip(word) {
                *to = byte;
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for Counting {}
