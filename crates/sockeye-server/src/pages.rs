//! The demo pages, compiled in.

/// A page or a part of one.
pub(crate) struct Page {
    pub(crate) path: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) body: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// The file of `examples/web` at a path.
macro_rules! page {
    ($path:literal, $content_type:expr, $file:literal) => {
        Page {
            path: $path,
            content_type: $content_type,
            body: include_bytes!(concat!("../../../examples/web/", $file)),
        }
    };
}

static PAGES: [Page; 8] = [
    page!("/", HTML, "index.html"),
    page!("/index.js", JAVASCRIPT, "index.js"),
    page!("/chat", HTML, "chat.html"),
    page!("/chat.js", JAVASCRIPT, "chat.js"),
    page!("/cursors", HTML, "cursors.html"),
    page!("/cursors.js", JAVASCRIPT, "cursors.js"),
    page!("/socket.js", JAVASCRIPT, "socket.js"),
    page!("/style.css", CSS, "style.css"),
];

/// The page at this path.
pub(crate) fn find(path: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.path == path)
}

impl Page {
    /// What goes with every page: nothing is loaded but from here, and nobody frames it.
    pub(crate) fn headers(&self) -> [(&'static str, &'static str); 5] {
        [
            ("Content-Type", self.content_type),
            (
                "Content-Security-Policy",
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                 base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cache-Control", "no-cache"),
        ]
    }
}
