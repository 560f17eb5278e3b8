//! The base URL of a registry.

use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::{Authority, Scheme};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::connection::ServerAddress;
use crate::error::{Detail, Error, Result};

/// What is escaped in a step of a path: all but the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where a registry is.
#[derive(Debug)]
pub(super) struct Base {
    server: ServerAddress,
    host_header: String,
    /// The path, without slashes at its end.
    path: String,
    encrypted: bool,
}

impl Base {
    /// Reads `http://host:8081/prefix/`.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let url = url.trim();
        if url.contains('@') {
            // It may hold a password, so it is not shown.
            return Err(invalid("the url of the schema registry holds a user name: this client sends none"));
        }
        Self::read(url)
            .map_err(|why| invalid(format!("the url of the schema registry {url:?} {why}: write http://host:8081")))
    }

    fn read(url: &str) -> Result<Self, &'static str> {
        let uri = Uri::from_str(url).map_err(|_| "cannot be read")?;
        let encrypted = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err("is neither http nor https"),
        };
        if url.contains(['?', '#']) {
            return Err("has a query or a fragment");
        }
        let authority = uri.authority().ok_or("has no host")?;
        Ok(Base {
            server: server(authority, if encrypted { 443 } else { 80 })?,
            host_header: authority.to_string(),
            path: uri.path().trim_end_matches('/').to_owned(),
            encrypted,
        })
    }

    /// The host and port.
    pub(super) fn server(&self) -> &ServerAddress {
        &self.server
    }

    /// The host and port as the URL writes them.
    pub(super) fn host_header(&self) -> &str {
        &self.host_header
    }

    /// Whether it is an `https` URL.
    pub(super) fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// The path of a request.
    pub(super) fn path_to(&self, resource: &str) -> String {
        format!("{}/{resource}", self.path)
    }
}

fn server(authority: &Authority, default_port: u16) -> Result<ServerAddress, &'static str> {
    let text = match authority.as_str() == authority.host() {
        true => format!("{authority}:{default_port}"),
        false => authority.to_string(),
    };
    ServerAddress::parse(&text).map_err(|_| "has a host or port that cannot be read")
}

/// A subject as a step of a path.
pub(super) fn escaped(subject: &str) -> Result<String> {
    match subject {
        "" => Err(invalid("the subject is empty")),
        // No escape keeps a server from taking these for a step to elsewhere.
        "." | ".." => Err(invalid(format!("the subject {subject:?} cannot stand in a url"))),
        _ => Ok(utf8_percent_encode(subject, ESCAPED).to_string()),
    }
}

fn invalid(text: impl Into<String>) -> Error {
    Error::Misuse(Detail::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    #[test]
    fn every_accepted_form_is_read() {
        let cases = [
            ("http://host:8081", "host:8081", "host:8081", "/x", false),
            ("http://host", "host:80", "host", "/x", false),
            ("HTTPS://host/", "host:443", "host", "/x", true),
            (" http://[::1]:81/a/b// ", "[::1]:81", "[::1]:81", "/a/b/x", false),
            ("https://[::1]", "[::1]:443", "[::1]", "/x", true),
        ];
        for (url, server, host, path, encrypted) in cases {
            let base = Base::parse(url).unwrap();
            let found = (&**base.server().text(), base.host_header(), base.path_to("x"), base.is_encrypted());
            assert_eq!(found, (server, host, path.to_owned(), encrypted), "{url}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for url in [
            "",
            "host",
            "host:8081",
            "/path",
            "ftp://host",
            "http://",
            "http://:80",
            "http://host:",
            "http://host:0",
            "http://host:99999",
            "http://host:x",
            "http://[::1",
            "http://host/?q=1",
            "http://host/#part",
            "http://host/a b",
            "http://user:secret@host",
        ] {
            let error = Base::parse(url).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{url}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn subjects_are_escaped() {
        assert_eq!(escaped("orders-value_1.~").unwrap(), "orders-value_1.~");
        assert_eq!(escaped("a b/ü%?#").unwrap(), "a%20b%2F%C3%BC%25%3F%23");
        for subject in ["", ".", ".."] {
            assert_eq!(escaped(subject).unwrap_err().code(), ErrorCode::InvalidArgument);
        }
    }
}
