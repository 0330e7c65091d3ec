//! corelane-actors
