//! supervises one service: builds, starts, checks, swaps, keeps logs
