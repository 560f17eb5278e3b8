//! Requests on their way, and answers that come late or never.

use super::*;

impl World<'_> {
    pub(super) fn send(&mut self, index: usize, request: Request) {
        self.numbers += 1;
        let number = self.numbers;
        let node = &mut self.nodes[index];
        node.call = Some(number);
        let patience = node.patience();
        let id = node.member.id().to_owned();
        let mut call = Call { number, node: index, id, request, start: self.start, answer_takes: 0, answer: None };
        let (mut takes, mut answer_takes) = (self.pick(0, 4), self.pick(0, 4));
        if matches!(call.request, Request::Count { .. }) {
            let refused = self.comes(self.weather.refused);
            call.answer = Some(if refused { Answer::Refused } else { Answer::Counted(self.counted()) });
            self.happens(self.now + takes, Happening::Deliver { call: number });
            self.calls.push(call);
            return;
        }
        if self.down_until > self.now {
            return self.give_up_at(index, number, self.now + 10);
        }
        if self.comes(self.weather.lost) {
            let at = self.now + self.pick(0, patience);
            return self.give_up_at(index, number, at);
        }
        if self.comes(self.weather.late) {
            takes = self.pick(0, LATEST);
        }
        if self.comes(self.weather.unanswered) {
            answer_takes = patience;
        }
        call.answer_takes = answer_takes;
        self.happens(self.now + takes, Happening::Execute { call: number });
        if takes + answer_takes >= patience {
            self.give_up_at(index, number, self.now + patience);
        }
        self.calls.push(call);
    }

    /// The client waits only so long; the request may be executed later.
    fn give_up_at(&mut self, node: usize, call: u64, at: u64) {
        self.happens(at, Happening::GiveUp { node, call });
    }

    pub(super) fn given_up(&mut self, node: usize, call: u64) {
        if self.nodes[node].call == Some(call) {
            self.answer(node, Answer::Lost);
        }
    }

    fn counted(&self) -> Counts {
        let counts = TOPICS.iter().zip(self.counts).filter(|(_, count)| *count > 0);
        counts.map(|(topic, count)| ((*topic).to_owned(), count)).collect()
    }

    fn take_call(&mut self, number: u64) -> Option<Call> {
        let place = self.calls.iter().position(|call| call.number == number)?;
        Some(self.calls.swap_remove(place))
    }

    pub(super) fn execute(&mut self, number: u64) {
        let Some(mut call) = self.take_call(number) else { return };
        if call.start != self.start {
            return;
        }
        let node = &self.nodes[call.node];
        self.seen.late += u64::from(node.call != Some(number));
        self.seen.joins += u64::from(matches!(call.request, Request::Join { .. }));
        let (session, patience) = (node.session, node.patience());
        call.answer = match self.comes(self.weather.refused) {
            true => Some(Answer::Refused),
            false => self.broker.execute(self.now, &call.id, &call.request, session, number, &mut self.seeded),
        };
        if call.answer.is_some() {
            self.happens(self.now + call.answer_takes, Happening::Deliver { call: number });
        } else {
            self.seen.parked += 1;
            self.give_up_at(call.node, number, self.now + patience);
        }
        self.calls.push(call);
        self.wake_up();
    }

    /// Delivers what the leader's plan has answered.
    fn wake_up(&mut self) {
        for (number, answer) in std::mem::take(&mut self.broker.woken) {
            if let Some(call) = self.calls.iter_mut().find(|call| call.number == number) {
                call.answer = Some(answer);
                self.happens(self.now, Happening::Deliver { call: number });
            }
        }
    }

    pub(super) fn deliver(&mut self, number: u64) {
        let Some(call) = self.take_call(number) else { return };
        if self.nodes[call.node].call == Some(number) {
            if self.traced {
                eprintln!("{} {}: {:?}", self.now, call.node, call.request);
            }
            self.answer(call.node, call.answer.expect("it is on its way because there is one"));
        }
    }

    fn answer(&mut self, index: usize, answer: Answer) {
        if self.traced {
            eprintln!("{} {index}: {answer:?}", self.now);
        }
        let now = self.time();
        let node = &mut self.nodes[index];
        node.call = None;
        if node.alive {
            node.member.answered(now, answer);
            self.take_events(index);
            self.run(index);
        }
    }

    /// The connection ends: what was under way may have been executed, or may be yet.
    pub(super) fn cut(&mut self, index: usize) {
        self.seen.cut += 1;
        let now = self.time();
        let Some(number) = self.nodes[index].call else {
            self.nodes[index].member.disconnected(now);
            return self.wake(index);
        };
        if self.seeded.one_in(2) {
            // It never arrives.
            self.take_call(number);
        }
        self.give_up_at(index, number, self.now);
    }
}
