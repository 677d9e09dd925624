//! Whether the server is the one that is trusted, and proves it (RFC 8446 sections 4.4.2 and 4.4.3).

use embedded_tls::pki::CertVerifier;
use embedded_tls::{
    Aes128GcmSha256, Certificate as Issuer, CertificateEntryRef, CertificateRef, CertificateVerifyRef, CryptoProvider,
    CryptoRngCore, NoClock, Sha256, SignatureScheme, TlsError, TlsVerifier,
};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{DerSignature, Signature, VerifyingKey};
use rand_core::CryptoRng;
use sha2::Digest as _;

use super::certificate::Certificate;
use super::trust::{Pin, Trust, Untrusted};

/// What embedded-tls is given: numbers, and who judges the server.
pub(super) struct Provider<'a, G> {
    rng: Numbers<'a, G>,
    pub(super) verifier: Verifier<'a>,
}

impl<'a, G: CryptoRng> Provider<'a, G> {
    /// An authority has to vouch for this host.
    pub(super) fn new(trust: Trust<'a>, host: &'a str, rng: &'a mut G) -> Self {
        Provider { rng: Numbers(rng), verifier: Verifier { trust, host, state: State::Nothing } }
    }
}

impl<G: CryptoRng> CryptoProvider for Provider<'_, G> {
    type CipherSuite = Aes128GcmSha256;
    type Signature = DerSignature;

    fn rng(&mut self) -> impl CryptoRngCore {
        &mut self.rng
    }

    fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Aes128GcmSha256>, TlsError> {
        Ok(&mut self.verifier)
    }
}

/// The judge of one server.
pub(super) struct Verifier<'a> {
    trust: Trust<'a>,
    host: &'a str,
    state: State,
}

enum State {
    /// It has shown nothing yet.
    Nothing,
    /// It has shown a certificate that is trusted, and has to sign what was said up to it.
    Shown(VerifyingKey, Sha256),
    Proven,
    Refused(Untrusted),
}

impl Verifier<'_> {
    /// Why the server is not trusted, if that was what ended it.
    pub(super) fn refused(&self) -> Option<Untrusted> {
        match self.state {
            State::Refused(why) => Some(why),
            _ => None,
        }
    }

    /// That it showed a certificate and then proved that it is its own.
    pub(super) fn proven(&self) -> Result<(), Untrusted> {
        if matches!(self.state, State::Proven) { Ok(()) } else { Err(Untrusted::Unproven) }
    }

    fn judge(&self, transcript: &Sha256, shown: CertificateRef<'_>) -> Result<VerifyingKey, Untrusted> {
        let Some(CertificateEntryRef::X509(bytes)) = shown.entries.first() else { return Err(Untrusted::Unproven) };
        let certificate = Certificate::parse(bytes).map_err(|_| Untrusted::Certificate)?;
        match self.trust {
            Trust::Pins(pins) => {
                let is_pinned = pins.iter().any(|pin| match pin {
                    Pin::Key(hash) => Sha256::digest(certificate.key_info)[..] == *hash,
                    Pin::Certificate(hash) => Sha256::digest(bytes)[..] == *hash,
                });
                if !is_pinned {
                    return Err(Untrusted::Pin);
                }
            }
            Trust::Authority { .. } if shown.entries.len() > 1 => return Err(Untrusted::Chain),
            Trust::Authority { certificate: authority, now } => {
                let (from, until) = certificate.valid;
                match now {
                    Some(now) if now > until => return Err(Untrusted::Expired),
                    Some(now) if now >= from => {}
                    _ => return Err(Untrusted::NotYetValid),
                }
                let mut verifier: CertVerifier<'_, Aes128GcmSha256, NoClock, 2_048> =
                    CertVerifier::new(Issuer::X509(authority));
                verifier
                    .set_hostname_verification(self.host)
                    .and_then(|()| verifier.verify_certificate(transcript, shown))
                    .map_err(|error| match error {
                        TlsError::InvalidCertificate => Untrusted::Authority,
                        _ => Untrusted::Certificate,
                    })?;
            }
        }
        certificate.key().ok_or(Untrusted::Key)
    }

    fn settle(&mut self, state: Result<State, Untrusted>) -> Result<(), TlsError> {
        let refused = state.is_err();
        self.state = state.unwrap_or_else(State::Refused);
        if refused { Err(TlsError::InvalidCertificate) } else { Ok(()) }
    }
}

impl TlsVerifier<Aes128GcmSha256> for Verifier<'_> {
    /// What it is told is what it has: the host.
    fn set_hostname_verification(&mut self, _: &str) -> Result<(), TlsError> {
        Ok(())
    }

    fn verify_certificate(&mut self, transcript: &Sha256, shown: CertificateRef<'_>) -> Result<(), TlsError> {
        let state = match self.state {
            State::Nothing => self.judge(transcript, shown).map(|key| State::Shown(key, transcript.clone())),
            // Twice.
            _ => Err(Untrusted::Unproven),
        };
        self.settle(state)
    }

    fn verify_signature(&mut self, proof: CertificateVerifyRef<'_>) -> Result<(), TlsError> {
        let state = match &self.state {
            State::Shown(key, transcript) if is_signed(key, transcript.clone(), &proof) => Ok(State::Proven),
            State::Shown(..) => Err(Untrusted::Signature),
            // Without a certificate, or twice.
            _ => Err(Untrusted::Unproven),
        };
        self.settle(state)
    }
}

/// Whether the server has signed with this key what was said.
fn is_signed(key: &VerifyingKey, transcript: Sha256, proof: &CertificateVerifyRef<'_>) -> bool {
    const WORDS: &[u8] = b"TLS 1.3, server CertificateVerify\0";
    let mut message = [b' '; 64 + WORDS.len() + 32];
    let (words, hash) = message[64..].split_at_mut(WORDS.len());
    words.copy_from_slice(WORDS);
    hash.copy_from_slice(&transcript.finalize());
    let is_ours = matches!(proof.signature_scheme, SignatureScheme::EcdsaSecp256r1Sha256);
    is_ours && Signature::from_der(proof.signature).is_ok_and(|signature| key.verify(&message, &signature).is_ok())
}

/// Numbers as embedded-tls wants them.
struct Numbers<'a, G>(&'a mut G);

impl<G: CryptoRng> rand_core_06::RngCore for Numbers<'_, G> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core_06::Error> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

impl<G: CryptoRng> rand_core_06::CryptoRng for Numbers<'_, G> {}
