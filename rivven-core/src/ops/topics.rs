//! Operations on topics.

use crate::protocol::{EncodeError, Operation, RequestFrame, Response, check_topic_name, encode};

/// Creates a topic; gives its number of partitions.
#[derive(Debug, Clone, Copy)]
pub struct CreateTopic<'a> {
    /// The name: 1-255 of `[a-zA-Z0-9._-]`, beginning with a letter or digit, without `..`.
    pub name: &'a str,
    /// The number of partitions, 1-1000; `None` for the broker's default.
    pub partitions: Option<u32>,
}

impl Operation for CreateTopic<'_> {
    type Output = u32;

    /// Not repeatable: the repeated call of a success says that the topic exists.
    const REPEATABLE: bool = false;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        check_topic_name(self.name)?;
        RequestFrame::new(&encode::CreateTopic { name: self.name, partitions: self.partitions })
    }

    fn decode(response: Response) -> Result<u32, Response> {
        match response {
            Response::TopicCreated { partitions, .. } => Ok(partitions),
            other => Err(other),
        }
    }
}

/// Lists the names of all topics, in no order.
#[derive(Debug, Clone, Copy)]
pub struct ListTopics;

impl Operation for ListTopics {
    type Output = Vec<String>;

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        RequestFrame::new(&encode::ListTopics {})
    }

    fn decode(response: Response) -> Result<Vec<String>, Response> {
        match response {
            Response::Topics { topics } => Ok(topics),
            other => Err(other),
        }
    }
}

/// Deletes a topic.
///
/// Broker release 0.0.22 keeps the log files: a topic created anew under the
/// same name has the old records.
#[derive(Debug, Clone, Copy)]
pub struct DeleteTopic<'a> {
    /// The name.
    pub name: &'a str,
}

impl Operation for DeleteTopic<'_> {
    type Output = ();

    /// Not repeatable: the repeated call of a success says that there is no such topic.
    const REPEATABLE: bool = false;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        check_topic_name(self.name)?;
        RequestFrame::new(&encode::DeleteTopic { name: self.name })
    }

    fn decode(response: Response) -> Result<(), Response> {
        match response {
            Response::TopicDeleted => Ok(()),
            other => Err(other),
        }
    }
}

/// Asks for the name and the number of partitions of a topic; never creates it.
#[derive(Debug, Clone, Copy)]
pub struct GetMetadata<'a> {
    /// The topic.
    pub topic: &'a str,
}

impl Operation for GetMetadata<'_> {
    type Output = (String, u32);

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        check_topic_name(self.topic)?;
        RequestFrame::new(&encode::GetMetadata { topic: self.topic })
    }

    fn decode(response: Response) -> Result<(String, u32), Response> {
        match response {
            Response::Metadata { name, partitions } => Ok((name, partitions)),
            other => Err(other),
        }
    }
}
