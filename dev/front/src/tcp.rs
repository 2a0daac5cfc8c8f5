//! The gate for services that speak no HTTP: connection by connection.
//!
//! A connection is held, unread, until there is a target that accepts; then
//! bytes are copied both ways, each direction closing on its own. It counts as
//! in flight while it is open.

use tokio::net::TcpStream;

use crate::gate::Gate;
use crate::hold::{Hold, Step};
use crate::pool;
use crate::serve::Config;

/// Bytes in flight per direction.
const BUFFER: usize = 64 << 10;

/// Passes one client connection. Closes it when the gate has failed, is shut,
/// or holds for longer than the limit.
pub(crate) async fn pass(mut client: TcpStream, gate: &Gate, config: &Config) {
    let mut hold = Hold::new(gate, config.hold_limit);
    while let Step::Go(flight) = hold.target().await {
        let backend = flight.backend();
        match pool::connect(backend).await {
            Ok(mut server) => {
                let copied = tokio::io::copy_bidirectional_with_sizes(
                    &mut client,
                    &mut server,
                    BUFFER,
                    BUFFER,
                );
                tokio::select! {
                    // An error ends both sides, which is all there is to say.
                    _ = copied => {}
                    () = backend.closing() => {}
                }
                return;
            }
            Err(error) => {
                gate.refused(backend.target, &error);
                drop(flight);
                hold.pause(error.to_string()).await;
            }
        }
    }
}
