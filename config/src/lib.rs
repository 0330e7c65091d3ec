//! corelane-config
