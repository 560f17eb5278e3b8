//! One partition after the other to one member after the other.

use super::Deal;

pub(super) fn deal_out(deal: &mut Deal<'_>) {
    let mut turn = 0;
    for (topic, partition) in deal.partitions() {
        let subscribers = &deal.subscribers[topic];
        // The next one round the table who subscribed to this topic.
        let member = subscribers.iter().find(|member| **member >= turn).unwrap_or(&subscribers[0]);
        deal.given[*member].push((topic, partition));
        turn = (member + 1) % deal.members.len();
    }
}
