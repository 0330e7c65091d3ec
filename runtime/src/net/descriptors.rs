//! The file descriptors of a driver.

use super::driver::ACCEPTS_PER_LISTENER;
use super::{DriverConfig, EndpointSpec};

/// The file descriptors that a driver may have open at once, by purpose.
///
/// The driver uses plain descriptors, none that are registered with the ring. So each accepted connection counts for the
/// process's limit, also one without a slot, until its close is done. Per listener, as many of those may wait to be closed as
/// accepts are in flight, while as many accepts again have completed.
pub(crate) fn descriptors(config: &DriverConfig, endpoints: &[&EndpointSpec]) -> [(&'static str, usize); 5] {
    let count = |wanted: fn(&EndpointSpec) -> bool| endpoints.iter().filter(|spec| wanted(spec)).count();
    let listeners = count(|spec| matches!(spec, EndpointSpec::Listen { .. }));
    let outgoing = count(|spec| matches!(spec, EndpointSpec::Connect { .. }));
    let accepted = if listeners > 0 { config.connections_max as usize } else { 0 };
    [
        ("rings of the network drivers", 1),
        ("listening sockets", listeners),
        ("UDP sockets", count(|spec| matches!(spec, EndpointSpec::Udp(_)))),
        ("connections", accepted + outgoing),
        ("connections beyond the bound, until they are closed", 2 * ACCEPTS_PER_LISTENER * listeners),
    ]
}
