//! Operations on topics.

use std::collections::HashMap;

use crate::protocol::{
    DeleteRecordsResult, EncodeError, Operation, RequestFrame, Response, TopicConfigValue, check_topic_name, encode,
    list,
};

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
        take!(response, Response::TopicCreated { partitions, .. } => partitions)
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
        take!(response, Response::Topics { topics } => topics)
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
        take!(response, Response::TopicDeleted => ())
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
        take!(response, Response::Metadata { name, partitions } => (name, partitions))
    }
}

/// Raises the number of partitions of a topic; gives the new number.
///
/// Keys may belong to other partitions afterwards.
#[derive(Debug, Clone, Copy)]
pub struct CreatePartitions<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The new number, larger than the present one.
    pub count: u32,
}

impl Operation for CreatePartitions<'_> {
    type Output = u32;

    /// Not repeatable: the repeated call of a success says that the number is not larger.
    const REPEATABLE: bool = false;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        check_topic_name(self.topic)?;
        let assignments: &[Vec<String>] = &[];
        RequestFrame::new(&encode::CreatePartitions {
            topic: self.topic,
            new_partition_count: self.count,
            assignments: &assignments,
        })
    }

    fn decode(response: Response) -> Result<u32, Response> {
        take!(response, Response::PartitionsCreated { new_partition_count, .. } => new_partition_count)
    }
}

/// The settings of topics: topic -> key -> value.
pub type TopicConfigs = HashMap<String, HashMap<String, TopicConfigValue>>;

/// Asks for the settings of topics; of all with changed settings if none is named.
#[derive(Debug, Clone, Copy)]
pub struct DescribeTopicConfigs<'a, T> {
    /// The topics; unknown ones are answered with the defaults.
    pub topics: &'a [T],
}

impl<T: AsRef<str>> Operation for DescribeTopicConfigs<'_, T> {
    type Output = TopicConfigs;

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        self.topics.iter().try_for_each(|topic| check_topic_name(topic.as_ref()))?;
        RequestFrame::new(&encode::DescribeTopicConfigs { topics: &list(self.topics.iter().map(T::as_ref)) })
    }

    fn decode(response: Response) -> Result<TopicConfigs, Response> {
        take!(response, Response::TopicConfigsDescribed { configs } => {
            configs.into_iter().map(|description| (description.topic, description.configs)).collect()
        })
    }
}

/// Changes settings of a topic, or takes them back to their defaults.
///
/// The changes are not made together: those before a bad one stay.
#[derive(Debug, Clone, Copy)]
pub struct AlterTopicConfig<'a> {
    /// The topic.
    pub topic: &'a str,
    /// Keys and their new values; `None` takes the default back.
    pub configs: &'a [(&'a str, Option<&'a str>)],
}

/// What [`AlterTopicConfig`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlterTopicConfigResult {
    /// The topic.
    pub topic: String,
    /// How many settings were changed.
    pub changed_count: usize,
}

impl Operation for AlterTopicConfig<'_> {
    type Output = AlterTopicConfigResult;

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        check_topic_name(self.topic)?;
        RequestFrame::new(&encode::AlterTopicConfig { topic: self.topic, configs: &list(self.configs.iter().copied()) })
    }

    fn decode(response: Response) -> Result<AlterTopicConfigResult, Response> {
        take!(response, Response::TopicConfigAltered { topic, changed_count } => {
            AlterTopicConfigResult { topic, changed_count }
        })
    }
}

/// Deletes the records of partitions below an offset each.
///
/// Broker release 0.0.22 forgets this when it restarts, unless whole segments went.
#[derive(Debug, Clone, Copy)]
pub struct DeleteRecords<'a> {
    /// The topic.
    pub topic: &'a str,
    /// Partitions and the first offset to keep in each.
    pub before: &'a [(u32, u64)],
}

impl Operation for DeleteRecords<'_> {
    type Output = Vec<DeleteRecordsResult>;

    const REPEATABLE: bool = true;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        check_topic_name(self.topic)?;
        RequestFrame::new(&encode::DeleteRecords { topic: self.topic, partition_offsets: &self.before })
    }

    fn decode(response: Response) -> Result<Vec<DeleteRecordsResult>, Response> {
        take!(response, Response::RecordsDeleted { results, .. } => results)
    }
}
