//! What must hold of every assignment, for random groups.

use std::collections::BTreeSet;

use arbtest::arbitrary::{Result, Unstructured};

use super::{Assignor, Counts, Subscriber};
use crate::ops::Assignment;

const ALL: [Assignor; 3] = [Assignor::Range, Assignor::RoundRobin, Assignor::Sticky];
const TOPICS: [&str; 4] = ["a", "b", "c", "d"];

fn subscriber(id: &str, topics: &[&str]) -> Subscriber {
    let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
    Subscriber { id: id.to_owned(), topics, ..Subscriber::default() }
}

fn counts(of: &[(&str, u32)]) -> Counts {
    of.iter().map(|(topic, count)| ((*topic).to_owned(), *count)).collect()
}

fn share(of: &[(&str, &[u32])]) -> Assignment {
    of.iter().map(|(topic, partitions)| ((*topic).to_owned(), partitions.to_vec())).collect()
}

fn some_counts(u: &mut Unstructured<'_>) -> Result<Counts> {
    TOPICS.iter().map(|topic| Ok(((*topic).to_owned(), u.int_in_range(0..=9)?))).collect()
}

/// Members in no order, who subscribe to the same topics or each to others.
fn some_members(u: &mut Unstructured<'_>, alike: bool) -> Result<Vec<Subscriber>> {
    let some_topics = |u: &mut Unstructured<'_>| {
        TOPICS
            .into_iter()
            .filter_map(|t| u.ratio(2, 3).map(|is| is.then_some(t)).transpose())
            .collect::<Result<Vec<_>>>()
    };
    let shared = some_topics(u)?;
    let mut members = Vec::new();
    for number in 0..u.int_in_range(1..=10)? {
        let topics = if alike { shared.clone() } else { some_topics(u)? };
        let place = u.choose_index(members.len() + 1)?;
        members.insert(place, subscriber(&format!("m{number}"), &topics));
    }
    Ok(members)
}

/// Claims to anything, also to what is gone, unwanted, or claimed by others.
fn claim_something(u: &mut Unstructured<'_>, members: &mut [Subscriber]) -> Result<()> {
    for member in members {
        member.owned_in = u.int_in_range(0..=3)?;
        for topic in TOPICS {
            let mut partitions =
                (0..u.int_in_range(0..=4)?).map(|_| u.int_in_range(0..=11)).collect::<Result<Vec<_>>>()?;
            partitions.sort_unstable();
            partitions.dedup();
            member.owned.push((topic.to_owned(), partitions));
        }
    }
    Ok(())
}

fn flat(share: &Assignment) -> impl Iterator<Item = (&str, u32)> {
    share.iter().flat_map(|(topic, partitions)| partitions.iter().map(|partition| (topic.as_str(), *partition)))
}

fn loads(plan: &[(String, Assignment)]) -> Vec<usize> {
    plan.iter().map(|(_, share)| flat(share).count()).collect()
}

/// Everything that has a subscriber is given once, to one who subscribed; all members are in the plan.
fn check_complete(members: &[Subscriber], counts: &Counts, plan: &[(String, Assignment)]) {
    let mut ids: Vec<_> = members.iter().map(|member| member.id.as_str()).collect();
    ids.sort_unstable();
    assert!(plan.iter().map(|(id, _)| id.as_str()).eq(ids), "{plan:?}");
    let wanted = |topic: &String| members.iter().any(|member| member.topics.contains(topic));
    let all = counts.iter().filter(|(topic, _)| wanted(topic));
    let all: BTreeSet<_> = all.flat_map(|(topic, count)| (0..*count).map(move |p| (topic.as_str(), p))).collect();
    let given: Vec<_> = plan.iter().flat_map(|(_, share)| flat(share)).collect();
    assert_eq!(given.len(), all.len(), "{plan:?}");
    assert_eq!(given.into_iter().collect::<BTreeSet<_>>(), all);
    for (id, share) in plan {
        let member = members.iter().find(|member| member.id == *id).unwrap();
        assert!(share.iter().all(|(topic, _)| member.topics.contains(topic)), "{id}: {share:?}");
    }
}

/// How many partitions somebody claimed do not stay with him, of those that can.
fn moved(members: &[Subscriber], plan: &[(String, Assignment)]) -> usize {
    let share = |id: &str| &plan.iter().find(|(member, _)| member == id).unwrap().1;
    let lost = |member: &Subscriber| {
        let kept: BTreeSet<_> = flat(share(&member.id)).collect();
        flat(&member.owned).filter(|partition| !kept.contains(partition)).count()
    };
    members.iter().map(lost).sum()
}

#[test]
fn every_partition_goes_to_one_member_that_subscribed() {
    arbtest::arbtest(|u| {
        let counts = some_counts(u)?;
        let alike = u.arbitrary()?;
        let mut members = some_members(u, alike)?;
        claim_something(u, &mut members)?;
        for assignor in ALL {
            let plan = assignor.assign(&members, &counts);
            check_complete(&members, &counts, &plan);
            members.reverse();
            assert_eq!(plan, assignor.assign(&members, &counts), "the order of members does not matter");
        }
        Ok(())
    });
}

