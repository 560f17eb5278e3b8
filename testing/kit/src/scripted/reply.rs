//! Answers that a script gives instead of the broker's own.

use bytes::Bytes;
use rivven_client::protocol::Response;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An answer that a script gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    #[serde(flatten)]
    body: Body,
    /// The correlation id, if it is not that of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Body {
    Error(String),
    ThrottledMs(u64),
    Payload(Hex),
}

impl Reply {
    /// `Error` with a text; [`ERROR_TEXTS`](crate::ERROR_TEXTS) has those of the broker.
    pub fn error(text: impl Into<String>) -> Self {
        Body::Error(text.into()).into()
    }

    /// `Throttled`, to be repeated after so many milliseconds.
    pub fn throttled_ms(wait_ms: u64) -> Self {
        Body::ThrottledMs(wait_ms).into()
    }

    /// Any response.
    pub fn response(response: &Response) -> Self {
        Self::payload(response.encode())
    }

    /// Any payload in a well-formed frame.
    pub fn payload(payload: impl Into<Bytes>) -> Self {
        Body::Payload(Hex(payload.into())).into()
    }

    /// The answer under another correlation id than that of the request.
    pub fn with_id(mut self, id: u32) -> Self {
        self.id = Some(id);
        self
    }

    /// The correlation id to answer under.
    pub(super) fn id(&self, asked: u32) -> u32 {
        self.id.unwrap_or(asked)
    }

    /// The payload of the frame.
    pub(crate) fn encode(&self) -> Bytes {
        match &self.body {
            Body::Error(message) => Response::Error { message: message.clone() }.encode(),
            Body::ThrottledMs(throttle_time_ms) => Response::Throttled {
                throttle_time_ms: *throttle_time_ms,
                quota_type: "produce_bytes_rate".into(),
                entity: "anonymous".into(),
            }
            .encode(),
            Body::Payload(Hex(payload)) => payload.clone(),
        }
    }
}

impl From<Body> for Reply {
    fn from(body: Body) -> Self {
        Reply { body, id: None }
    }
}

/// Bytes that JSON holds in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hex(pub Bytes);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&digits)
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let pairs = digits.as_bytes().chunks(2).map(|pair| match *pair {
            [high, low] => Some((digit(high)? << 4) | digit(low)?),
            _ => None,
        });
        let bytes: Option<Vec<u8>> = pairs.collect();
        bytes.map(|bytes| Hex(bytes.into())).ok_or_else(|| D::Error::custom("these are no pairs of hexadecimal digits"))
    }
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).map(|digit| digit as u8)
}
