//! The words in which a test adds a rule.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rivven_client::protocol::Request;

use super::ScriptedBroker;
use super::kind::Kind;
use super::reply::{Hex, Reply};
use super::rule::{Action, Answerer, Rule};

/// A rule in the making; the method that says what is done adds it.
///
/// See [`Rule`] for how rules combine.
#[derive(Debug)]
#[must_use = "without saying what is done no rule is added"]
pub struct On<'a> {
    broker: &'a ScriptedBroker,
    rule: Rule,
}

impl<'a> On<'a> {
    pub(super) fn new(broker: &'a ScriptedBroker, on: Option<Kind>) -> Self {
        On { broker, rule: Rule::new(on, Action::DropAnswer) }
    }

    /// Only requests to one node, by its number from 0.
    pub fn node(mut self, node: usize) -> Self {
        self.rule.node = Some(node);
        self
    }

    /// Only requests on one connection, by its number from 0.
    pub fn connection(mut self, connection: u64) -> Self {
        self.rule.connection = Some(connection);
        self
    }

    /// Only requests that name a topic.
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.rule.topic = Some(topic.into());
        self
    }

    /// Only requests that name a partition.
    pub fn partition(mut self, partition: u32) -> Self {
        self.rule.partition = Some(partition);
        self
    }

    /// Only after so many fitting requests.
    pub fn after(mut self, requests: u64) -> Self {
        self.rule.after = requests;
        self
    }

    /// Only so often.
    pub fn times(mut self, times: u64) -> Self {
        self.rule.times = Some(times);
        self
    }

    /// Only the next time.
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// The request is carried out although the script answers it.
    pub fn executed(mut self) -> Self {
        self.rule.execute = Some(true);
        self
    }

    /// The request is not carried out although it is not answered by the script.
    pub fn unexecuted(mut self) -> Self {
        self.rule.execute = Some(false);
        self
    }

    /// The connection is closed afterwards.
    pub fn then_close(mut self) -> Self {
        self.rule.then_close = true;
        self
    }

    /// A reply of the script is the answer; the request is not carried out.
    pub fn answer(self, reply: Reply) {
        self.act(Action::Answer(reply));
    }

    /// A function makes the answer; the request is not carried out.
    pub fn answer_with(self, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
        self.act(Action::AnswerWith(Answerer(Arc::new(answer))));
    }

    /// The proper answer comes late, and all behind it on the connection.
    pub fn delay(self, delay: Duration) {
        self.act(Action::DelayMs(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)));
    }

    /// The answer, and all behind it on the connection, waits for [`ScriptedBroker::release`].
    pub fn hold(self) {
        self.act(Action::Hold);
    }

    /// The request is carried out, but no answer comes.
    pub fn drop_answer(self) {
        self.act(Action::DropAnswer);
    }

    /// The request is carried out and the connection closed instead of an answer.
    pub fn close_connection(self) {
        self.act(Action::CloseConnection);
    }

    /// The request is carried out and the connection reset instead of an answer.
    pub fn reset_connection(self) {
        self.act(Action::ResetConnection);
    }

    /// The proper answer comes under a wrong correlation id.
    pub fn wrong_id(self) {
        self.act(Action::WrongId);
    }

    /// The proper answer comes twice.
    pub fn twice(self) {
        self.act(Action::Twice);
    }

    /// Only the first bytes of the answer's frame come, then the connection is closed.
    pub fn truncate(self, bytes: usize) {
        self.act(Action::Truncate(bytes));
    }

    /// Some bytes come instead of a frame.
    pub fn raw(self, bytes: impl Into<Bytes>) {
        self.act(Action::Raw(Hex(bytes.into())));
    }

    fn act(mut self, action: Action) {
        self.rule.action = action;
        self.broker.add_rule(self.rule);
    }
}
