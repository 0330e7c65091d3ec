//! corelane-latency-tests
