//! Neighbouring partitions for each member, topic by topic.

use super::Deal;

pub(super) fn deal_out(deal: &mut Deal<'_>) {
    for (topic, subscribers) in &deal.subscribers {
        let members = subscribers.len() as u32;
        let (each, more) = (deal.counts[*topic] / members, deal.counts[*topic] % members);
        let mut first = 0;
        for (place, member) in (0..).zip(subscribers) {
            let end = first + each + u32::from(place < more);
            deal.given[*member].extend((first..end).map(|partition| (*topic, partition)));
            first = end;
        }
    }
}
