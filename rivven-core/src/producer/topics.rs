//! The topics that a producer has been asked for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::topic::Topic;

/// How many topics are found again without a lock, if their names allow it.
const RECENT: usize = 16;

/// The topics of a producer by their names. None is ever taken away.
#[derive(Debug, Default)]
pub(super) struct Topics {
    all: boxcar::Vec<Arc<Topic>>,
    /// Where in `all` a topic is.
    places: RwLock<HashMap<Arc<str>, usize>>,
    /// The places of those that were asked for last, by what [`slot`] makes of their names.
    recent: [AtomicUsize; RECENT],
}

impl Topics {
    /// The topic of this name; made at its first use.
    #[inline]
    pub(super) fn get_or_make(&self, name: &str, make: impl FnOnce(Arc<str>) -> Topic) -> &Arc<Topic> {
        let recent = &self.recent[slot(name)];
        match self.all.get(recent.load(Ordering::Relaxed)) {
            Some(topic) if **topic.name() == *name => topic,
            _ => {
                let place = self.place(name, make);
                recent.store(place, Ordering::Relaxed);
                &self.all[place]
            }
        }
    }

    #[cold]
    fn place(&self, name: &str, make: impl FnOnce(Arc<str>) -> Topic) -> usize {
        if let Some(place) = self.places.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return *place;
        }
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        let name: Arc<str> = name.into();
        *places.entry(Arc::clone(&name)).or_insert_with(|| self.all.push(Arc::new(make(name))))
    }

    /// All of them, in the order in which they were first asked for.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.all.iter().map(|(_, topic)| topic)
    }
}

/// A number below [`RECENT`] that names which differ at their ends differ in.
#[inline]
fn slot(name: &str) -> usize {
    let last = name.as_bytes().last().copied().unwrap_or_default();
    (name.len() + usize::from(last)) % RECENT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ProducerConfig;
    use crate::producer::accumulator::Accumulator;

    fn topics_with(names: &[String]) -> Topics {
        let accumulator = Arc::new(Accumulator::new(&ProducerConfig::default(), None));
        let topics = Topics::default();
        for name in names {
            topics.get_or_make(name, |name| Topic::new(name, Arc::clone(&accumulator)));
        }
        topics
    }

    /// Far more than have places of their own.
    #[test]
    fn every_name_leads_to_its_own_topic_whatever_was_asked_for_before() {
        let names: Vec<_> = (0..100).map(|number| format!("topic-{number}")).collect();
        let topics = topics_with(&names);
        let none = |_| unreachable!("it is there already");
        for _ in 0..2 {
            for name in names.iter().chain(names.iter().rev()) {
                assert_eq!(&**topics.get_or_make(name, none).name(), name);
            }
        }
        let listed: Vec<_> = topics.iter().map(|topic| topic.name().to_string()).collect();
        assert_eq!(listed, names);
    }
}
