//! file events to one batch of really changed paths
