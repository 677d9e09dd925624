//! Who is let in, and who is not.

use rcgen::{CertificateParams, Issuer, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use sockeye_embassy::tls::{OpenError, Pin, TlsError, Trust, Untrusted};
use sockeye_tests::Authority;
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::rustls::version;

use super::{accept, certificate_pin, key_pin, run, serve, serve_versions, visit, visit_as};

/// In 2026.
const NOW: Option<u64> = Some(1_795_000_000);

#[track_caller]
fn assert_untrusted(result: Result<(), OpenError>, why: Untrusted) {
    assert!(matches!(result, Err(OpenError::Untrusted(untrusted)) if untrusted == why), "{result:?}, not {why:?}");
}

#[test]
fn a_pinned_key_or_certificate_is_enough() {
    run(async {
        // It is for another name, and nobody knows the time: neither counts.
        let (certificate, key) = Authority::default().sign(&["elsewhere.example"], Some((1990, 1991)));
        let server = serve(&[certificate.der()], &key).await;
        let (by_key, by_certificate, other) = (key_pin(&key), certificate_pin(&certificate), Pin::Key([7; 32]));
        for pins in [&[by_key][..], &[by_certificate], &[other, by_key], &[by_certificate, other]] {
            for host in ["localhost", "127.0.0.1", "[::1]"] {
                visit_as(server, host, Trust::Pins(pins)).await.unwrap_or_else(|error| panic!("{pins:?}: {error}"));
            }
        }
    });
}

#[test]
fn others_than_the_pinned_one_are_not_trusted() {
    run(async {
        let authority = Authority::default();
        let (pinned, key) = authority.sign(&["localhost"], None);
        let (certificate, other) = authority.sign(&["localhost"], None);
        let server = serve(&[certificate.der(), pinned.der()], &other).await;
        for pins in [&[key_pin(&key)][..], &[certificate_pin(&pinned), key_pin(&key)], &[]] {
            assert_untrusted(visit(server, Trust::Pins(pins)).await, Untrusted::Pin);
        }
        // A pin of a key is none of a certificate.
        let Pin::Key(hash) = key_pin(&other) else { unreachable!() };
        assert_untrusted(visit(server, Trust::Pins(&[Pin::Certificate(hash)])).await, Untrusted::Pin);
    });
}

#[test]
fn to_show_the_certificate_is_not_to_have_the_key() {
    run(async {
        let authority = Authority::default();
        let (certificate, key) = authority.sign(&["localhost"], None);
        let server = serve(&[certificate.der()], &KeyPair::generate().expect("a key")).await;
        let by_authority = Trust::Authority { certificate: authority.der(), now: NOW };
        for trust in [Trust::Pins(&[key_pin(&key)]), Trust::Pins(&[certificate_pin(&certificate)]), by_authority] {
            assert_untrusted(visit(server, trust).await, Untrusted::Signature);
        }
    });
}

#[test]
fn an_authority_vouches_for_a_name() {
    run(async {
        let authority = Authority::default();
        let trust = Trust::Authority { certificate: authority.der(), now: NOW };
        let (certificate, key) = authority.sign(&["localhost", "hub.example", "*.lab.example"], None);
        let server = serve(&[certificate.der()], &key).await;
        for host in ["localhost", "HUB.example", "a.lab.example"] {
            visit_as(server, host, trust).await.unwrap_or_else(|error| panic!("{host}: {error}"));
        }
        for host in ["lab.example", "b.a.lab.example", "hub.example.org", "localhos"] {
            assert_untrusted(visit_as(server, host, trust).await, Untrusted::Authority);
        }
        for host in ["127.0.0.1", "[::1]", &"a.".repeat(33)] {
            let refused = visit_as(server, host, trust).await;
            assert!(matches!(refused, Err(OpenError::HostName)), "{host}: {refused:?}");
        }
    });
}

#[test]
fn an_authority_needs_the_time() {
    run(async {
        let authority = Authority::default();
        let at = |now| Trust::Authority { certificate: authority.der(), now };
        for (years, why) in [((2020, 2021), Untrusted::Expired), ((2040, 2041), Untrusted::NotYetValid)] {
            let (certificate, key) = authority.sign(&["localhost"], Some(years));
            let server = serve(&[certificate.der()], &key).await;
            assert_untrusted(visit(server, at(NOW)).await, why);
            // Nothing was said to it.
            assert!(matches!(visit(server, at(None)).await, Err(OpenError::NoClock)));
        }
        // To the second, both ends included: from 2020 to 2021.
        let (certificate, key) = authority.sign(&["localhost"], Some((2020, 2021)));
        let server = serve(&[certificate.der()], &key).await;
        for good in [1_577_836_800, 1_609_459_200] {
            visit(server, at(Some(good))).await.unwrap_or_else(|error| panic!("{good}: {error}"));
        }
        assert_untrusted(visit(server, at(Some(1_577_836_799))).await, Untrusted::NotYetValid);
        assert_untrusted(visit(server, at(Some(1_609_459_201))).await, Untrusted::Expired);
    });
}

#[test]
fn who_has_a_certificate_does_not_sign_others() {
    run(async {
        let authority = Authority::default();
        let (leaf, leaf_key) = authority.sign(&["sensor.example"], None);
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        let issuer = Issuer::new(CertificateParams::default(), leaf_key);
        let forged = params.signed_by(&key, &issuer).expect("a certificate");
        let trust = Trust::Authority { certificate: authority.der(), now: NOW };
        let chain = serve(&[forged.der(), leaf.der()], &key).await;
        assert_untrusted(visit(chain, trust).await, Untrusted::Chain);
        let alone = serve(&[forged.der()], &key).await;
        assert_untrusted(visit(alone, trust).await, Untrusted::Authority);
        let other = Authority::default();
        let (certificate, key) = other.sign(&["localhost"], None);
        let server = serve(&[certificate.der()], &key).await;
        assert_untrusted(visit(server, trust).await, Untrusted::Authority);
    });
}

#[test]
fn keys_that_it_does_not_have_arithmetic_for_are_named() {
    run(async {
        for algorithm in [&PKCS_ED25519, &PKCS_ECDSA_P384_SHA384] {
            let key = KeyPair::generate_for(algorithm).expect("a key");
            let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
            let certificate = params.self_signed(&key).expect("a certificate");
            let server = serve(&[certificate.der()], &key).await;
            assert_untrusted(visit(server, Trust::Pins(&[key_pin(&key)])).await, Untrusted::Key);
        }
    });
}

#[test]
fn what_is_no_certificate_is_not_trusted() {
    run(async {
        let (certificate, key) = Authority::default().sign(&["localhost"], None);
        let whole = certificate.der();
        // Cut anywhere up to the key; what comes after, a pin covers.
        for len in [0, 1, 4, 10, 100, 200] {
            let server = serve(&[&whole[..len]], &key).await;
            let pin = Pin::Certificate([0; 32]);
            let refused = visit(server, Trust::Pins(&[pin])).await;
            assert!(matches!(refused, Err(OpenError::Untrusted(_) | OpenError::Tls(_))), "{len} bytes: {refused:?}");
        }
    });
}

#[test]
fn a_server_with_other_tls_or_none_is_an_error() {
    run(async {
        let (certificate, key) = Authority::default().sign(&["localhost"], None);
        let pins = [key_pin(&key)];
        let old = serve_versions(&[certificate.der()], &key, &[&version::TLS12]).await;
        let refused = visit(old, Trust::Pins(&pins)).await;
        assert!(matches!(refused, Err(OpenError::Tls(TlsError::HandshakeAborted(..)))), "{refused:?}");
        for answer in
            [&b""[..], b"HTTP/1.1 400 Bad Request\r\n\r\n", &[0; 100], &[22, 3, 3, 0xff, 0xff], &[22, 3, 3, 0]]
        {
            let server = accept(async move |mut stream| {
                // It hangs up then.
                let _ = stream.write_all(answer).await;
            })
            .await;
            let refused = visit(server, Trust::Pins(&pins)).await;
            assert!(matches!(refused, Err(OpenError::Tls(_))), "{answer:?}: {refused:?}");
        }
    });
}
