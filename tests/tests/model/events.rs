//! The events that can happen next, and their consequences.

use super::*;

impl World {
    pub(super) fn events(&self, scenario: &Scenario) -> Vec<Event> {
        let mut events = Vec::new();
        let lossy = scenario.configs[CLIENT].lossy;
        for end in ENDS {
            if self.arrives(end) {
                events.push(Event::Deliver(end));
                if self.faults > 0 {
                    events.extend([Event::Double(end), Event::Lose(end), Event::CutShort(end)]);
                }
            }
            if self.ends[end].at == At::Exchanges {
                events.push(Event::Write(end));
            }
            // Otherwise the frames on their way are late, or the other end is.
            if self.is_due(end) || (lossy && self.faults > 0 && self.asks(end)) {
                events.push(Event::Timeout(end));
            }
        }
        if self.reboots > 0 {
            if lossy {
                events.extend([Event::Reboot(CLIENT), Event::Reboot(SERVER)]);
            } else {
                events.extend([Event::Hangup { arrives: false }, Event::Hangup { arrives: true }]);
            }
        }
        let server = &self.ends[SERVER].session;
        if self.outages > 0 && server.number().is_some() && !server.is_idle() {
            events.push(Event::Outage);
        }
        if self.forgotten && self.is_quiet() {
            events.push(Event::GiveUp);
        }
        events
    }

    /// Lets an event happen. Returns whether there is a job left, or the fault.
    pub(super) fn apply(&mut self, event: Event, scenario: &Scenario) -> Result<bool, Wrong> {
        match event {
            Event::Timeout(end) if !self.is_due(end) => self.faults -= 1,
            Event::Double(_) | Event::Lose(_) | Event::CutShort(_) => self.faults -= 1,
            _ => {}
        }
        match event {
            Event::Deliver(end) | Event::CutShort(end) | Event::Lose(end) => {
                let frame = self.lines[end].pop_front().unwrap_or_else(|| Rc::from([]));
                match event {
                    Event::Deliver(_) => self.feed(end, &frame),
                    Event::CutShort(_) => self.feed(end, &frame[..frame.len() / 2]),
                    _ => {}
                }
            }
            Event::Double(end) => {
                let frame = self.lines[end].front().cloned().unwrap_or_else(|| Rc::from([]));
                self.feed(end, &frame);
            }
            Event::Write(end) => self.write(end),
            Event::Timeout(end) => self.time_out(end),
            Event::Reboot(CLIENT) => {
                self.reboots -= 1;
                self.ends[CLIENT].store.reboot();
                // An end that has other work leaves the job as it is.
                self.job = (self.job + 1).min(scenario.jobs.len() - 1);
                self.restart(scenario)?;
            }
            Event::Reboot(_) => {
                self.reboots -= 1;
                self.ends[SERVER].store.reboot();
                self.ends[SERVER].session = Peer::server(scenario.configs[SERVER]);
                self.ends[SERVER].session.resume(Some(self.now));
                self.forgotten = true;
                self.settle(SERVER);
            }
            Event::Hangup { arrives } => {
                self.reboots -= 1;
                self.hang_up(arrives)?;
                self.ends[SERVER].session = Peer::server(scenario.configs[SERVER]);
                self.settle(SERVER);
                self.forgotten = true;
            }
            Event::Outage => {
                self.outages -= 1;
                self.lines = Default::default();
                self.starve(SERVER, |server| server.session.is_idle());
                self.forgotten = true;
            }
            Event::GiveUp => {
                self.starve(CLIENT, |client| client.at == At::Over);
                if self.ends[CLIENT].at != At::Over {
                    return Err("the client never gives up".into());
                }
            }
        }
        for end in &mut self.ends {
            // The received frames, not the stored bytes.
            end.store.offers.clear();
            end.store.digests.clear();
            end.store.loaded = 0;
        }
        self.invariants(scenario)?;
        self.follow(scenario)
    }

    /// Nothing reaches an end or leaves it any more, until it is done.
    fn starve(&mut self, end: usize, is_done: impl Fn(&Machine) -> bool) {
        for _ in 0..50 {
            if is_done(&self.ends[end]) {
                return;
            }
            if self.ends[end].at == At::Exchanges {
                self.write(end);
            } else {
                self.time_out(end);
            }
            self.lines = Default::default();
        }
    }

    /// Both ends find the stream at its end.
    pub(super) fn hang_up(&mut self, arrives: bool) -> Result<(), Wrong> {
        let lines = std::mem::take(&mut self.lines);
        for (end, line) in lines.into_iter().enumerate() {
            for frame in line.iter().filter(|_| arrives) {
                self.feed(end, frame);
            }
            for _ in 0..ENDLESS {
                match self.ends[end].at {
                    At::Over => break,
                    _ => self.ends[end].session.received(0, Some(self.now)),
                }
                self.settle(end);
            }
            if self.ends[end].at != At::Over {
                return Err(format!("the {} does not see the end of the stream", NAMES[end]));
            }
        }
        self.lines = Default::default();
        Ok(())
    }
}
