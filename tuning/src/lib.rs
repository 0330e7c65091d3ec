//! corelane-tuning
