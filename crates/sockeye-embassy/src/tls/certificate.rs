//! What is needed of a certificate (RFC 5280 section 4.1).

use der::asn1::{GeneralizedTime, UtcTime};
use der::{Decode, Header, Reader, SliceReader, Tag, TagNumber};
use p256::ecdsa::VerifyingKey;

/// The parts that count.
pub(super) struct Certificate<'c> {
    /// Unix time, both included.
    pub(super) valid: (u64, u64),
    /// SubjectPublicKeyInfo.
    pub(super) key_info: &'c [u8],
}

/// A SubjectPublicKeyInfo of P-256 up to its point, which is not compressed (RFC 5480 section 2).
const P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

impl<'c> Certificate<'c> {
    /// From DER.
    pub(super) fn parse(bytes: &'c [u8]) -> der::Result<Self> {
        const VERSION: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
        let mut reader = SliceReader::new(bytes)?;
        // Certificate and its TBSCertificate: what comes after is not read.
        for _ in 0..2 {
            Header::decode(&mut reader)?.tag().assert_eq(Tag::Sequence)?;
        }
        if Header::peek(&reader)?.tag() == VERSION {
            reader.tlv_bytes()?;
        }
        // serialNumber, signature, issuer
        for tag in [Tag::Integer, Tag::Sequence, Tag::Sequence] {
            Header::peek(&reader)?.tag().assert_eq(tag)?;
            reader.tlv_bytes()?;
        }
        let mut validity = SliceReader::new(reader.tlv_bytes()?)?;
        Header::decode(&mut validity)?.tag().assert_eq(Tag::Sequence)?;
        let valid = (time(&mut validity)?, time(&mut validity)?);
        // subject
        reader.tlv_bytes()?;
        let key_info = reader.tlv_bytes()?;
        Ok(Certificate { valid, key_info })
    }

    /// Its key, if it is one of P-256.
    pub(super) fn key(&self) -> Option<VerifyingKey> {
        VerifyingKey::from_sec1_bytes(self.key_info.strip_prefix(P256)?).ok()
    }
}

fn time<'c>(reader: &mut impl Reader<'c>) -> der::Result<u64> {
    Ok(match Header::peek(reader)?.tag() {
        Tag::UtcTime => UtcTime::decode(reader)?.to_unix_duration(),
        _ => GeneralizedTime::decode(reader)?.to_unix_duration(),
    }
    .as_secs())
}
