//! Proxies of the client, honest and other.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use sockeye_tests::{Authority, Bystander, Server, pass, run_sockeye};

/// A proxy for one client: what it was asked, once it is over.
struct Proxy {
    url: String,
    thread: JoinHandle<String>,
}

impl Proxy {
    /// Answers so; if that is a yes, it leads to where it was asked to.
    fn answering(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
        let thread = thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client connects");
            let head = head(&mut client);
            client.write_all(answer.as_bytes()).expect("it is taken");
            if answer.starts_with("HTTP/1.1 200") {
                let target = head.split(' ').nth(1).expect("a target");
                let server = TcpStream::connect(target).expect("the server is there");
                let back = {
                    let (server, client) = (clone(&server), clone(&client));
                    thread::spawn(move || pass(server, client))
                };
                pass(client, server);
                back.join().expect("it ends");
            }
            head
        });
        Proxy { url, thread }
    }

    fn asked(self) -> String {
        self.thread.join().expect("the proxy's part went as it should")
    }
}

fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a request");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text")
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a socket")
}

#[test]
fn a_tunnel_leads_to_the_server() {
    let server = Server::start();
    let bystander = Bystander::on(server.address());
    let proxy = Proxy::answering("HTTP/1.1 200 Connection established\r\nVia: 1.1 here\r\n\r\n");
    let url = proxy.url.replace("http://", "http://us%40er:p%3ass@");
    let output = run_sockeye(&["connect", &server.url("/echo"), "--proxy", &url], b"through\n");
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"through\n"[..]), "{output:?}");
    let asked = proxy.asked();
    let address = server.address();
    // "us@er:p:ss"
    let credentials = "Proxy-Authorization: Basic dXNAZXI6cDpzcw==";
    assert_eq!(asked, format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n{credentials}\r\n\r\n"));
    bystander.assert_undisturbed();
}

#[test]
fn tls_goes_through_the_tunnel() {
    let authority = Authority::default();
    let issued = authority.issue(&["localhost"]);
    let server = Server::start_with(&issued.flags());
    let bystander = Bystander::on(authority.without_tls(server.address()));
    let proxy = Proxy::answering("HTTP/1.1 200 OK\r\n\r\n");
    let url = format!("wss://localhost:{}/echo", server.address().port());
    let ca = authority.file();
    let arguments = ["connect", &url, "--proxy", &proxy.url, "--ca", ca.to_str().expect("text")];
    let output = run_sockeye(&arguments, b"through\n");
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"through\n"[..]), "{output:?}");
    assert!(!proxy.asked().contains("GET"), "the request is for the server alone");
    bystander.assert_undisturbed();
}

#[test]
fn a_proxy_that_says_no_or_nonsense() {
    let server = Server::start();
    let bystander = Bystander::on(server.address());
    let long: &'static str = format!("HTTP/1.1 407 No\r\nX: {}\r\n\r\n", "x".repeat(9000)).leak();
    let cases = [
        ("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "no tunnel: status 407"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "no tunnel: status 502"),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "no tunnel: status 101"),
        ("SSH-2.0-OpenSSH\r\n\r\n", "closed the connection"),
        ("HTTP/1.1 20", "closed the connection"),
        ("", "closed the connection"),
        (long, "too long"),
    ];
    for (answer, said) in cases {
        let proxy = Proxy::answering(answer);
        let url = proxy.url.replace("http://", "http://user:s3cret-word@");
        let output = run_sockeye(&["connect", &server.url("/echo"), "--proxy", &url], b"");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{answer}: {stderr}");
        assert!(stderr.contains(said) && !stderr.contains("s3cret"), "{answer}: {stderr}");
        proxy.asked();
    }
    bystander.assert_undisturbed();
}

#[test]
fn a_proxy_that_speaks_in_the_servers_place() {
    let server = Server::start();
    let bystander = Bystander::on(server.address());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
    let proxy = thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client connects");
        head(&mut client);
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n").expect("it is taken");
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest);
        rest
    });
    let output = run_sockeye(&["connect", &server.url("/echo"), "--proxy", &url], b"");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(proxy.join().expect("it ends"), b"", "nothing was said to it");
    bystander.assert_undisturbed();
}

#[test]
fn a_uri_that_is_no_proxys() {
    let urls = [
        "proxy:3128",
        "https://proxy",
        "http://",
        "http://proxy:0",
        "http://a b",
        "http://proxy/path",
        "http://u:s3cret%zz@h",
    ];
    for url in urls {
        let output = run_sockeye(&["connect", "ws://127.0.0.1:1/", "--proxy", url], b"");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{url}: {stderr}");
        assert!(stderr.contains("--proxy") && !stderr.contains("s3cret"), "{url}: {stderr}");
    }
}
