//! A producer, its connections and the broker, driven by random numbers.

use std::collections::VecDeque;
use std::mem;

use rivven_testkit::Seeded;

use super::model::{Begun, Broker, Execution, FOREIGN, Record, Request, Response, Trouble};
use super::schedule::Seen;
use super::{Answer, Delivered, Failure, Grant, Identity, Sequence, Stamp, Step, Ticket};

const TOPICS: usize = 2;
const PARTITIONS: usize = 2;
const CONNECTIONS: usize = 2;
/// The rounds without trouble after which everything must be settled.
const PATIENCE: usize = 5000;

/// How often each kind of trouble comes: one in so many cases, 0 for never.
#[derive(Debug, Clone, Copy)]
struct Weather {
    cut: u64,
    restart: u64,
    give_up: u64,
    foreign: u64,
    fence: u64,
    init_lost: u64,
    throttled: u64,
    refused: u64,
    storage: u64,
}

const CALM: Weather = Weather {
    cut: 0,
    restart: 0,
    give_up: 0,
    foreign: 0,
    fence: 0,
    init_lost: 0,
    throttled: 0,
    refused: 0,
    storage: 0,
};

impl Weather {
    fn random(seeded: &mut Seeded) -> Self {
        let mut rate = |usual: u64| match seeded.between(0, 2) {
            0 => 0,
            1 => usual,
            _ => usual * 4,
        };
        Weather {
            cut: rate(15),
            restart: rate(60),
            give_up: rate(25),
            foreign: rate(10),
            fence: rate(400) * 2,
            init_lost: rate(3),
            throttled: rate(5),
            refused: rate(12),
            storage: rate(6),
        }
    }
}

/// A batch as the sender keeps it.
#[derive(Debug)]
pub(super) struct Item {
    ticket: Ticket,
    pub(super) first: Record,
    pub(super) count: u32,
    /// What its frame carries.
    stamp: Stamp,
    pub(super) result: Option<Result<Delivered, Failure>>,
}

#[derive(Debug)]
pub(super) struct Partition {
    pub(super) topic: usize,
    pub(super) number: usize,
    connection: usize,
    pub(super) sequence: Sequence,
    /// The sizes of the batches to come.
    waiting: VecDeque<u32>,
    next_record: Record,
    pub(super) items: Vec<Item>,
}

#[derive(Debug, Default)]
struct Connection {
    up: bool,
    /// The requests that are not written yet.
    out: VecDeque<Request>,
    served: Served,
    answers: VecDeque<Response>,
    unanswered: VecDeque<(usize, Ticket)>,
    /// Connections before it, of which the broker still executes what it had read.
    old: Vec<Served>,
}

/// The broker's end of a connection: one request at a time.
#[derive(Debug, Default)]
struct Served {
    read: VecDeque<Request>,
    executing: Option<Execution>,
}

#[derive(Debug, Default)]
struct Topic {
    current: Option<Grant>,
    asking: Option<Asking>,
}

#[derive(Debug, Clone, Copy)]
enum Asking {
    Sent,
    Answered(Identity),
}

pub(super) struct World<'a> {
    seeded: Seeded,
    weather: Weather,
    /// Whether the sender waits until the broker has finished with the old connection.
    waits: bool,
    pub(super) broker: Broker,
    /// How many ids were chosen.
    ids: u64,
    topics: Vec<Topic>,
    pub(super) partitions: Vec<Partition>,
    connections: Vec<Connection>,
    pub(super) seen: &'a mut Seen,
}

impl<'a> World<'a> {
    pub(super) fn new(seed: u64, waits: bool, seen: &'a mut Seen) -> Self {
        let mut seeded = Seeded::new(seed);
        let max_in_flight = seeded.between(1, 5) as usize;
        let retry_unknown_outcome = !seeded.one_in(4);
        let partitions = (0..TOPICS * PARTITIONS).map(|index| Partition {
            topic: index / PARTITIONS,
            number: index % PARTITIONS,
            connection: seeded.between(0, CONNECTIONS as u64 - 1) as usize,
            sequence: Sequence::new(max_in_flight, retry_unknown_outcome),
            waiting: (0..seeded.between(0, 7)).map(|_| seeded.between(1, 4) as u32).collect(),
            next_record: index as Record * 1000,
            items: Vec::new(),
        });
        let partitions = partitions.collect();
        World {
            weather: Weather::random(&mut seeded),
            seeded,
            waits,
            broker: Broker::new(TOPICS, PARTITIONS),
            ids: 0,
            topics: (0..TOPICS).map(|_| Topic::default()).collect(),
            partitions,
            connections: (0..CONNECTIONS).map(|_| Connection::default()).collect(),
            seen,
        }
    }

    /// Trouble for a while, then none until everything is settled.
    ///
    /// # Panics
    /// If something is not settled, or a rule is broken on the way.
    pub(super) fn run(&mut self) {
        for _ in 0..self.seeded.between(20, 250) {
            self.something();
            self.trouble();
        }
        self.weather = CALM;
        for _ in 0..PATIENCE {
            if self.is_settled() {
                return;
            }
            self.everything();
        }
        panic!("not everything was settled: {:#?}", self.partitions);
    }

