//! Planning and applying converge, whatever was there and whatever is killed.
//!
//! `world.rs` is a fake outside that checks what an engine relies on,
//! `cases.rs` makes random questions. The properties are below.

#![expect(clippy::unwrap_used, reason = "tests")]

mod cases;
mod world;

use std::sync::Arc;

use hob_engine::{Applied, Level, Outcome, Plan, Scope, StepState, Verb, World as _, apply, plan};
use proptest::prelude::*;
use tokio::sync::{Notify, mpsc};

use cases::{Case, case};
use world::{Book, Fuse, Snapshot, Spec, When, World};

/// A failure prints its whole case, so nothing is stored beside the sources.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Plans for what is there now.
async fn planned(world: &World, case: &Case) -> Plan<Spec> {
    let found = world.observe(&()).await.unwrap();
    plan(&case.wanted(), &found)
}

/// Applies a plan; with a fuse, until the world is killed.
async fn applied(world: &Arc<World>, plan: &Plan<Spec>, fuse: Option<Fuse>) -> Applied {
    let killed = Arc::new(Notify::new());
    let book = Arc::new(Book::default());
    world.begin(fuse, Arc::clone(&killed), Arc::clone(&book));
    let (progress, mut told) = mpsc::unbounded_channel();
    let cancel = async move { killed.notified().await };
    let applied = apply(plan, world, &book, &progress, cancel).await;
    drop(progress);
    let mut ended = 0;
    while let Some(progress) = told.recv().await {
        ended += usize::from(matches!(progress.state, StepState::Ended(_)));
    }
    assert_eq!(ended, plan.steps.len(), "each step ends exactly once");
    applied
}

/// What has to hold once nothing is left to do.
fn assert_converged(before: &Snapshot, after: &Snapshot, case: &Case, plan: &Plan<Spec>) {
    let wanted = case.wanted();
    let blocked: Vec<_> = plan.obstacles.iter().map(|o| o.owner.clone()).collect();
    for resource in &wanted.resources {
        if blocked.contains(&resource.id.owner()) {
            continue;
        }
        let thing = after.things.get(&resource.id);
        let thing = thing.unwrap_or_else(|| panic!("{} is missing", resource.id));
        assert!(
            thing.level >= resource.level,
            "{} is not there yet",
            resource.id
        );
        assert_eq!(thing.identity, resource.identity, "{}", resource.id);
        if resource.config.is_some() {
            assert_eq!(thing.config, resource.config, "{}", resource.id);
        }
    }
    for (id, thing) in &after.things {
        let owner = id.owner();
        let asked = wanted.resources.iter().any(|wanted| wanted.id == *id);
        let kept = thing.durable && !wanted.remove_durable;
        let left = asked || kept || blocked.contains(&owner) || !wanted.scope.contains(&owner);
        assert!(left, "{id} is left over");
    }
    for (id, thing) in &before.things {
        if !wanted.scope.contains(&id.owner()) {
            assert_eq!(after.things.get(id), Some(thing), "{id} is out of scope");
        }
        if thing.durable && !wanted.remove_durable && thing.broken.is_none() {
            assert!(after.things.contains_key(id), "{id} held data");
        }
    }
    assert_eq!(
        before.foreign, after.foreign,
        "what is not ours was touched"
    );
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(work)
}

/// Plans and applies until nothing is left; a single time has to do.
async fn settle(world: &Arc<World>, case: &Case, before: &Snapshot) {
    let first = planned(world, case).await;
    let outcome = applied(world, &first, None).await;
    world.assert_sound();
    assert!(outcome.is_done(), "{}\n{outcome:?}", first.to_text());
    let second = planned(world, case).await;
    assert!(second.steps.is_empty(), "not empty:\n{}", second.to_text());
    assert_converged(before, &world.snapshot(), case, &second);
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn after_an_apply_there_is_nothing_left_to_do(case in case()) {
        run(async {
            let world = Arc::new(World::of(&case));
            settle(&world, &case, &world.snapshot()).await;
        });
    }

    #[test]
    fn a_plan_is_the_same_for_the_same_question(case in case()) {
        run(async {
            let world = World::of(&case);
            let texts = (planned(&world, &case).await, planned(&world, &case).await);
            prop_assert_eq!(texts.0.to_text(), texts.1.to_text());
            Ok(())
        })?;
    }

    #[test]
    fn down_leaves_nothing_that_is_ours(mut case in case()) {
        case.down = true;
        case.volumes = true;
        case.scope = Scope::Project;
        run(async {
            let world = Arc::new(World::of(&case));
            settle(&world, &case, &world.snapshot()).await;
            prop_assert!(world.snapshot().things.is_empty());
            Ok(())
        })?;
    }

    #[test]
    fn what_does_not_become_ready_holds_back_only_what_needs_it(mut case in case()) {
        case.never_ready = true;
        run(async {
            let world = Arc::new(World::of(&case));
            let plan = planned(&world, &case).await;
            let outcome = applied(&world, &plan, None).await;
            world.assert_sound();
            for step in &plan.steps {
                let held_back = step.after.iter().any(|after| {
                    let done = matches!(outcome.outcomes[after.step.0], Outcome::Done { .. });
                    after.required && !done
                });
                let never = step.verb == Verb::Await && case.is_never_ready(&step.resource);
                let expected = matches!(
                    (&outcome.outcomes[step.id.0], held_back, never),
                    (Outcome::Skipped { .. }, true, _)
                        | (Outcome::Failed(_), false, true)
                        | (Outcome::Done { .. }, false, false)
                );
                prop_assert!(expected, "{}: {:?}", step.title(), outcome.outcomes[step.id.0]);
            }
            // Once it is mended, the rest goes on.
            case.never_ready = false;
            world.mend();
            settle(&world, &case, &world.snapshot()).await;
            Ok(())
        })?;
    }
}

proptest! {
    // Each case is applied three times for every one of its steps.
    #![proptest_config(config(60))]

    #[test]
    fn killed_at_any_step_and_run_again_it_converges(case in case()) {
        run(async {
            let before = World::of(&case).snapshot();
            let steps = planned(&World::of(&case), &case).await.steps.len();
            for at in 0..steps {
                for when in [When::Before, When::Half, When::After] {
                    let world = Arc::new(World::of(&case));
                    let plan = planned(&world, &case).await;
                    let fuse = Fuse { at, when };
                    let outcome = applied(&world, &plan, Some(fuse)).await;
                    prop_assert!(outcome.was_interrupted());
                    settle(&world, &case, &before).await;
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn killed_again_and_again_it_still_converges(case in case(), fuses in fuses()) {
        run(async {
            let world = Arc::new(World::of(&case));
            let before = world.snapshot();
            for fuse in fuses {
                let plan = planned(&world, &case).await;
                applied(&world, &plan, Some(fuse)).await;
            }
            settle(&world, &case, &before).await;
        });
    }
}

fn fuses() -> impl Strategy<Value = Vec<Fuse>> {
    let when = prop_oneof![Just(When::Before), Just(When::Half), Just(When::After)];
    let fuse = (0_usize..20, when).prop_map(|(at, when)| Fuse { at, when });
    proptest::collection::vec(fuse, 1..6)
}

#[test]
fn a_service_goes_through_all_levels_once() {
    run(async {
        let case = Case::one_service();
        let world = Arc::new(World::of(&case));
        settle(&world, &case, &world.snapshot()).await;
        let levels: Vec<Level> = world.snapshot().things.values().map(|t| t.level).collect();
        assert_eq!(levels, [Level::Ready]);
        assert_eq!(world.performed(), 4);
    });
}
