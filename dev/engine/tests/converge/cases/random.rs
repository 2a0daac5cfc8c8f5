//! How a case is drawn.

use std::collections::BTreeSet;

use hob_engine::{Level, Scope};
use proptest::prelude::*;

use super::{Case, FoundCase, SERVICES, ServiceCase, agent};

pub fn case() -> impl Strategy<Value = Case> {
    let services = (0..SERVICES).map(service).collect::<Vec<_>>();
    let scope = prop_oneof![
        3 => Just(Scope::Project),
        1 => Just(Scope::Stacks(BTreeSet::from(["s".to_owned()]))),
        2 => proptest::collection::btree_set(0..SERVICES, 0..=SERVICES).prop_map(|numbers| {
            Scope::Services(numbers.into_iter().map(|number| agent(number).owner()).collect())
        }),
    ];
    let foreign = proptest::collection::btree_set(0_u8..4, 0..2);
    let flags = (any::<bool>(), proptest::bool::weighted(0.1));
    (services, scope, foreign, flags).prop_map(|(services, scope, foreign, flags)| {
        let mut case = Case {
            services,
            scope,
            volumes: flags.0,
            down: flags.1,
            never_ready: false,
            foreign,
        };
        case.make_possible();
        case
    })
}

fn service(number: usize) -> impl Strategy<Value = ServiceCase> {
    let flags = (
        proptest::bool::weighted(0.8),
        proptest::bool::weighted(0.05),
        any::<bool>(),
        any::<bool>(),
        proptest::bool::weighted(0.3),
        proptest::bool::weighted(0.3),
    );
    // Needs go to lower numbers only: a project has no circle of them.
    let needs = proptest::collection::btree_set(0..SERVICES, 0..3)
        .prop_map(move |all| all.into_iter().filter(|other| *other < number).collect());
    let wants = proptest::collection::btree_set(0..SERVICES, 0..2)
        .prop_map(move |all| all.into_iter().filter(|other| *other != number).collect());
    let details = (
        0_u8..2,
        proptest::option::of(0_u8..8),
        needs,
        wants,
        found(),
    );
    (flags, details).prop_map(
        move |(flags, (config, port, needs, wants, found))| ServiceCase {
            number,
            wanted: flags.0,
            obstacle: flags.1,
            mode: flags.2,
            volume: flags.3,
            retry: flags.4,
            never_ready: flags.5,
            config,
            port,
            needs,
            wants,
            found,
        },
    )
}

fn found() -> impl Strategy<Value = FoundCase> {
    let level = prop_oneof![
        Just(Level::Created),
        Just(Level::Configured),
        Just(Level::Started),
        Just(Level::Ready),
    ];
    let flags = (
        any::<bool>(),
        proptest::bool::weighted(0.1),
        proptest::bool::weighted(0.2),
        any::<bool>(),
        proptest::bool::weighted(0.2),
    );
    let details = (
        proptest::option::of(level),
        0_u8..2,
        proptest::option::of(0_u8..8),
    );
    (flags, details).prop_map(|(flags, (agent, config, port))| FoundCase {
        agent,
        mode: flags.0,
        config,
        port,
        broken: flags.1,
        failed: flags.2,
        volume: flags.3,
        remains: flags.4,
    })
}
