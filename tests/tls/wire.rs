//! Servers that break the rules of TLS after a hello that is right: somebody on the way, who has no certificate.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use aws_lc_rs::digest::{Context, SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use aws_lc_rs::rand::SystemRandom;
use sockeye_embassy::tls::{OpenError, Pin, Trust, Untrusted};
use sockeye_tests::Authority;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{accept, certificate_pin, run, visit};

const HANDSHAKE: u8 = 22;
const ENCRYPTED_EXTENSIONS: &[u8] = &[8, 0, 0, 2, 0, 0];

/// A server after its hello (RFC 8446 section 7.1).
struct Impostor {
    stream: TcpStream,
    transcript: Context,
    secret: [u8; 32],
    /// Records sent.
    sent: u64,
}

impl Impostor {
    /// Reads the client's hello, and answers it with one of TLS_AES_128_GCM_SHA256 and P-256.
    async fn hello(mut stream: TcpStream) -> Self {
        let mut header = [0; 5];
        stream.read_exact(&mut header).await.expect("a record");
        let mut hello = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
        stream.read_exact(&mut hello).await.expect("a client's hello");
        let share = key_share(&hello);
        let own = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).expect("a key");
        let public = own.compute_public_key().expect("its public part");

        let extensions = [&[0, 43, 0, 2, 3, 4, 0, 51, 0, 69, 0, 23, 0, 65][..], public.as_ref()].concat();
        let mut answer = [&[3, 3][..], &[7; 32], &[0, 0x13, 1, 0]].concat();
        answer.extend((extensions.len() as u16).to_be_bytes());
        answer.extend(extensions);
        let answer = message(2, &answer);
        let record = [&[HANDSHAKE, 3, 3][..], &(answer.len() as u16).to_be_bytes(), &answer].concat();
        stream.write_all(&record).await.expect("it takes the hello");

        let mut transcript = Context::new(&SHA256);
        transcript.update(&hello);
        transcript.update(&answer);
        let shared = agree_ephemeral(own, UnparsedPublicKey::new(&ECDH_P256, share), (), |shared| {
            let early = extract(&[0; 32], &[0; 32]);
            Ok(extract(&expand(&early, "derived", digest(&SHA256, b"").as_ref()), shared))
        });
        let so_far = transcript.clone().finish();
        let secret = expand(&shared.expect("a secret"), "s hs traffic", so_far.as_ref());
        Impostor { stream, transcript, secret, sent: 0 }
    }

    /// Sends a message of the handshake, encrypted.
    async fn say(&mut self, message: &[u8]) {
        self.transcript.update(message);
        self.record(&[message, &[HANDSHAKE]].concat()).await;
    }

    /// The word that ends the server's part, right for all that was said.
    async fn finish(&mut self) {
        let so_far = self.transcript.clone().finish();
        let finished = extract(&expand(&self.secret, "finished", b""), so_far.as_ref());
        self.say(&message(20, &finished)).await;
    }

    /// Sends a record with this in it.
    async fn record(&mut self, inner: &[u8]) {
        let key = UnboundKey::new(&AES_128_GCM, &expand(&self.secret, "key", b"")[..16]).expect("a key");
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&expand(&self.secret, "iv", b"")[..12]);
        nonce[4..].iter_mut().zip(self.sent.to_be_bytes()).for_each(|(byte, count)| *byte ^= count);
        self.sent += 1;
        let len = u16::try_from(inner.len() + 16).expect("a short record").to_be_bytes();
        let header = [23, 3, 3, len[0], len[1]];
        let mut sealed = inner.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        LessSafeKey::new(key).seal_in_place_append_tag(nonce, Aad::from(header), &mut sealed).expect("it is sealed");
        // Who has had enough is gone.
        let _ = self.stream.write_all(&[&header[..], &sealed].concat()).await;
    }
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).expect("a short message").to_be_bytes();
    [&[kind], &len[1..], body].concat()
}

/// The client's share of P-256, from its hello.
fn key_share(hello: &[u8]) -> &[u8] {
    let at = hello.windows(8).position(|bytes| bytes[..2] == [0, 51] && bytes[6..] == [0, 23]);
    let at = at.expect("a share of P-256") + 10;
    &hello[at..at + 65]
}

