//! Single keys of the terminal, without waiting for a line.
//!
//! Turns off line mode and echo, nothing else: Ctrl-C stays a signal. The
//! terminal is as it was once [`Keys`] is dropped.

use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use tokio::sync::mpsc;

/// The terminal in key mode.
pub struct Keys {
    before: Termios,
}

impl Keys {
    /// Begins to read keys; none when standard input is no terminal, or when
    /// this process is in its background (it would be stopped).
    pub fn read(keys: mpsc::UnboundedSender<char>) -> Option<Self> {
        let stdin = io::stdin();
        if !stdin.is_terminal() || tcgetpgrp(stdin.as_fd()).ok()? != rustix::process::getpgrp() {
            return None;
        }
        let before = tcgetattr(stdin.as_fd()).ok()?;
        let mut now = before.clone();
        now.local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(stdin.as_fd(), OptionalActions::Now, &now).ok()?;
        // It ends with the process: a read of a terminal cannot be given up.
        std::thread::spawn(move || {
            for byte in io::stdin().lock().bytes() {
                let Ok(byte) = byte else { return };
                if keys.send(char::from(byte)).is_err() {
                    return;
                }
            }
        });
        Some(Self { before })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Now, &self.before);
    }
}
