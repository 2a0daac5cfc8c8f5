//! A plan of what may go, carried out.

use hob_registry::gc;
use hob_registry::gc::Protected;
use snapbox::{assert_data_eq, str};

use crate::holds::table;
use crate::push::OCI;
use crate::server::Server;
use crate::{digest, reference, repository};

#[tokio::test]
async fn what_a_plan_lets_go_is_gone_and_all_else_is_there() {
    let server = Server::new();
    let day = |day: usize| format!("2026-11-{day:02}T00:00:00Z");
    let mut pushed = Vec::new();
    for number in 1..=5 {
        let layer = format!("layer {number}");
        pushed.push(server.push("api", &format!("v{number}"), OCI, &day(number), &[&layer]));
    }
    let part = server.push("api", "", OCI, &day(1), &["part"]);
    server.push_index("api", "multi", OCI, &[&part]);
    let client = server.client();
    let protected = Protected {
        digests: [digest(&pushed[0].digest)].into(),
        tags: [(
            (repository("api"), "v2".parse().unwrap()),
            "api/web".to_owned(),
        )]
        .into(),
    };

    let plan = gc(&client.list().await.unwrap(), 2, &protected);
    let tags: Vec<usize> = plan.delete.iter().map(|gone| gone.tags.len()).collect();
    assert_eq!(tags, [1, 1, 0], "v3, multi and its part:\n{plan}");
    for gone in &plan.delete {
        client.delete(&gone.repository, &gone.digest).await.unwrap();
    }
    let after = client.list().await.unwrap();
    assert_data_eq!(
        table(&after),
        str![[r#"
api
  v1 77 B 2026-11-01T00:00:00Z 0 parts application/vnd.oci.image.manifest.v1+json
  v2 77 B 2026-11-02T00:00:00Z 0 parts application/vnd.oci.image.manifest.v1+json
  v4 77 B 2026-11-04T00:00:00Z 0 parts application/vnd.oci.image.manifest.v1+json
  v5 77 B 2026-11-05T00:00:00Z 0 parts application/vnd.oci.image.manifest.v1+json

"#]]
    );
    let head = client
        .head(&repository("api"), &reference(&part.digest))
        .await;
    assert_eq!(head.unwrap(), None);
    // Nothing more goes.
    assert_eq!(gc(&after, 2, &protected).delete, []);
}
