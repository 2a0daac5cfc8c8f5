//! What must hold of the machine and its world, after each step and at rest.

use hob_wire::Phase;

use super::{World, facts};
use crate::machine::BuildId;

impl World {
    /// What holds after each step.
    pub(super) fn look(&self, after: &str) {
        let status = self.machine.status(&facts());
        if let Some(open) = self.open {
            assert!(!self.runs[&open].gone, "requests go nowhere: {after}");
        }
        let Some(serving) = &status.serving else {
            return;
        };
        assert!(status.phase.serves(), "{:?} serves: {after}", status.phase);
        let run = &self.runs[&u64::from(serving.pid)];
        assert_eq!(self.open, Some(u64::from(serving.pid)), "{after}");
        let needed = self.built_for[&serving.generation];
        assert!(
            self.builds[&run.build].sources >= needed,
            "generation {} is told of a build without save {needed}: {after}",
            serving.generation
        );
        assert!(
            run.started_at >= self.started_for[&serving.generation],
            "generation {} is told of a process from before it: {after}",
            serving.generation
        );
        if self.spec.build.is_none() {
            // What counts as built is read when the process starts.
            return;
        }
        let built = status.built.expect("what serves was built");
        let newest = self.builds.values().rfind(|build| build.good);
        let sources = newest.expect("it was built").sources;
        assert!(
            sources >= self.built_for[&built.generation],
            "generation {} counts as built: {after}",
            built.generation
        );
    }

    /// What holds when nothing is on its way any more.
    pub fn at_rest(&self) {
        let status = self.machine.status(&facts());
        let phase = status.phase;
        assert!(
            !matches!(
                phase,
                Phase::Updating | Phase::Building | Phase::Starting | Phase::Backoff
            ),
            "{phase:?} for ever{}",
            self.story
        );
        let serving = status.serving.as_ref();
        for (id, run) in self.runs.iter().filter(|(_, run)| !run.gone) {
            let serves = serving.is_some_and(|it| u64::from(it.pid) == *id);
            assert!(serves, "process {id} was forgotten: {run:?}{}", self.story);
        }
        for (id, build) in &self.builds {
            let kept = build.done && !build.discarded;
            assert!(
                !kept || self.machine.in_use(BuildId(*id)),
                "the output of build {id} was forgotten{}",
                self.story
            );
        }
        if matches!(phase, Phase::Waiting | Phase::Resting | Phase::Stopped) {
            return;
        }
        // With another spec the very generation that serves may have failed.
        let newest = serving.is_some_and(|it| it.generation == self.saved);
        let problem = status.problem.map(|it| it.generation);
        assert!(
            problem == Some(self.saved) || newest && problem.is_none(),
            "{phase:?}, {serving:?}, problem of {problem:?}{}",
            self.story
        );
    }
}
