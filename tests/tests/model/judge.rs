//! Whether the outcome of a scenario is an expected one.

use super::*;

impl World {
    /// The client's job may be over: its outcome, and the next job.
    pub(super) fn follow(&mut self, scenario: &Scenario) -> Result<bool, Wrong> {
        let Step::Over(result) = self.ends[CLIENT].session.poll() else { return Ok(true) };
        if self.forgotten
            && matches!(result, Err(Failure::TimedOut | Failure::Stalled | Failure::UnexpectedEof))
        {
            self.restart(scenario)?;
            return Ok(true);
        }
        self.judge(result, scenario)?;
        self.job += 1;
        let Some(job) = scenario.jobs.get(self.job) else { return Ok(false) };
        if self.forgotten && !scenario.configs[CLIENT].lossy {
            self.restart(scenario)?;
        } else {
            self.begin(*job)?;
        }
        Ok(true)
    }

    /// Whether a result is an expected one.
    pub(super) fn judge(
        &self,
        result: Result<Outcome, Failure>,
        scenario: &Scenario,
    ) -> Result<(), Wrong> {
        let job = scenario.jobs[self.job];
        let expected = if self.job == 0 { scenario.expected } else { Ok((1, 0)) };
        let outcome = match (result, expected) {
            (Err(Failure::Refused(reason)), Err(expected)) if reason == expected => return Ok(()),
            (Ok(outcome), Ok(_)) => outcome,
            _ => return Err(format!("{job:?} came to {result:?}")),
        };
        let counts = (outcome.entries, outcome.refused);
        let counted = !matches!(job, Job::Close | Job::Ping);
        // An offer that came before a reboot need not come once more.
        let fits = |(entries, refused)| {
            refused == counts.1 && (entries == counts.0 || self.sessions > 1 && entries > counts.0)
        };
        if counted && !expected.is_ok_and(fits) {
            return Err(format!("{job:?} counted {counts:?}"));
        }
        if let Some((to, paths)) = job.moves(&scenario.stores) {
            for path in paths.iter().filter(|path| !scenario.refused.contains(&path.as_str())) {
                if self.ends[to].store.files.get(path) != scenario.stores[1 - to].files.get(path) {
                    return Err(format!("{job:?} is over, and {path} is not in place"));
                }
            }
            let is_removed = !self.ends[SERVER].store.files.contains_key("t/a");
            if matches!(job, Job::Operate(_)) && !is_removed {
                return Err(format!("{job:?} is over, and t/a is there"));
            }
            if to == SERVER && self.job == 0 {
                let told = self.ends[CLIENT].store.refused.iter().map(|(path, _)| path.as_str());
                let told: Vec<_> = told.collect();
                let unique: BTreeSet<_> = told.iter().copied().collect();
                // It knows by itself the files that it cannot read.
                let broken = &scenario.stores[CLIENT].broken;
                let wanted = scenario.refused.iter().copied();
                let wanted: BTreeSet<_> =
                    wanted.filter(|path| !broken.contains_key(*path)).collect();
                if unique.len() != told.len() || unique != wanted {
                    return Err(format!("the client told of refusals of {told:?}"));
                }
            }
        }
        Ok(())
    }

    /// Each file in place was there before, or is the other end's file of that name.
    pub(super) fn invariants(&self, scenario: &Scenario) -> Result<(), Wrong> {
        for end in ENDS {
            let [own, others] = [&scenario.stores[end], &scenario.stores[1 - end]];
            for (path, file) in &self.ends[end].store.files {
                if own.files.get(path) != Some(file) && others.files.get(path) != Some(file) {
                    return Err(format!("{path} at the {} was never offered", NAMES[end]));
                }
            }
            for path in &self.ends[end].store.directories {
                if !own.directories.contains(path) && !others.directories.contains(path) {
                    return Err(format!("{path}/ at the {} was never offered", NAMES[end]));
                }
            }
        }
        Ok(())
    }

    /// The next event if nothing goes wrong any more.
    pub(super) fn next(&self) -> Option<Event> {
        for end in [SERVER, CLIENT] {
            if self.arrives(end) {
                return Some(Event::Deliver(end));
            }
        }
        for end in ENDS {
            if self.ends[end].at == At::Exchanges {
                return Some(Event::Write(end));
            }
        }
        if self.forgotten { Some(Event::GiveUp) } else { self.first().map(Event::Timeout) }
    }

    /// Goes on without faults until all jobs are done, and checks that both ends can do more. The
    /// successors of a state that is `proven` need not be checked again.
    pub(super) fn end_well(
        mut self,
        scenario: &Scenario,
        mut goes_on: bool,
        proven: &mut HashSet<u128>,
    ) -> Result<(), Wrong> {
        (self.faults, self.reboots, self.outages) = (0, 0, 0);
        let mut path = Vec::new();
        let wrong = |path: &[Event], wrong: Wrong| format!("{wrong}, going on with {path:?}");
        while proven.insert(self.fingerprint()) {
            if !goes_on {
                return self.rest(scenario).map_err(|text| wrong(&path, text));
            }
            let next = self.next().ok_or_else(|| wrong(&path, "both wait for ever".into()))?;
            path.push(next);
            if path.len() > ENDLESS {
                return Err(wrong(&path[ENDLESS - 20..], "there is no end".into()));
            }
            goes_on = self.apply(next, scenario).map_err(|text| wrong(&path, text))?;
        }
        Ok(())
    }

    /// After the last job: the server becomes idle, and a further job succeeds.
    pub(super) fn rest(mut self, scenario: &Scenario) -> Result<(), Wrong> {
        while self.arrives(SERVER) || self.ends[SERVER].at == At::Exchanges {
            let event = if self.arrives(SERVER) { Event::Deliver } else { Event::Write };
            self.step_after(event(SERVER), scenario)?;
        }
        if matches!(scenario.jobs.last(), Some(Job::Close)) {
            return Ok(());
        }
        if !self.ends[SERVER].session.is_idle() && !self.forgotten {
            // It may still wait for the rest of a frame.
            while self.asks(SERVER) {
                self.step_after(Event::Timeout(SERVER), scenario)?;
            }
            if !self.ends[SERVER].session.is_idle() {
                return Err("the server does not become idle".into());
            }
        }
        let mut scenario = scenario.clone();
        scenario.jobs.extend([Job::Ping, Job::Put("later")]);
        let later = File::new(content(300, 99));
        self.ends[SERVER].store.room = u64::MAX;
        self.ends[CLIENT].store.shrinks = false;
        self.ends[CLIENT].store.files.insert("later".into(), later.clone());
        scenario.stores[CLIENT].files.insert("later".into(), later);
        if self.forgotten {
            self.restart(&scenario)?;
        } else {
            self.begin(scenario.jobs[self.job])?;
        }
        for _ in 0..ENDLESS {
            let next = self.next().ok_or("then both wait for ever")?;
            if !self.apply(next, &scenario).map_err(|text| format!("later {text}"))? {
                return Ok(());
            }
        }
        Err("later there is no end".into())
    }

    pub(super) fn step_after(&mut self, event: Event, scenario: &Scenario) -> Result<(), Wrong> {
        match event {
            Event::Deliver(end) => {
                if let Some(frame) = self.lines[end].pop_front() {
                    self.feed(end, &frame);
                }
            }
            Event::Write(end) => self.write(end),
            _ => self.time_out(SERVER),
        }
        self.invariants(scenario)
    }
}
