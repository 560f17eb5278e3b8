//! The broker's side of a group, with its defects, as a pure model.

use rivven_testkit::Seeded;

use super::step::{Answer, Request};
use crate::ops::Assignment;

/// Members are looked after so often.
pub(super) const EXPIRY_INTERVAL: u64 = 1000;

#[derive(Debug)]
struct Joined {
    id: String,
    subscriptions: Vec<String>,
    share: Assignment,
    renewed: u64,
}

/// A follower that waits for the leader. Its request is answered when the leader
/// syncs, unless somebody has joined meanwhile.
#[derive(Debug)]
struct Parked {
    id: String,
    call: u64,
    wake_up: u64,
}

#[derive(Debug)]
struct Group {
    generation: u32,
    stable: bool,
    leader: String,
    /// What the first member asked for.
    session: u64,
    members: Vec<Joined>,
    wake_up: u64,
    parked: Vec<Parked>,
}

/// One group; all times are in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Broker {
    group: Option<Group>,
    /// The answers to parked requests, by call.
    pub(super) woken: Vec<(u64, Answer)>,
}

impl Broker {
    /// Groups are in memory only.
    pub(super) fn restart(&mut self) {
        self.group = None;
    }

    pub(super) fn is_stable(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.stable)
    }

    pub(super) fn generation(&self) -> Option<u32> {
        self.group.as_ref().map(|group| group.generation)
    }

    pub(super) fn members(&self) -> usize {
        self.group.as_ref().map_or(0, |group| group.members.len())
    }

    pub(super) fn leader(&self) -> Option<String> {
        self.group.as_ref().map(|group| group.leader.clone())
    }

    pub(super) fn knows(&self, id: &str) -> bool {
        self.group.as_ref().is_some_and(|group| group.members.iter().any(|member| member.id == id))
    }

    /// Has another one lead.
    pub(super) fn elect(&mut self, leader: &str) {
        if let Some(group) = &mut self.group {
            group.leader = leader.to_owned();
        }
    }

    /// The answer to a request, or nothing if it is parked.
    pub(super) fn execute(
        &mut self,
        now: u64,
        id: &str,
        request: &Request,
        session: u64,
        call: u64,
        seeded: &mut Seeded,
    ) -> Option<Answer> {
        if let Request::Join { subscriptions } = request {
            return Some(self.join(now, id, subscriptions, session, seeded));
        }
        let known = |group: &&mut Group| group.members.iter().any(|member| member.id == id);
        let Some(group) = self.group.as_mut().filter(known) else { return Some(Answer::Unknown) };
        match *request {
            Request::Heartbeat { generation } | Request::Sync { generation, .. } if generation != group.generation => {
                Some(Answer::Moved { expected: group.generation })
            }
            Request::Heartbeat { .. } => {
                group.member(id).renewed = now;
                Some(if group.stable { Answer::Stable } else { Answer::Unsettled })
            }
            Request::Sync { ref plan, .. } => self.sync(id, plan, call),
            Request::Leave => {
                group.remove(|member| member.id == id, seeded);
                Some(Answer::Left)
            }
            Request::Join { .. } | Request::Count { .. } => unreachable!("not for a group"),
        }
    }

    /// At once, whoever else may come. A member that joins again disturbs a stable group as well.
    fn join(&mut self, now: u64, id: &str, subscriptions: &[String], session: u64, seeded: &mut Seeded) -> Answer {
        // A dead group begins anew, with the settings of whoever begins it.
        let group = self.group.take().filter(|group| !group.members.is_empty()).unwrap_or_else(|| Group {
            generation: 0,
            stable: false,
            leader: id.to_owned(),
            session,
            members: Vec::new(),
            wake_up: seeded.next_u64(),
            parked: Vec::new(),
        });
        let group = self.group.insert(group);
        group.members.retain(|member| member.id != id);
        let joined =
            Joined { id: id.to_owned(), subscriptions: subscriptions.to_vec(), share: Assignment::new(), renewed: now };
        // In no order.
        let place = seeded.between(0, group.members.len() as u64) as usize;
        group.members.insert(place, joined);
        group.disturb();
        group.wake_up += 1;
        let members = group.members.iter().map(|member| (member.id.clone(), member.subscriptions.clone())).collect();
        Answer::Joined { generation: group.generation, leader: group.leader.clone(), members }
    }

    fn sync(&mut self, id: &str, plan: &[(String, Assignment)], call: u64) -> Option<Answer> {
        let group = self.group.as_mut()?;
        if id == group.leader && !plan.is_empty() {
            if plan.iter().any(|(id, _)| !group.members.iter().any(|member| member.id == *id)) {
                return Some(Answer::Inconsistent);
            }
            // Also where the group is stable. Whoever is not listed keeps what he had.
            for (id, share) in plan {
                let entries = share.iter().filter(|(_, partitions)| !partitions.is_empty());
                group.member(id).share = entries.cloned().collect();
            }
            group.stable = true;
            self.wake_up();
        }
        let group = self.group.as_mut()?;
        if group.stable {
            return Some(Answer::Synced(group.member(id).share.clone()));
        }
        group.parked.push(Parked { id: id.to_owned(), call, wake_up: group.wake_up });
        None
    }

    /// Answers those that are parked, unless somebody has joined since: those are not woken.
    fn wake_up(&mut self) {
        let Some(group) = &mut self.group else { return };
        for Parked { id, call, wake_up } in std::mem::take(&mut group.parked) {
            if wake_up == group.wake_up && group.members.iter().any(|member| member.id == id) {
                self.woken.push((call, Answer::Synced(group.member(&id).share.clone())));
            }
        }
    }

    /// Drops those who have not shown themselves, and groups that are dead.
    pub(super) fn look_after_members(&mut self, now: u64, seeded: &mut Seeded) {
        if let Some(group) = &mut self.group {
            if group.members.is_empty() {
                self.group = None;
                return;
            }
            let session = group.session;
            group.remove(|member| now > member.renewed + session, seeded);
        }
    }
}

impl Group {
    fn member(&mut self, id: &str) -> &mut Joined {
        self.members.iter_mut().find(|member| member.id == id).expect("looked for before")
    }

    /// The generation rises only from a stable group.
    fn disturb(&mut self) {
        self.generation += u32::from(self.stable);
        self.stable = false;
    }

    fn remove(&mut self, which: impl Fn(&Joined) -> bool, seeded: &mut Seeded) {
        let before = self.members.len();
        self.members.retain(|member| !which(member));
        if self.members.len() == before {
            return;
        }
        self.disturb();
        if !self.members.is_empty() && !self.members.iter().any(|member| member.id == self.leader) {
            // Any of the rest, which it learns when it joins again.
            let place = seeded.between(0, self.members.len() as u64 - 1) as usize;
            self.leader = self.members[place].id.clone();
        }
    }
}
