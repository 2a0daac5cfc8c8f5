use super::*;

#[test]
fn nobody_collects_while_somebody_pushes() {
    let (_folder, home) = home();
    let push = home.lock_registry(false).unwrap();
    assert!(push.is_some() && home.lock_registry(false).unwrap().is_some());
    assert!(home.lock_registry(true).unwrap().is_none());
    drop(push);
    let collect = home.lock_registry(true).unwrap().unwrap();
    assert!(home.lock_registry(false).unwrap().is_none());
    // Whoever it was handed to has it still.
    let handed = collect.once_more().unwrap();
    drop(collect);
    assert!(home.lock_registry(false).unwrap().is_none());
    drop(handed);
    assert!(home.lock_registry(false).unwrap().is_some());
}

#[test]
fn names_of_a_push_that_was_killed_are_found_and_those_of_one_that_goes_on_are_not() {
    let (_folder, home) = home();
    let named = |name: &str| Named {
        engine: "unix:///here".to_owned(),
        names: BTreeSet::from([name.to_owned()]),
    };
    let left = |engine: &str| -> Vec<Named> {
        let left = home.pushes_left(engine).into_iter();
        left.map(|it| it.named().clone()).collect()
    };
    let goes_on = home.note_push(named("a:1")).unwrap();
    drop(home.note_push(named("b:1")).unwrap());
    assert_eq!(left("unix:///here"), [named("b:1")]);
    assert_eq!(left("unix:///there"), []);
    let both = BTreeSet::from(["a:1".to_owned(), "b:1".to_owned()]);
    assert_eq!(home.names_pushed("unix:///here"), both);
    goes_on.done().unwrap();
    for note in home.pushes_left("unix:///here") {
        note.done().unwrap();
    }
    assert_eq!(home.names_pushed("unix:///here"), BTreeSet::new());
}