    fn pick(&mut self, of: usize) -> usize {
        self.seeded.between(0, of as u64 - 1) as usize
    }

    fn comes(&mut self, one_in: u64) -> bool {
        one_in > 0 && self.seeded.one_in(one_in)
    }

    fn something(&mut self) {
        let (partition, connection, topic) =
            (self.pick(TOPICS * PARTITIONS), self.pick(CONNECTIONS), self.pick(TOPICS));
        match self.pick(14) {
            0..=3 => self.send(partition),
            4..=5 => self.write(connection),
            6..=8 => self.serve(connection),
            9..=10 => self.receive(connection),
            11 => self.serve_old(connection),
            12 => self.connect(connection),
            _ => self.go_on_asking(topic),
        }
    }

    fn everything(&mut self) {
        (0..TOPICS * PARTITIONS).for_each(|partition| self.send(partition));
        for connection in 0..CONNECTIONS {
            self.write(connection);
            self.serve_old(connection);
            self.serve(connection);
            self.receive(connection);
            self.connect(connection);
        }
        (0..TOPICS).for_each(|topic| self.go_on_asking(topic));
    }

    fn trouble(&mut self) {
        let weather = self.weather;
        if self.comes(weather.cut) {
            let connection = self.pick(CONNECTIONS);
            self.cut(connection);
        }
        if self.comes(weather.restart) {
            self.restart();
        }
        if self.comes(weather.give_up) {
            self.give_up();
        }
        if self.comes(weather.foreign) {
            let (topic, partition) = (self.pick(TOPICS), self.pick(PARTITIONS));
            self.broker.logs[topic][partition].push(FOREIGN);
        }
        if self.comes(weather.fence) {
            let topic = self.pick(TOPICS);
            if let Some(grant) = self.topics[topic].current {
                self.broker.fence(grant.identity.id);
            }
        }
    }

    /// One step of the sender.
    fn send(&mut self, index: usize) {
        let partition = &mut self.partitions[index];
        if !self.connections[partition.connection].up {
            return;
        }
        match partition.sequence.next() {
            Step::New => self.send_new(index),
            Step::Frame { ticket, stamp } => {
                self.seen.framed_again += 1;
                self.item(index, ticket).stamp = stamp;
                self.send_item(index, ticket);
            }
            Step::Resend { ticket } => {
                self.seen.resent += 1;
                self.send_item(index, ticket);
            }
            Step::SendRecord { ticket, index: record, stamp } => {
                self.seen.records_alone += 1;
                let first = self.item(index, ticket).first + record;
                self.put(index, ticket, stamp, first, 1);
            }
            Step::AskIdentity { newer_than } => self.ask_identity(index, newer_than),
            Step::Wait => {}
            Step::Fenced => partition.waiting.clear(),
        }
    }

    fn send_new(&mut self, index: usize) {
        let partition = &mut self.partitions[index];
        let Some(count) = partition.waiting.pop_front() else { return };
        let (ticket, stamp) = partition.sequence.stamp(count).expect("it said that a new batch may be sent");
        let first = partition.next_record;
        partition.next_record += count;
        partition.items.push(Item { ticket, first, count, stamp, result: None });
        self.send_item(index, ticket);
    }

    fn send_item(&mut self, index: usize, ticket: Ticket) {
        let &mut Item { stamp, first, count, .. } = self.item(index, ticket);
        self.put(index, ticket, stamp, first, count);
    }

    fn put(&mut self, index: usize, ticket: Ticket, stamp: Stamp, first: Record, count: u32) {
        let &Partition { topic, number, connection, .. } = &self.partitions[index];
        let Stamp { identity, base } = stamp;
        let connection = &mut self.connections[connection];
        connection.out.push_back(Request { identity, topic, partition: number, base, first, count });
        connection.unanswered.push_back((index, ticket));
    }

    fn item(&mut self, index: usize, ticket: Ticket) -> &mut Item {
        let item = self.partitions[index].items.iter_mut().find(|item| item.ticket == ticket).expect("a known batch");
        assert_eq!(item.result, None, "{ticket:?} is sent although it is settled");
        item
    }

    fn ask_identity(&mut self, index: usize, newer_than: u64) {
        let partition = &mut self.partitions[index];
        let topic = &mut self.topics[partition.topic];
        match topic.current {
            Some(grant) if grant.serial > newer_than => {
                assert!(partition.sequence.adopt(grant));
                self.seen.adopted += 1;
            }
            _ if topic.asking.is_some() => {}
            _ => topic.asking = Some(Asking::Sent),
        }
    }

