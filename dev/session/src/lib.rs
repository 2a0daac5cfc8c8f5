//! the dev loop: one select!, a pure reducer