#[test]
fn members_that_subscribed_alike_get_alike() {
    arbtest::arbtest(|u| {
        let counts = some_counts(u)?;
        let mut members = some_members(u, true)?;
        claim_something(u, &mut members)?;
        for assignor in [Assignor::RoundRobin, Assignor::Sticky] {
            let loads = loads(&assignor.assign(&members, &counts));
            assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1, "{assignor:?}: {loads:?}");
        }
        for (topic, _) in Assignor::Range.assign(&members, &counts).iter().flat_map(|(_, share)| share) {
            let alone = Counts::from([(topic.clone(), counts[topic])]);
            let loads = loads(&Assignor::Range.assign(&members, &alone));
            assert!(loads.is_sorted_by(|a, b| a >= b) && loads[0] - loads[loads.len() - 1] <= 1, "{loads:?}");
        }
        Ok(())
    });
}

/// Whoever has two more than another has nothing that the other could read.
#[test]
fn sticky_is_fair_where_members_subscribed_differently() {
    arbtest::arbtest(|u| {
        let counts = some_counts(u)?;
        let mut members = some_members(u, false)?;
        claim_something(u, &mut members)?;
        let plan = Assignor::Sticky.assign(&members, &counts);
        for (_, full) in &plan {
            for (id, empty) in plan.iter().filter(|(_, share)| flat(share).count() + 2 <= flat(full).count()) {
                let member = members.iter().find(|member| member.id == *id).unwrap();
                assert!(!full.iter().any(|(topic, _)| member.topics.contains(topic)), "{empty:?} {full:?}");
            }
        }
        Ok(())
    });
}

/// From a fair assignment some members go, some come and partitions are added;
/// the others give up only what is beyond their fair share.
#[test]
fn sticky_moves_the_least() {
    arbtest::arbtest(|u| {
        let mut counts = some_counts(u)?;
        let mut members = some_members(u, true)?;
        let plan = Assignor::Sticky.assign(&members, &counts);
        for member in &mut members {
            member.owned = plan.iter().find(|(id, _)| *id == member.id).unwrap().1.clone();
        }
        assert_eq!(moved(&members, &Assignor::Sticky.assign(&members, &counts)), 0, "nothing has changed");
        for _ in 0..u.int_in_range(0..=members.len() - 1)? {
            members.swap_remove(u.choose_index(members.len())?);
        }
        for number in 0..u.int_in_range(0..=5)? {
            let topics = members[0].topics.clone();
            members.push(Subscriber { id: format!("n{number}"), topics, ..Subscriber::default() });
        }
        for count in counts.values_mut().filter(|count| **count > 0) {
            *count += u.int_in_range(0..=3)?;
        }
        let plan = Assignor::Sticky.assign(&members, &counts);
        assert_eq!(moved(&members, &plan), least(&members, &loads(&plan)), "{members:?} {plan:?}");
        Ok(())
    });
}

/// The fewest that have to move: the larger shares go to those who have most.
fn least(members: &[Subscriber], loads: &[usize]) -> usize {
    let mut owned: Vec<_> = members.iter().map(|member| flat(&member.owned).count()).collect();
    let mut loads = loads.to_vec();
    owned.sort_unstable();
    loads.sort_unstable();
    owned.iter().zip(loads).map(|(owned, load)| owned.saturating_sub(load)).sum()
}

#[test]
fn range_gives_the_first_members_one_more() {
    let members = [subscriber("c", &["t"]), subscriber("a", &["t"]), subscriber("b", &["t", "u"])];
    let plan = Assignor::Range.assign(&members, &counts(&[("t", 8), ("u", 2), ("other", 3)]));
    let expected = [
        ("a".to_owned(), share(&[("t", &[0, 1, 2])])),
        ("b".to_owned(), share(&[("t", &[3, 4, 5]), ("u", &[0, 1])])),
        ("c".to_owned(), share(&[("t", &[6, 7])])),
    ];
    assert_eq!(plan, expected);
}

#[test]
fn round_robin_skips_those_who_did_not_subscribe() {
    let members = [subscriber("a", &["t"]), subscriber("b", &["u"]), subscriber("c", &["t", "u"])];
    let plan = Assignor::RoundRobin.assign(&members, &counts(&[("t", 3), ("u", 2)]));
    let expected = [
        ("a".to_owned(), share(&[("t", &[0, 2])])),
        ("b".to_owned(), share(&[("u", &[0])])),
        ("c".to_owned(), share(&[("t", &[1]), ("u", &[1])])),
    ];
    assert_eq!(plan, expected);
}

#[test]
fn of_two_who_claim_a_partition_the_later_reader_keeps_it() {
    let mut members = [subscriber("a", &["t"]), subscriber("b", &["t"])];
    members.iter_mut().for_each(|member| member.owned = share(&[("t", &[1])]));
    members[1].owned_in = 1;
    let plan = Assignor::Sticky.assign(&members, &counts(&[("t", 2)]));
    assert_eq!(plan[1].1, share(&[("t", &[1])]));
}

/// a has four, b three and c two, and only b shares a topic with each of the others.
#[test]
fn sticky_evens_out_by_way_of_others() {
    let mut members = [subscriber("a", &["t"]), subscriber("b", &["t", "u"]), subscriber("c", &["u"])];
    members[0].owned = share(&[("t", &[0, 1, 2, 3])]);
    members[1].owned = share(&[("u", &[0, 1, 2])]);
    members[2].owned = share(&[("u", &[3, 4])]);
    let plan = Assignor::Sticky.assign(&members, &counts(&[("t", 4), ("u", 5)]));
    assert_eq!(loads(&plan), [3, 3, 3]);
}
