//! Everybody keeps what he has, as far as that is fair.
//!
//! First all keep what they claim; then what nobody has goes to whoever has
//! least; then the fullest gives one partition to the emptiest, straight or by
//! way of others, as long as that makes the two more equal. Where all have
//! subscribed to the same topics, a member gives only what it has beyond its
//! fair share, so no fewer partitions could move.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{Deal, Partition};

pub(super) fn deal_out(deal: &mut Deal<'_>) {
    keep_claims(deal);
    give_the_rest(deal);
    while let Some(way) = fairer_way(deal) {
        pass_on(deal, &way);
    }
}

fn keep_claims(deal: &mut Deal<'_>) {
    let mut holders: HashMap<Partition<'_>, usize> = HashMap::new();
    for (member, subscriber) in deal.members.iter().enumerate() {
        for (topic, partitions) in &subscriber.owned {
            // What has gone, or what the member does not want any more, goes to others.
            let Some((topic, subscribers)) = deal.subscribers.get_key_value(topic.as_str()) else { continue };
            if !subscribers.contains(&member) {
                continue;
            }
            for partition in partitions.iter().filter(|partition| **partition < deal.counts[*topic]) {
                let holder = holders.entry((*topic, *partition)).or_insert(member);
                if deal.members[*holder].owned_in < subscriber.owned_in {
                    *holder = member;
                }
            }
        }
    }
    for (partition, holder) in holders {
        deal.given[holder].push(partition);
    }
    // The order of a map is random, and a deal must not be.
    deal.given.iter_mut().for_each(|given| given.sort_unstable());
}

fn give_the_rest(deal: &mut Deal<'_>) {
    let kept: HashSet<_> = deal.given.iter().flatten().copied().collect();
    let mut rest = deal.partitions();
    rest.retain(|partition| !kept.contains(partition));
    // Those with the smallest choice first.
    rest.sort_by_key(|(topic, _)| deal.subscribers[topic].len());
    for (topic, partition) in rest {
        let subscribers = deal.subscribers[topic].iter();
        let emptiest = subscribers.min_by_key(|member| deal.given[**member].len()).expect("somebody subscribed");
        deal.given[*emptiest].push((topic, partition));
    }
}

/// The shortest way from a member to one with two partitions less, each passing one on to the next.
fn fairer_way(deal: &Deal<'_>) -> Option<Vec<usize>> {
    let mut fullest: Vec<_> = (0..deal.members.len()).collect();
    fullest.sort_by_key(|member| std::cmp::Reverse(deal.given[*member].len()));
    fullest.into_iter().find_map(|member| way_from(deal, member))
}

fn way_from(deal: &Deal<'_>, from: usize) -> Option<Vec<usize>> {
    let mut before: HashMap<usize, usize> = HashMap::new();
    let mut next = VecDeque::from([from]);
    while let Some(member) = next.pop_front() {
        if deal.given[member].len() + 2 <= deal.given[from].len() {
            let mut way: Vec<_> =
                std::iter::successors(Some(member), |at| before.get(at).copied().filter(|_| *at != from)).collect();
            way.reverse();
            return Some(way);
        }
        let mut takers: Vec<_> = takers(deal, member).filter(|taker| *taker != from).collect();
        takers.sort_by_key(|taker| (deal.given[*taker].len(), *taker));
        for taker in takers {
            before.entry(taker).or_insert_with(|| {
                next.push_back(taker);
                member
            });
        }
    }
    None
}

/// Those who could take something of what a member has.
fn takers<'d>(deal: &'d Deal<'_>, member: usize) -> impl Iterator<Item = usize> + 'd {
    let topics: HashSet<_> = deal.given[member].iter().map(|(topic, _)| *topic).collect();
    let takers: HashSet<_> = topics.into_iter().flat_map(|topic| deal.subscribers[topic].iter().copied()).collect();
    takers.into_iter()
}

fn pass_on(deal: &mut Deal<'_>, way: &[usize]) {
    for step in way.windows(2).rev() {
        let (from, to) = (step[0], step[1]);
        let takes = |partition: &Partition<'_>| deal.subscribers[partition.0].contains(&to);
        let place = deal.given[from].iter().rposition(takes).expect("the way leads along what can be taken");
        let partition = deal.given[from].remove(place);
        deal.given[to].push(partition);
    }
}
