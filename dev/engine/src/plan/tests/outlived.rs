//! What is outlived by something newer, and what a stack has as a whole.

use snapbox::str;

use super::check;

#[test]
fn an_image_is_built_before_what_runs_goes_and_the_older_one_goes_once_it_ran() {
    check(
        "goapi mode=2 config=1 from=goapi/img2
         goapi/img2 early
         outdated=goapi/img1 by=goapi",
        "goapi ready mode=1 config=1 needs=goapi/img1
         goapi/img1",
        str![[r#"
0 create volume s/goapi/img2  because it is not there
1 remove agent s/goapi        because its mode is 1 and has to be 2 <0
2 create agent s/goapi        because it is made anew <1
3 configure agent s/goapi     because it is new <2
4 start agent s/goapi         because it is to run <3
5 await agent s/goapi         because others may rely on it only then <4
6 remove volume s/goapi/img1  because another one takes its place <1? <2

"#]],
    );
}

#[test]
fn an_image_is_built_without_touching_anything_else() {
    check(
        "goapi/img2 early
         scope=",
        "goapi ready mode=1 config=1 needs=goapi/img1
         goapi/img1",
        str![[r#"
0 create volume s/goapi/img2  because it is not there

"#]],
    );
}

#[test]
fn an_older_image_of_what_runs_from_the_newer_one_goes_at_once() {
    check(
        "goapi mode=2 config=1 from=goapi/img2
         goapi/img2 early
         outdated=goapi/img1 by=goapi",
        "goapi ready mode=2 config=1 needs=goapi/img2
         goapi/img2
         goapi/img1",
        str![[r#"
0 remove volume s/goapi/img1  because another one takes its place

"#]],
    );
}

#[test]
fn a_network_goes_with_the_last_service_that_needs_it() {
    check(
        "scope=goapi",
        "goapi ready mode=1 needs=@
         @",
        str![[r#"
0 remove agent s/goapi  because it is not asked for
1 remove network s      because it is not asked for <0?

"#]],
    );
}

#[test]
fn a_network_stays_while_a_service_out_of_reach_needs_it() {
    check(
        "scope=goapi",
        "goapi ready mode=1 needs=@
         db ready mode=1 needs=@
         @",
        str![[r#"
0 remove agent s/goapi  because it is not asked for

"#]],
    );
}

#[test]
fn a_network_is_not_made_for_services_that_cannot_come_up() {
    check(
        "goapi mode=1 config=1 port=80 needs=@
         @",
        "held port=80 by=nginx",
        str![[r#"
! s/goapi: port 80 is taken: nginx has it
  hint: `--port-offset 100`

"#]],
    );
}