/// HKDF-Extract (RFC 5869 section 2.2), and HMAC.
fn extract(salt: &[u8], input: &[u8]) -> [u8; 32] {
    sign(&Key::new(HMAC_SHA256, salt), input).as_ref().try_into().expect("32 bytes")
}

/// HKDF-Expand-Label (RFC 8446 section 7.1) to 32 bytes, unless the label is that of a key or a nonce.
fn expand(secret: &[u8], label: &str, context: &[u8]) -> [u8; 32] {
    let len = match label {
        "key" => 16,
        "iv" => 12,
        _ => 32,
    };
    let name = format!("tls13 {label}");
    let info = [&[0, len, name.len() as u8], name.as_bytes(), &[context.len() as u8], context, &[1]].concat();
    extract(secret, &info)
}

/// What a client, which trusts this certificate, says of a server that does so after its hello.
async fn verdict(pin: Pin, after: impl AsyncFn(&mut Impostor) + 'static) -> OpenError {
    let server = accept(async move |stream| {
        let mut impostor = Impostor::hello(stream).await;
        after(&mut impostor).await;
        // Until the client has had enough.
        let _ = impostor.stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    visit(server, Trust::Pins(&[pin])).await.expect_err("it is not trusted")
}

#[test]
fn a_server_that_finishes_without_a_proof_is_not_trusted() {
    run(async {
        let (certificate, _) = Authority::default().sign(&["localhost"], None);
        let pin = certificate_pin(&certificate);
        let der = certificate.der().as_ref();
        let len = u32::try_from(der.len()).expect("a short one").to_be_bytes();
        let list = [&len[1..], der, &[0, 0]].concat();
        let list_len = u32::try_from(list.len()).expect("a short one").to_be_bytes();
        let shown = message(11, &[&[0], &list_len[1..], &list].concat());
        // A signature of somebody's, of something.
        let proof = message(15, &[4, 3, 0, 8, 0x30, 6, 2, 1, 1, 2, 1, 1]);

        let parts: [(&str, Vec<Vec<u8>>, Untrusted); 5] = [
            ("neither certificate nor proof", vec![], Untrusted::Unproven),
            ("no proof", vec![shown.clone()], Untrusted::Unproven),
            ("no certificate", vec![proof.clone()], Untrusted::Unproven),
            ("a certificate too many", vec![shown.clone(), shown.clone()], Untrusted::Unproven),
            ("a proof that is none", vec![shown, proof], Untrusted::Signature),
        ];
        for (name, parts, why) in parts {
            let said = verdict(pin, async move |impostor| {
                impostor.say(ENCRYPTED_EXTENSIONS).await;
                for part in &parts {
                    impostor.say(part).await;
                }
                impostor.finish().await;
            })
            .await;
            assert!(matches!(said, OpenError::Untrusted(untrusted) if untrusted == why), "{name}: {said:?}");
        }
    });
}

#[test]
fn records_that_embedded_tls_panics_at_are_errors() {
    run(async {
        let pin = Pin::Certificate([0; 32]);
        let said = verdict(pin, async |impostor| impostor.record(b"").await).await;
        assert!(matches!(said, OpenError::Tls(_)), "no content: {said:?}");
        let said = verdict(pin, async |impostor| impostor.record(&[0; 20]).await).await;
        assert!(matches!(said, OpenError::Tls(_)), "nothing but padding: {said:?}");
        let said = verdict(pin, async |impostor| {
            let record = [&[HANDSHAKE, 3, 3, 0, 6][..], ENCRYPTED_EXTENSIONS].concat();
            impostor.stream.write_all(&record).await.expect("it is sent");
        })
        .await;
        assert!(matches!(said, OpenError::Tls(_)), "in the clear: {said:?}");
        let said = verdict(pin, async |impostor| impostor.say(&[24, 0, 0, 1, 0]).await).await;
        assert!(matches!(said, OpenError::Tls(_)), "a change of keys: {said:?}");
    });
}
