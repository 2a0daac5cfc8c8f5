//! observed, plan, apply, ledger and the engines
