//! The search itself: every state once, and from each one a way on to a good end.

use super::*;

/// States of a scenario from which one is tried without the fields that its identity leaves out.
const COMPARED: usize = 100;

impl Scenario {
    /// Searches the events with no fault first, then with one, and so on, until every state was
    /// found.
    pub(super) fn search(&self) {
        let began = Instant::now();
        let world = World::new(self);
        let troubles = |world: &World| usize::from(world.faults + world.reboots + world.outages);
        let budget = troubles(&world);
        let mut seen = HashSet::from([world.fingerprint()]);
        let mut proven = HashSet::new();
        let mut found = vec![Found { before: 0, event: Event::GiveUp }];
        let mut ahead = vec![VecDeque::new(); budget + 1];
        ahead[0].push_back((0, world));
        let (mut level, mut events) = (0, 0);
        while level <= budget {
            let Some((before, world)) = ahead[level].pop_front() else {
                level += 1;
                continue;
            };
            for event in world.events(self) {
                let mut next = world.clone();
                events += 1;
                let goes_on = next.apply(event, self).unwrap_or_else(|wrong| {
                    let mut path = way(&found, before);
                    path.push(event);
                    panic!("{}: {wrong}{}", self.name, tell(self, &path))
                });
                let fingerprint = next.fingerprint();
                if found.len() < COMPARED {
                    self.compare(&world, event, fingerprint);
                }
                if !seen.insert(fingerprint) {
                    continue;
                }
                found.push(Found { before, event });
                let number = found.len() - 1;
                next.clone().end_well(self, goes_on, &mut proven).unwrap_or_else(|wrong| {
                    let path = way(&found, number);
                    panic!("{}: {wrong}, after{}", self.name, tell(self, &path))
                });
                if goes_on {
                    ahead[budget - troubles(&next)].push_back((number, next));
                }
            }
        }
        let (states, took) = (found.len(), began.elapsed().as_millis());
        println!("{states} states, {events} events, {took} ms: {}", self.name);
        self.check_states(states);
    }

    /// The fields that the identity of a state leaves out have no influence: without them the same follows.
    fn compare(&self, world: &World, event: Event, fingerprint: u128) {
        let mut alike = world.canonical();
        let same = alike.apply(event, self).is_ok() && alike.fingerprint() == fingerprint;
        assert!(same, "{}: {event:?} leads to another state without the omitted parts", self.name);
    }
}
