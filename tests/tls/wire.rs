//! Servers of TLS that break its rules.
