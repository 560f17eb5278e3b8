//! The model of the broker beside the real one: both answer the same to the same calls.

use rivven_testkit::{Seeded, TestBroker};

use super::answers;
use super::model::Broker;
use super::step::{Answer, Request};
use crate::client::Client;
use crate::error::Result;
use crate::ops::Assignment;

/// Long enough that nobody is dropped while the test runs.
const SESSION: u32 = 600_000;
const STEPS: usize = 400;

/// Two brokers with a group of one name.
struct Pair {
    client: Client,
    group: String,
    model: Broker,
    seeded: Seeded,
    /// When the leader leaves, only a join shows who leads now.
    leader_known: bool,
}

impl Pair {
    /// Calls both, and gives the answer that they agree on; `None` if it would wait for the leader.
    async fn call(&mut self, id: &str, request: Request) -> Option<Answer> {
        let expected = self.model.execute(0, id, &request, 0, 0, &mut self.seeded)?;
        let mut answer = self.ask(id, &request).await;
        if let (Answer::Joined { members, leader, .. }, Answer::Joined { members: expected, .. }) =
            (&mut answer, &mut expected.clone())
        {
            // In no order, and of those that are left anyone may lead.
            assert!(members.iter().any(|(member, _)| member == leader));
            self.model.elect(leader);
            self.leader_known = true;
            members.sort();
            expected.sort();
            assert_eq!(members, expected, "{request:?}");
        }
        assert_eq!(shown(&answer), shown(&expected), "{id}: {request:?}");
        self.leader_known &= answer != Answer::Left;
        Some(answer)
    }

    async fn ask(&self, member: &str, request: &Request) -> Answer {
        let (client, group) = (&self.client, self.group.as_str());
        match request {
            Request::Join { subscriptions } => {
                let joined = client.join_group(group, member, SESSION, SESSION, "consumer", subscriptions);
                answers::of_join(joined.await)
            }
            Request::Sync { generation, plan } => {
                answers::of_sync(client.sync_group(group, *generation, member, plan).await)
            }
            Request::Heartbeat { generation } => {
                answers::of_heartbeat(client.heartbeat(group, *generation, member).await)
            }
            Request::Leave => answers::of_leave(client.leave_group(group, member).await),
            Request::Count { .. } => unreachable!("not for a group"),
        }
    }

    fn pick(&mut self, to: u64) -> u64 {
        self.seeded.between(0, to)
    }

    fn some_id(&mut self) -> String {
        format!("m{}", self.pick(3))
    }

    /// Mostly the present one.
    fn some_generation(&mut self) -> u32 {
        let present = self.model.generation().unwrap_or(0);
        if self.pick(4) > 0 { present } else { (present + 1).saturating_sub(self.pick(3) as u32) }
    }

    fn some_plan(&mut self) -> Vec<(String, Assignment)> {
        let mut plan = Vec::new();
        for id in (0..4).map(|number| format!("m{number}")) {
            // Also with strangers, without some members, and with topics that have no partitions.
            if self.pick(2) > 0 && (self.model.knows(&id) || self.pick(9) == 0) {
                let share = vec![("t".to_owned(), vec![self.pick(9) as u32]), ("!note".to_owned(), Vec::new())];
                plan.push((id, share));
            }
        }
        plan
    }

    async fn step(&mut self) {
        let (id, generation) = (self.some_id(), self.some_generation());
        let request = match self.pick(9) {
            6..=9 if !self.leader_known => Request::Heartbeat { generation },
            0..=2 => Request::Join { subscriptions: vec![format!("t{}", self.pick(2)), "!note".to_owned()] },
            3 => Request::Leave,
            4..=5 => Request::Heartbeat { generation },
            6 => Request::Sync { generation, plan: Vec::new() },
            _ => Request::Sync { generation, plan: self.some_plan() },
        };
        // A leader is needed for most of it.
        let id = if matches!(request, Request::Sync { .. }) { self.model.leader().unwrap_or(id) } else { id };
        self.call(&id, request).await;
    }
}

/// The answer without what has been compared, or need not be the same.
fn shown(answer: &Answer) -> Answer {
    match answer {
        Answer::Joined { generation, .. } => {
            Answer::Joined { generation: *generation, leader: String::new(), members: Vec::new() }
        }
        other => other.clone(),
    }
}

#[tokio::test]
async fn the_model_answers_as_the_broker_does() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    for seed in 0..5 {
        let client = Client::connect(broker.address()).await?;
        let (group, seeded) = (format!("g{seed}"), Seeded::new(seed));
        let mut pair = Pair { client, group, model: Broker::default(), seeded, leader_known: false };
        println!("seed {seed}");
        for _ in 0..STEPS {
            pair.step().await;
        }
    }
    Ok(())
}
