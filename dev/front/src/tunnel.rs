//! Upgraded connections: bytes both ways, whatever they mean.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

/// Bytes in flight per direction.
const BUFFER: usize = 32 << 10;

/// Copies between the two sides once both are upgraded, each direction closing
/// on its own, until both are done or the target is closed.
pub(crate) fn spawn(
    client: OnUpgrade,
    process: OnUpgrade,
    closing: impl Future<Output = ()> + Send + 'static,
) {
    tokio::spawn(async move {
        let copy = async {
            // Either side may go away instead; then there is no tunnel.
            let (Ok(client), Ok(process)) = tokio::join!(client, process) else {
                return;
            };
            let mut client = TokioIo::new(client);
            let mut process = TokioIo::new(process);
            // An error ends both sides, which is all there is to say.
            let _ =
                tokio::io::copy_bidirectional_with_sizes(&mut client, &mut process, BUFFER, BUFFER)
                    .await;
        };
        tokio::select! {
            () = copy => {}
            () = closing => {}
        }
    });
}
