//! Random lives of a service: whatever is asked of the machine, and however
//! builds and processes turn out, in whatever order the answers come. `world`
//! stands for everything outside of the machine.

mod world;

use hob_wire::{ChangeAction, Phase, Ready, Restart, Spec, Swap};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::Input;
use super::tests::spec;
use world::{Luck, World, facts};

/// What a client or the world does next.
#[derive(Debug, Clone)]
enum Act {
    Save(ChangeAction),
    Start,
    Restart,
    Rest,
    Signal,
    ConfigureRun,
    ConfigureBuild,
    /// One of the things that may happen now, chosen by number.
    Happen(prop::sample::Index, Luck),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let action = prop_oneof![
        4 => Just(ChangeAction::Rebuild),
        1 => Just(ChangeAction::Restart),
        1 => Just(ChangeAction::Signal),
        1 => Just(ChangeAction::None),
    ];
    let luck = prop_oneof![3 => Just(Luck::Good), 1 => Just(Luck::Bad)];
    let act = prop_oneof![
        6 => action.prop_map(Act::Save),
        2 => Just(Act::Start),
        1 => Just(Act::Restart),
        1 => Just(Act::Rest),
        1 => Just(Act::Signal),
        1 => Just(Act::ConfigureRun),
        1 => Just(Act::ConfigureBuild),
        30 => (any::<prop::sample::Index>(), luck).prop_map(|(at, luck)| Act::Happen(at, luck)),
    ];
    prop::collection::vec(act, 0..80)
}

fn specs() -> impl Strategy<Value = Spec> {
    let swap = prop_oneof![3 => Just(Swap::Overlap), 1 => Just(Swap::Exclusive)];
    let restart = prop_oneof![
        3 => Just(Restart::Always),
        1 => Just(Restart::OnFailure),
        1 => Just(Restart::Never),
    ];
    let forms = (any::<bool>(), prop::bool::weighted(0.8));
    (swap, restart, forms).prop_map(|(swap, restart, (builds, listens))| {
        let before = spec();
        Spec {
            swap,
            restart,
            listen: before.listen.filter(|_| listens),
            ready: if listens { Ready::Tcp } else { Ready::Started },
            build: before.build.clone().filter(|_| builds),
            ..before
        }
    })
}

fn live(spec: Spec, acts: Vec<Act>) -> World {
    let mut world = World::new(spec);
    world.configure();
    for act in acts {
        match act {
            Act::Save(action) => world.save(action),
            Act::Start => world.take(Input::Start),
            Act::Restart => world.take(Input::Restart),
            Act::Rest => world.take(Input::Rest),
            Act::Signal => world.take(Input::Signal),
            Act::ConfigureRun => {
                world.spec.run.argv.push("more".into());
                world.configure();
            }
            Act::ConfigureBuild => {
                let more = world.spec.env.len().to_string();
                world.spec.env.insert(more, String::new());
                world.configure();
            }
            Act::Happen(at, luck) => {
                let events = world.events(true);
                if !events.is_empty() {
                    world.happen(*at.get(&events), luck);
                }
            }
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None::<Box<FileFailurePersistence>>.map(|it| it as _),
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_happens_the_newest_save_serves_or_a_problem_names_it(
        spec in specs(), acts in acts(),
    ) {
        let mut world = live(spec, acts);
        world.settle();
        world.at_rest();

        // However bad it was: one good save mends everything.
        world.take(Input::Start);
        world.settle();
        world.save(ChangeAction::Rebuild);
        world.settle();
        world.at_rest();
        let status = world.machine.status(&facts());
        prop_assert_eq!(status.phase, Phase::Ready);
        prop_assert_eq!(status.serving.map(|it| it.generation), Some(world.saved));
        prop_assert_eq!(status.problem, None);
    }

    #[test]
    fn at_any_moment_a_service_rests_without_a_process_and_comes_back(
        spec in specs(), acts in acts(),
    ) {
        let mut world = live(spec, acts);
        world.take(Input::Rest);
        world.settle();
        prop_assert!(!world.machine.runs());
        prop_assert!(world.runs.values().all(|run| run.gone));
        world.save(ChangeAction::Rebuild);
        world.settle();
        prop_assert!(!world.machine.runs());
        world.take(Input::Restart);
        world.settle();
        world.at_rest();
        let serving = world.machine.status(&facts()).serving;
        prop_assert_eq!(serving.map(|it| it.generation), Some(world.saved));
    }

    #[test]
    fn at_any_moment_a_shutdown_ends_all(spec in specs(), acts in acts()) {
        let mut world = live(spec, acts);
        world.leaving = true;
        world.take(Input::Shutdown);
        world.settle();
        prop_assert!(world.over);
        prop_assert_eq!(world.machine.phase(), Phase::Stopped);
        // Late words change nothing.
        world.take(Input::Signal);
        world.take(Input::Restart);
        world.take(Input::Start);
        world.save(ChangeAction::Rebuild);
        prop_assert!(world.runs.values().all(|run| run.gone));
    }
}
