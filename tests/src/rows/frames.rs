//! What clients send.

use crate::frame::{
    BINARY, BINARY_BEGINS, CLOSE, CONTINUES, ENDS, MASK, PING, PONG, TEXT, closing, head, head_of, masked,
};

/// What a client sends, told by a name, and the code of the close frame that answers it. Without the last byte it
/// would not be refused yet.
pub type Refused = (&'static str, Vec<u8>, u16);

/// Control frames that are too long or in pieces (RFC 6455 section 5.5).
pub fn control_frames() -> Vec<Refused> {
    let long = head_of(PING, 126, 2, Some(MASK))[1];
    vec![
        ("a ping of 126 bytes", vec![PING, long], 1002),
        ("a pong of 126 bytes", vec![PONG, long], 1002),
        ("a close of 126 bytes", vec![CLOSE, long], 1002),
        ("a ping with a 64-bit length", vec![PING, 0xff], 1002),
        ("a ping without FIN", vec![PING & 0x0f], 1002),
        ("a pong without FIN", vec![PONG & 0x0f], 1002),
        ("a close without FIN", vec![CLOSE & 0x0f], 1002),
    ]
}

/// Opcodes and bits that mean nothing yet (section 5.2).
pub fn reserved() -> Vec<Refused> {
    let opcodes =
        [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf].map(|opcode| ("a reserved opcode", vec![0x80 | opcode], 1002));
    let bits = [0x40, 0x20, 0x10, 0x70].map(|bits| ("a reserved bit", vec![TEXT | bits], 1002));
    let control = [0x40, 0x20, 0x10].map(|bits| ("a reserved bit of a ping", vec![PING | bits], 1002));
    [&opcodes[..], &bits, &control].concat()
}

/// A client's frames without a mask (section 5.1).
pub fn bare() -> Vec<Refused> {
    let bare = |first| vec![first, 0];
    vec![
        ("a text", bare(TEXT), 1002),
        ("a binary message", bare(BINARY), 1002),
        ("a ping", bare(PING), 1002),
        ("a close", bare(CLOSE), 1002),
    ]
}

/// Fragments out of their order (section 5.4).
pub fn fragments() -> Vec<Refused> {
    let masked_head = |first| head(first, 1, Some(MASK));
    vec![
        ("a continuation of nothing", masked_head(CONTINUES), 1002),
        ("the end of nothing", masked_head(ENDS), 1002),
        (
            "the end of a message that ended",
            [masked(BINARY_BEGINS, b"a"), masked(ENDS, b"b"), masked_head(ENDS)].concat(),
            1002,
        ),
        ("a message inside a message", [masked(BINARY_BEGINS, b"a"), masked_head(BINARY)].concat(), 1002),
        ("a fragment that begins anew", [masked(BINARY_BEGINS, b"a"), masked_head(BINARY_BEGINS)].concat(), 1002),
        ("a message after an empty fragment", [masked(BINARY_BEGINS, b""), masked_head(TEXT)].concat(), 1002),
    ]
}

/// Close frames that are wrong (sections 5.5.1 and 7.4).
pub fn closes() -> Vec<Refused> {
    let close = |payload: &[u8]| masked(CLOSE, payload);
    let mut cases = vec![
        ("one byte", close(&[3]), 1002),
        ("a reason that is not UTF-8", close(&closing(1000, b"\xff")), 1007),
        ("a reason that is cut", close(&closing(1000, b"\xe2\x82")), 1007),
    ];
    let codes = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 65535];
    cases.extend(codes.map(|code| ("a code that must not be sent", close(&closing(code, b"")), 1002)));
    cases
}

/// Texts that are none (section 8.1): it is said when it comes, not when the message ends.
pub fn texts() -> Vec<Refused> {
    vec![
        ("a byte that never occurs", masked(TEXT, b"\xff"), 1007),
        ("an overlong form", masked(TEXT, b"\xc0\xaf"), 1007),
        ("half a pair", masked(TEXT, b"\xed\xa0\x80"), 1007),
        ("beyond Unicode", masked(TEXT, b"\xf4\x90"), 1007),
        ("a text that is cut", masked(TEXT, b"\xe2\x82"), 1007),
        ("in the first fragment", masked(0x01, b"a\xff"), 1007),
        (
            "in the middle of a long frame",
            masked(TEXT, &[b'a'; 1000])[..8].iter().copied().chain([0xff ^ MASK[0]]).collect(),
            1007,
        ),
        ("over two fragments", [masked(0x01, b"\xe2"), masked(CONTINUES, b"\x28")].concat(), 1007),
    ]
}

/// Lengths that are not in their shortest form (section 5.2): how long, in how many bytes.
pub const LONG_FORMS: [(u64, usize); 6] = [(0, 2), (125, 2), (0, 8), (125, 8), (126, 8), (65535, 8)];

/// Lengths that a frame may claim, and some that it may not: of these the top bit is set.
pub const CLAIMS: [u64; 10] = [
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    (1 << 32) + 1,
    (1 << 32) + 125,
    1 << 48,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX - 3,
    u64::MAX,
];

/// A text and a ping, which may come with the request itself.
pub fn early() -> Vec<u8> {
    [masked(TEXT, b"early"), masked(PING, b"bird")].concat()
}
