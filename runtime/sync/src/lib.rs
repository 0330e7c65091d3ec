//! corelane-sync
