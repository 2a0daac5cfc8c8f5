//! the gate: holds or routes requests while the process behind it changes
