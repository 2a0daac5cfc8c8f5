//! Images: what a Dockerfile asks for, what is sent to an engine, whether
//! anything of it changed, and the build itself.
