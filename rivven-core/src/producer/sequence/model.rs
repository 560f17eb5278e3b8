//! The broker's side of sequence numbers, with its defects, as a pure model.

use rivven_testkit::Seeded;

use super::Identity;

/// A record, told apart from every other one.
pub(super) type Record = u32;

/// What somebody else wrote.
pub(super) const FOREIGN: Record = u32::MAX;

/// A publish of records that are numbered one after the other, in every sense.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) identity: Identity,
    pub(super) topic: usize,
    pub(super) partition: usize,
    pub(super) base: i32,
    pub(super) first: Record,
    pub(super) count: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Response {
    Published { offset: u64, duplicate: bool },
    OutOfOrder { expected: i32 },
    UnknownProducer,
    Fenced,
    Throttled,
    Refused,
    StorageError,
}

/// A request between its check and the end of its writing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Execution {
    request: Request,
    written: u32,
    offset: u64,
    /// Fails when so many records are written.
    fails_after: Option<u32>,
}

/// What a request meets beyond the sequence rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    None,
    Throttled,
    Refused,
    /// The log fails when so many records are written.
    Storage(u32),
}

pub(super) enum Begun {
    Answered(Response),
    Writing(Execution),
}

#[derive(Debug, Clone, Default)]
struct Numbers {
    last: Option<i32>,
    /// The last five numbers and their offsets.
    offsets: Vec<(i32, u64)>,
}

#[derive(Debug)]
struct Producer {
    id: u64,
    epoch: u16,
    /// By partition number, whatever the topic.
    numbers: Vec<Numbers>,
}

#[derive(Debug)]
pub(super) struct Broker {
    producers: Vec<Producer>,
    /// By topic and partition.
    pub(super) logs: Vec<Vec<Vec<Record>>>,
    /// Under which (id, partition number, number) which record was sent since the start.
    uses: Vec<(u64, usize, i32, Record)>,
}

impl Broker {
    pub(super) fn new(topics: usize, partitions: usize) -> Self {
        Broker { producers: Vec::new(), logs: vec![vec![Vec::new(); partitions]; topics], uses: Vec::new() }
    }

    /// `InitProducerId{Some}` with an id that it does not know.
    pub(super) fn init(&mut self, id: u64) -> Identity {
        let numbers = vec![Numbers::default(); self.logs[0].len()];
        self.producers.push(Producer { id, epoch: 0, numbers });
        Identity { id, epoch: 0 }
    }

    /// Another client takes the id over.
    pub(super) fn fence(&mut self, id: u64) {
        if let Some(producer) = self.producers.iter_mut().find(|producer| producer.id == id) {
            producer.epoch += 1;
            producer.numbers.fill(Numbers::default());
        }
    }

    /// Logs survive, ids do not.
    pub(super) fn restart(&mut self) {
        self.producers.clear();
        self.uses.clear();
    }

    /// The first step: everything that is checked, of a batch its base only.
    pub(super) fn begin(&mut self, request: Request, trouble: Trouble) -> Begun {
        match trouble {
            Trouble::Throttled => return Begun::Answered(Response::Throttled),
            Trouble::Refused => return Begun::Answered(Response::Refused),
            Trouble::None | Trouble::Storage(_) => {}
        }
        let Identity { id, epoch } = request.identity;
        let Some(producer) = self.producers.iter().find(|producer| producer.id == id) else {
            return Begun::Answered(Response::UnknownProducer);
        };
        if epoch < producer.epoch {
            return Begun::Answered(Response::Fenced);
        }
        self.note_use(&request);
        match self.check(&request) {
            Some(answer) => Begun::Answered(answer),
            None => {
                let fails_after = if let Trouble::Storage(after) = trouble { Some(after) } else { None };
                Begun::Writing(Execution { request, written: 0, offset: 0, fails_after })
            }
        }
    }

    fn check(&mut self, request: &Request) -> Option<Response> {
        let numbers = self.numbers(request);
        let expected = numbers.last.map_or(0, |last| last.wrapping_add(1));
        if request.base == expected {
            return None;
        }
        match numbers.last {
            Some(last) if request.base <= last => {
                let own = numbers.offsets.iter().find(|(number, _)| *number == request.base);
                let offset = own.or(numbers.offsets.last()).map_or(0, |(_, offset)| *offset);
                Some(Response::Published { offset, duplicate: true })
            }
            _ => Some(Response::OutOfOrder { expected }),
        }
    }

    /// The second step, again and again: one record is written, whatever else happened since the check.
    pub(super) fn write(&mut self, execution: &mut Execution) -> Option<Response> {
        let Execution { request, written, .. } = *execution;
        if execution.fails_after == Some(written) {
            return Some(Response::StorageError);
        }
        if written == request.count {
            return Some(Response::Published { offset: execution.offset, duplicate: false });
        }
        let log = &mut self.logs[request.topic][request.partition];
        log.push(request.first + written);
        let offset = log.len() as u64 - 1;
        if written == 0 {
            execution.offset = offset;
        }
        execution.written += 1;
        let number = request.base.wrapping_add_unsigned(written);
        let numbers = self.numbers(&request);
        numbers.last = Some(number);
        numbers.offsets.push((number, offset));
        if numbers.offsets.len() > 5 {
            numbers.offsets.remove(0);
        }
        None
    }

    fn numbers(&mut self, request: &Request) -> &mut Numbers {
        let id = request.identity.id;
        let producer = self.producers.iter_mut().find(|producer| producer.id == id).expect("checked before");
        &mut producer.numbers[request.partition]
    }

    /// A number that was stored under must never come with another record.
    fn note_use(&mut self, request: &Request) {
        let (id, partition) = (request.identity.id, request.partition);
        let last = self.numbers(request).last;
        for index in 0..request.count {
            let (number, record) = (request.base.wrapping_add_unsigned(index), request.first + index);
            let known = self.uses.iter_mut().find(|known| (known.0, known.1, known.2) == (id, partition, number));
            match known {
                Some(known) if last.is_some_and(|last| number <= last) => {
                    assert_eq!(known.3, record, "number {number} of id {id} carries another record");
                }
                // It was refused before, so it may be given to another record.
                Some(known) => known.3 = record,
                None => self.uses.push((id, partition, number, record)),
            }
        }
    }
}

impl Trouble {
    /// One case in so many meets each kind; 0 for never.
    pub(super) fn random(seeded: &mut Seeded, throttled: u64, refused: u64, storage: u64, count: u32) -> Self {
        if throttled > 0 && seeded.one_in(throttled) {
            Trouble::Throttled
        } else if refused > 0 && seeded.one_in(refused) {
            Trouble::Refused
        } else if storage > 0 && seeded.one_in(storage) {
            Trouble::Storage(seeded.between(0, u64::from(count)) as u32)
        } else {
            Trouble::None
        }
    }
}
