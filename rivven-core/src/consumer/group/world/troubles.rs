//! What happens from without.

use super::*;

impl World<'_> {
    pub(in crate::consumer::group) fn trouble(&mut self, trouble: Trouble) {
        let alive: Vec<_> = (0..self.nodes.len()).filter(|index| self.nodes[*index].alive).collect();
        match trouble {
            Trouble::Join if alive.len() < 10 => return self.enter(),
            Trouble::Count => return self.change_counts(),
            Trouble::Restart => return self.restart(),
            _ if alive.is_empty() => return,
            _ => {}
        }
        let index = alive[self.seeded.between(0, alive.len() as u64 - 1) as usize];
        let now = self.time();
        match trouble {
            Trouble::Leave => {
                self.nodes[index].leaving = true;
                self.nodes[index].member.leave(now);
                self.take_events(index);
                self.wake(index);
            }
            Trouble::Kill => {
                self.nodes[index].alive = false;
                self.seen.killed += 1;
            }
            Trouble::Stall => {
                let longest = self.timing.session.as_millis() as u64 * 3 / 2;
                let until = self.now + self.seeded.between(0, longest);
                self.nodes[index].stalled_until = until;
                self.happens(until, Happening::Wake { node: index });
                self.seen.stalled += 1;
            }
            Trouble::Cut => self.cut(index),
            Trouble::Subscribe => {
                let topics = self.some_topics();
                self.nodes[index].member.subscribe(now, topics);
                self.take_events(index);
                self.wake(index);
            }
            Trouble::Join | Trouble::Count | Trouble::Restart => {}
        }
    }

    fn some_topics(&mut self) -> Vec<String> {
        let topics: &[&str] = match self.seeded.between(0, 5) {
            0 => &["a"],
            1 => &["b"],
            _ => &TOPICS,
        };
        topics.iter().map(|topic| (*topic).to_owned()).collect()
    }

    fn enter(&mut self) {
        let mut timing = self.timing;
        if self.mixed {
            timing.session = timing.session * self.seeded.between(1, 4) as u32 / 2;
        }
        let topics = self.some_topics();
        let unique = format!("{:x}-{}", self.seeded.between(0, 0xffff), self.nodes.len());
        self.nodes.push(Node {
            member: Member::new(&unique, topics, self.assignor, timing),
            session: timing.session.as_millis() as u64,
            alive: true,
            leaving: false,
            stalled_until: 0,
            wake_at: 0,
            call: None,
            reads: None,
            generation: 0,
            assigned_at_start: 0,
            told_at: None,
            orders: 0,
        });
        self.wake(self.nodes.len() - 1);
    }

    fn change_counts(&mut self) {
        let topic = self.seeded.between(0, 1) as usize;
        if self.counts[topic] < 8 {
            self.counts[topic] += self.seeded.between(1, 3) as u32;
            self.seen.counts += 1;
        }
    }

    /// Groups are forgotten, and what was sent before never arrives.
    fn restart(&mut self) {
        self.seen.restarts += 1;
        self.broker.restart();
        self.start += 1;
        self.down_until = self.now + self.seeded.between(0, 2000);
        self.started_at = self.down_until;
        for index in 0..self.nodes.len() {
            self.cut(index);
        }
    }

    /// From now on nothing goes wrong any more, except what is under way.
    pub(in crate::consumer::group) fn calm(&mut self) {
        self.weather = Weather::default();
    }
}
