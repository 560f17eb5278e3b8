//! Rules: what a scripted broker does to which requests.

use std::fmt;
use std::sync::Arc;

use rivven_client::protocol::Request;
use serde::{Deserialize, Serialize};

use super::kind::{Kind, place};
use super::reply::{Hex, Reply};

/// What a broker does to some of the requests, instead of or besides answering them properly.
///
/// Rules are tried in the order in which they were added. The first one with an
/// answer decides; rules that only delay or hold an answer all apply. A rule
/// counts the requests that reach it and fit it, so of two equal rules that
/// hold once, the second concerns the second request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The kind of request; none for all but [`Kind::Connect`].
    #[serde(default)]
    pub on: Option<Kind>,
    /// Number of the node that is asked, from 0.
    #[serde(default)]
    pub node: Option<usize>,
    /// Number of the connection, from 0, in the order in which they were accepted.
    #[serde(default)]
    pub connection: Option<u64>,
    /// The topic that the request names.
    #[serde(default)]
    pub topic: Option<String>,
    /// The partition that the request names.
    #[serde(default)]
    pub partition: Option<u32>,
    /// How many fitting requests are left alone first.
    #[serde(default)]
    pub after: u64,
    /// How many fitting requests the rule concerns; none for all.
    #[serde(default)]
    pub times: Option<u64>,
    /// Whether the request is carried out; by default it is unless it is answered by a reply of the script.
    #[serde(default)]
    pub execute: Option<bool>,
    /// Whether the connection is closed afterwards.
    #[serde(default)]
    pub then_close: bool,
    /// What is done.
    #[serde(rename = "do")]
    pub action: Action,
}

/// What is done about a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A reply of the script is the answer.
    Answer(Reply),
    /// The proper answer comes so many milliseconds late, and all behind it on the connection.
    DelayMs(u64),
    /// The proper answer, and all behind it, waits until the test releases it.
    Hold,
    /// No answer comes; those behind it do.
    DropAnswer,
    /// The connection is closed instead of an answer.
    CloseConnection,
    /// The connection is reset instead of an answer.
    ResetConnection,
    /// The proper answer comes under a correlation id that is 1000 too high.
    WrongId,
    /// The proper answer comes twice.
    Twice,
    /// Only so many bytes of the answer's frame come; then the connection is closed.
    Truncate(usize),
    /// Some bytes come instead of a frame.
    Raw(Hex),
    /// A function makes the answer.
    #[serde(skip)]
    AnswerWith(Answerer),
}

/// A function that answers requests.
#[derive(Clone)]
pub struct Answerer(pub(super) Arc<dyn Fn(&Request) -> Reply + Send + Sync>);

impl fmt::Debug for Answerer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answerer")
    }
}

impl Rule {
    /// A rule for all requests of a kind, always; without a kind for all requests.
    pub(super) fn new(on: Option<Kind>, action: Action) -> Self {
        Rule {
            on,
            node: None,
            connection: None,
            topic: None,
            partition: None,
            after: 0,
            times: None,
            execute: None,
            then_close: false,
            action,
        }
    }

    /// Whether the request is carried out.
    pub(super) fn executes(&self) -> bool {
        self.execute.unwrap_or(!matches!(self.action, Action::Answer(_) | Action::AnswerWith(_)))
    }

    fn only_waits(&self) -> bool {
        matches!(self.action, Action::DelayMs(_) | Action::Hold)
    }

    fn fits(&self, event: &Event<'_>) -> bool {
        let (topic, partition) = event.request.map_or((None, None), place);
        let kind = event.request.map_or(Kind::Connect, Kind::of);
        self.on.map_or(kind != Kind::Connect, |on| on == kind)
            && self.node.is_none_or(|node| node == event.node)
            && self.connection.is_none_or(|connection| connection == event.connection)
            && self.topic.as_deref().is_none_or(|wanted| topic == Some(wanted))
            && self.partition.is_none_or(|wanted| partition == Some(wanted))
    }
}

/// Something that rules may concern.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event<'a> {
    pub(super) node: usize,
    pub(super) connection: u64,
    /// None while the connection is being made.
    pub(super) request: Option<&'a Request>,
}

/// What the rules have decided about an event.
#[derive(Debug, Default)]
pub(super) struct Decision {
    /// Delays and holds, in order.
    pub(super) waits: Vec<Action>,
    /// The rule with the answer, if there is one.
    pub(super) rule: Option<Rule>,
}

/// All rules, with the number of events that each has seen.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<(Rule, u64)>);

impl Rules {
    pub(super) fn new(rules: Vec<Rule>) -> Self {
        Rules(rules.into_iter().map(|rule| (rule, 0)).collect())
    }

    pub(super) fn add(&mut self, rule: Rule) {
        self.0.push((rule, 0));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// How many rules have not yet concerned as many requests as they are to.
    pub(super) fn unspent(&self) -> usize {
        let is_unspent = |(rule, seen): &&(Rule, u64)| rule.times.is_some_and(|times| *seen < rule.after + times);
        self.0.iter().filter(is_unspent).count()
    }

    /// What is to be done about an event.
    pub(super) fn decide(&mut self, event: &Event<'_>) -> Decision {
        let mut decision = Decision::default();
        for (rule, seen) in &mut self.0 {
            if !rule.fits(event) || (decision.rule.is_some() && !rule.only_waits()) {
                continue;
            }
            *seen += 1;
            let concerned = seen.checked_sub(rule.after + 1);
            if concerned.is_none_or(|index| rule.times.is_some_and(|times| index >= times)) {
                continue;
            }
            if rule.only_waits() {
                decision.waits.push(rule.action.clone());
            } else {
                decision.rule = Some(rule.clone());
            }
        }
        decision
    }
}
