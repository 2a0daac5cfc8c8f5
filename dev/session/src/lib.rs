//! The dev loop: watches the sources, tells the agents what was saved, plans
//! again when something is not as it should be.
//!
//! [`reducer`](Session) decides and is pure; [`run`] is the one `select!`
//! around it; [`Ground`] is what a session stands on. Knows no engine and
//! prints nothing.

mod changes;
mod ground;
mod link;
mod message;
mod reducer;
mod run;
mod selfwritten;
mod served;
mod shell;
mod socket;
mod sources;
#[cfg(test)]
mod tests;

pub use changes::Watched;
pub use ground::{Ground, Wire};
pub use message::{Applied, Command, Effect, End, Input, Performed, Save, Token, Told, Watching};
pub use reducer::Session;
pub use run::{Error, Key, Setup, Shown, run};
pub use selfwritten::SelfWritten;