    fn go_on_asking(&mut self, topic: usize) {
        let asking = self.topics[topic].asking;
        self.topics[topic].asking = match asking {
            None => None,
            Some(_) if self.comes(self.weather.init_lost) => None,
            Some(Asking::Sent) => {
                self.ids += 1;
                Some(Asking::Answered(self.broker.init(self.ids)))
            }
            Some(Asking::Answered(identity)) => {
                let serial = self.topics[topic].current.map_or(0, |grant| grant.serial) + 1;
                self.topics[topic].current = Some(Grant { identity, serial });
                None
            }
        };
    }

    fn write(&mut self, connection: usize) {
        let connection = &mut self.connections[connection];
        connection.served.read.extend(connection.out.pop_front());
    }

    fn serve(&mut self, connection: usize) {
        let connection = &mut self.connections[connection];
        let answer = connection.served.step(&mut self.broker, &mut self.seeded, self.weather);
        connection.answers.extend(answer);
    }

    fn serve_old(&mut self, connection: usize) {
        let old = &mut self.connections[connection].old;
        for served in old.iter_mut() {
            served.step(&mut self.broker, &mut self.seeded, self.weather);
        }
        old.retain(|served| served.executing.is_some() || !served.read.is_empty());
    }

    fn receive(&mut self, connection: usize) {
        let connection = &mut self.connections[connection];
        let Some(response) = connection.answers.pop_front() else { return };
        let (index, ticket) = connection.unanswered.pop_front().expect("an answer to nothing");
        self.answer(index, ticket, answer_of(response));
    }

    fn answer(&mut self, index: usize, ticket: Ticket, answer: Answer) {
        self.partitions[index].sequence.answered(ticket, answer);
        self.take_settled(index);
    }

    fn take_settled(&mut self, index: usize) {
        let partition = &mut self.partitions[index];
        for settled in partition.sequence.take_settled() {
            let item = partition.items.iter_mut().find(|item| item.ticket == settled.ticket).expect("a known batch");
            assert_eq!(item.result, None, "{:?} is settled twice", item.ticket);
            item.result = Some(settled.result);
        }
    }

    /// The connection ends; the broker goes on with some of what it had read.
    fn cut(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        let mut served = mem::take(&mut connection.served);
        let kept = self.seeded.between(0, served.read.len() as u64) as usize;
        served.read.truncate(kept);
        connection.old.push(served);
        connection.up = false;
        connection.answers.clear();
        let unwritten = connection.out.drain(..).len();
        let lost = mem::take(&mut connection.unanswered);
        let written = lost.len() - unwritten;
        for (place, (partition, ticket)) in lost.into_iter().enumerate() {
            let answer = if place < written { Answer::Unknown } else { Answer::NotExecuted };
            self.answer(partition, ticket, answer);
        }
    }

    fn connect(&mut self, connection: usize) {
        let connection = &mut self.connections[connection];
        connection.up |= connection.old.is_empty() || !self.waits;
    }

    fn restart(&mut self) {
        for connection in 0..CONNECTIONS {
            self.cut(connection);
            self.connections[connection].old.clear();
        }
        for topic in &mut self.topics {
            // An answer on its way may arrive nevertheless.
            let arrives = matches!(topic.asking, Some(Asking::Answered(_))) && self.seeded.one_in(2);
            topic.asking = topic.asking.filter(|_| arrives);
        }
        self.broker.restart();
    }

    fn give_up(&mut self) {
        let index = self.pick(TOPICS * PARTITIONS);
        let open: Vec<_> = self.partitions[index].items.iter().filter(|item| item.result.is_none()).collect();
        if open.is_empty() {
            return;
        }
        let ticket = open[self.seeded.between(0, open.len() as u64 - 1) as usize].ticket;
        self.partitions[index].sequence.give_up(ticket);
        self.take_settled(index);
    }

    fn is_settled(&self) -> bool {
        self.partitions
            .iter()
            .all(|partition| partition.waiting.is_empty() && partition.items.iter().all(|item| item.result.is_some()))
    }
}

impl Served {
    fn step(&mut self, broker: &mut Broker, seeded: &mut Seeded, weather: Weather) -> Option<Response> {
        let response = match &mut self.executing {
            Some(execution) => broker.write(execution),
            None => {
                let request = self.read.pop_front()?;
                let Weather { throttled, refused, storage, .. } = weather;
                let trouble = Trouble::random(seeded, throttled, refused, storage, request.count);
                match broker.begin(request, trouble) {
                    Begun::Answered(response) => Some(response),
                    Begun::Writing(execution) => {
                        self.executing = Some(execution);
                        None
                    }
                }
            }
        };
        if response.is_some() {
            self.executing = None;
        }
        response
    }
}

fn answer_of(response: Response) -> Answer {
    match response {
        Response::Published { offset, duplicate } => Answer::Published { offset, duplicate },
        Response::OutOfOrder { expected } => Answer::OutOfOrder { expected: Some(expected) },
        Response::UnknownProducer => Answer::UnknownProducer,
        Response::Fenced => Answer::Fenced,
        Response::Throttled => Answer::NotExecuted,
        Response::Refused => Answer::Refused,
        Response::StorageError => Answer::Failed,
    }
}
