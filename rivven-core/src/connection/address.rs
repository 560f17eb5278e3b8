//! Server addresses as users write them.

use std::fmt;
use std::sync::Arc;

use crate::error::{Detail, Error, Result};
use crate::protocol::DEFAULT_PORT;

/// A server's host and port; names are resolved anew at every connect.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct ServerAddress {
    host: String,
    port: u16,
    text: Arc<str>,
}

impl ServerAddress {
    /// Reads `host:port`, `host` (port 9092), `[v6]:port` or `[v6]`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (host, port) = split(text.trim()).map_err(|why| {
            Error::ConfigError(Detail::new(format!(
                "server address {text:?} {why}: write host:port, for instance 127.0.0.1:9092 or [::1]:9092"
            )))
        })?;
        Ok(Self::of(host, port))
    }

    /// Reads all of these; what stands there twice is given once.
    pub(crate) fn parse_all(texts: &[String]) -> Result<Vec<Self>> {
        let mut addresses = Vec::new();
        for text in texts {
            let address = Self::parse(text)?;
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        Ok(addresses)
    }

    /// The address of a host, without brackets, and a port; `None` for what can be none.
    pub(crate) fn new(host: &str, port: u16) -> Option<Self> {
        (!host.is_empty() && port != 0).then(|| Self::of(host, port))
    }

    fn of(host: &str, port: u16) -> Self {
        let text = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        ServerAddress { host: host.to_owned(), port, text: text.into() }
    }

    /// The host name or IP address, without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The address as it stands in errors and logs.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }
}

impl fmt::Debug for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn split(text: &str) -> Result<(&str, u16), &'static str> {
    if text.contains("://") {
        return Err("has a scheme");
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("has no closing bracket")?;
        return match rest {
            _ if host.is_empty() => Err("has no host"),
            "" => Ok((host, DEFAULT_PORT)),
            _ => Ok((host, port(rest.strip_prefix(':').ok_or("has text behind the bracket")?)?)),
        };
    }
    let (host, port) = match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => return Err("has several colons"),
        Some((host, digits)) => (host, port(digits)?),
        None => (text, DEFAULT_PORT),
    };
    if host.is_empty() { Err("has no host") } else { Ok((host, port)) }
}

fn port(digits: &str) -> Result<u16, &'static str> {
    match digits.parse() {
        Ok(0) | Err(_) => Err("has no port between 1 and 65535"),
        Ok(port) => Ok(port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    #[test]
    fn every_accepted_form_is_read() {
        let cases = [
            ("localhost:9093", "localhost", 9093, "localhost:9093"),
            ("broker.example", "broker.example", 9092, "broker.example:9092"),
            ("[::1]:1", "::1", 1, "[::1]:1"),
            ("[fe80::2]", "fe80::2", 9092, "[fe80::2]:9092"),
            (" 127.0.0.1:65535 ", "127.0.0.1", 65535, "127.0.0.1:65535"),
        ];
        for (text, host, port, shown) in cases {
            let address = ServerAddress::parse(text).unwrap();
            assert_eq!((address.host(), address.port(), &**address.text()), (host, port, shown));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in ["", ":9092", "[]", "[]:9092", "a:b", "a:0", "a:65536", "::1", "[::1", "[::1]x", "http://a:1", "a:"]
        {
            assert_eq!(ServerAddress::parse(text).unwrap_err().code(), ErrorCode::InvalidConfig, "{text}");
        }
    }
}
