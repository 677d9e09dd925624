//! Memory stays flat (RFC 6455 section 10.4): 16 MiB through 1 KiB, and floods, without one allocation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use rand::{SeedableRng, rngs::StdRng};
use sockeye::{Event, Kind, MAX_CONTROL, Masking, Receiver, Replies, Sender};

/// Counts what each thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator that counts is the only way to see that nothing is allocated")]
// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[track_caller]
fn without_allocation<T>(run: impl FnOnce() -> T) -> T {
    let before = ALLOCATIONS.get();
    let result = run();
    assert_eq!(ALLOCATIONS.get() - before, 0, "something was allocated");
    result
}

#[test]
fn the_counter_counts() {
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(vec![0u8; 100]));
    assert_eq!(ALLOCATIONS.get() - before, 1);
}

const LEN: u64 = 16 << 20;
const BUFFER: usize = 1024;

/// A message that repeats a pattern, which is of no length that divides the buffer.
struct Message {
    kind: Kind,
    pattern: Vec<u8>,
    len: u64,
}

impl Message {
    fn text() -> Self {
        // Characters of one to four bytes
        let pattern = "aé€𝄞 any text ".repeat(50).into_bytes();
        let len = LEN.next_multiple_of(pattern.len() as u64);
        Message { kind: Kind::Text, pattern, len }
    }

    fn binary() -> Self {
        let pattern = (0..4093u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
        Message { kind: Kind::Binary, pattern, len: LEN }
    }

    /// What the message has at `from` and after it.
    fn fill(&self, from: u64, out: &mut [u8]) {
        let mut at = (from % self.pattern.len() as u64) as usize;
        let mut rest = out;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at_mut(rest.len().min(self.pattern.len() - at));
            piece.copy_from_slice(&self.pattern[at..at + piece.len()]);
            (at, rest) = (0, after);
        }
    }
}

/// Sends a message in frames of `frame` bytes through one buffer, and receives it there.
fn pass<M: Masking>(mut sender: Sender<M>, mut receiver: Receiver, message: &Message, frame: u64) {
    let (kind, len) = (message.kind, message.len);
    let (mut buffer, mut expect) = ([0; BUFFER], [0; BUFFER]);
    let (mut sent, mut got, mut ended) = (0, 0, false);
    let mut receive = |bytes: &mut [u8]| {
        let mut input = bytes;
        while let Some(event) = receiver.next_event(&mut input).expect("a valid stream") {
            let Event::Data(chunk) = event else { panic!("not data") };
            let expect = &mut expect[..chunk.payload.len()];
            message.fill(got, expect);
            assert!(chunk.payload == expect && chunk.kind == kind, "at {got}");
            got += chunk.payload.len() as u64;
            ended = chunk.last;
        }
        assert!(input.is_empty());
    };
    while sent < len {
        let frame = frame.min(len - sent);
        let mut head = sender.chunk(kind, frame, sent + frame == len).expect("the sender is open");
        let bytes = &mut buffer[..head.bytes().len()];
        bytes.copy_from_slice(head.bytes());
        receive(bytes);
        let end = sent + frame;
        while sent < end {
            let piece = (end - sent).min(BUFFER as u64) as usize;
            let piece = &mut buffer[..piece];
            message.fill(sent, piece);
            head.mask(piece);
            sent += piece.len() as u64;
            receive(piece);
        }
    }
    assert_eq!((got, ended), (len, true));
}

#[test]
fn sixteen_mib_of_text_pass_through_one_kib() {
    let text = Message::text();
    for frame in [u64::MAX, 100_000] {
        without_allocation(|| pass(Sender::server(), Receiver::client(), &text, frame));
        let client = Sender::client(StdRng::seed_from_u64(1));
        without_allocation(|| pass(client, Receiver::server(), &text, frame));
    }
}

#[test]
fn sixteen_mib_of_binary_pass_through_one_kib() {
    let binary = Message::binary();
    for frame in [u64::MAX, 1000] {
        without_allocation(|| pass(Sender::server(), Receiver::client(), &binary, frame));
        let client = Sender::client(StdRng::seed_from_u64(2));
        without_allocation(|| pass(client, Receiver::server(), &binary, frame));
    }
}

#[test]
fn a_flood_of_fragments_costs_nothing() {
    const FRAMES: usize = 1_000_000;
    let mut receiver = Receiver::server();
    let chunks = without_allocation(|| {
        let mut chunks = 0;
        for i in 0..FRAMES {
            // A text of fragments without end: empty ones, and of one byte (masked with zeros).
            let first = u8::from(i == 0);
            let mut empty = [first, 0x80, 0, 0, 0, 0];
            let mut single = [first, 0x81, 0, 0, 0, 0, b'a'];
            let mut input = if i % 2 == 0 { &mut empty[..] } else { &mut single[..] };
            while let Some(event) = receiver.next_event(&mut input).expect("a valid stream") {
                assert!(matches!(event, Event::Data(chunk) if chunk.payload == b"a" && !chunk.last));
                chunks += 1;
            }
        }
        chunks
    });
    assert_eq!((chunks, receiver.in_message()), (FRAMES / 2, true));
}

#[test]
fn a_flood_of_pings_leaves_one_pong_owed() {
    const PINGS: u32 = 1_000_000;
    let (mut receiver, mut replies) = (Receiver::server(), Replies::new());
    without_allocation(|| {
        for i in 0..PINGS {
            let [a, b, c, d] = i.to_be_bytes();
            let mut ping = [0x89, 0x84, 0, 0, 0, 0, a, b, c, d];
            let mut input = &mut ping[..];
            match receiver.next_event(&mut input) {
                Ok(Some(Event::Ping(ping))) => replies.push(ping.reply()),
                other => panic!("{other:?}"),
            }
        }
    });
    let (newest, mut out) = (replies.pop().unwrap(), [0; MAX_CONTROL]);
    let sent = Sender::server().reply(&newest, &mut out).unwrap();
    assert_eq!(sent, [&[0x8a, 4], &(PINGS - 1).to_be_bytes()[..]].concat());
    assert!(replies.is_empty());
}
