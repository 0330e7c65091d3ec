//! The ports of an actor together, and the macro that declares them.

use super::state::Port;
use crate::message::Message;

/// The part of a port that does not depend on its message type. The cell calls it.
#[doc(hidden)]
pub trait AnyPort {
    /// How many steps, `wanted` at most, may run with `reserve` steps' room left over; admission ports do not limit
    /// message steps.
    fn steps_room(&mut self, wanted: usize, reserve: usize, admitting: bool) -> usize;
    /// Prefetches the slot of the next message.
    fn prefetch(&mut self);
    /// Publishes a ring's slots and moves staged messages into the edge; returns how many messages stay. Messages that do
    /// not fit are dropped and counted if the edge drops. Otherwise they stay and go first the next time: a callback that
    /// cannot be put off (a disconnect, a neighbour's failure, the end of a batch) sends even without room.
    fn flush(&mut self) -> usize;
    /// Discards the messages of step `step_id`.
    fn roll_back(&mut self, step_id: u64);
    /// Ends an edge to a reader outside the topology: no more comes.
    fn close(&mut self);
    /// Sets the generation of the actor that sends from now on.
    fn set_generation(&mut self, generation: u16);
    /// Messages sent.
    fn sent(&self) -> u64;
    /// Messages dropped by [`Overflow::DropNewest`] or [`Overflow::Prioritize`], or since the reader is gone.
    fn dropped(&self) -> u64;
    /// Whether its reader outside the topology is gone, for which it no longer waits.
    fn is_forsaken(&self) -> bool;
}

/// The ports of an actor: [`Port`] itself (one port), `()` (none), or a struct that [`ports!`](crate::ports) declares.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what an actor sends by",
    label = "neither `()`, a `Port` nor a struct of ports",
    note = "use `()` for no output, `Port<M>` for one, and a struct that `ports!` declares for several"
)]
pub trait Outputs: Default + 'static {
    /// Shows every port with its name.
    #[doc(hidden)]
    fn visit(&mut self, visitor: &mut dyn FnMut(&'static str, &mut dyn AnyPort));

    /// [`AnyPort::prefetch`] of every port. Called by the cell.
    #[doc(hidden)]
    fn prefetch_all(&mut self) {
        self.visit(&mut |_, port| port.prefetch());
    }

    /// [`AnyPort::flush`] of every port; returns how many messages stay. Called by the cell.
    #[doc(hidden)]
    fn flush_all(&mut self) -> usize {
        let mut stay = 0;
        self.visit(&mut |_, port| stay += port.flush());
        stay
    }
}

impl Outputs for () {
    fn visit(&mut self, _visitor: &mut dyn FnMut(&'static str, &mut dyn AnyPort)) {}
}

impl<M: Message> Outputs for Port<M> {
    #[inline]
    fn visit(&mut self, visitor: &mut dyn FnMut(&'static str, &mut dyn AnyPort)) {
        visitor("out", self);
    }

    #[inline]
    fn prefetch_all(&mut self) {
        self.prefetch();
    }

    #[inline]
    fn flush_all(&mut self) -> usize {
        self.flush()
    }
}

/// Declares an actor's ports: a struct with one [`Port`] per field, named as the type of its messages.
///
/// The fields are public, and the struct has `Default` and `Debug`: derive neither.
///
/// ```
/// use corelane_runtime::{message::Message, ports};
/// #[derive(Clone, Copy)]
/// pub struct Passed(u64);
/// impl Message for Passed {}
/// ports! {
///     /// Where a check sends what it has decided.
///     pub struct CheckOut {
///         /// What passed.
///         passed: Passed,
///     }
/// }
/// ```
#[macro_export]
macro_rules! ports {
    (
        $(#[$meta:meta])* $vis:vis struct $name:ident $(<$generic:ident: $bound:path>)? {
            $($(#[$field_meta:meta])* $field:ident: $message:ty),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        $vis struct $name $(<$generic: $bound>)? {
            $($(#[$field_meta])* pub $field: $crate::edge::port::Port<$message>,)+
        }

        impl $(<$generic: $bound>)? Default for $name $(<$generic>)? {
            fn default() -> Self {
                Self { $($field: $crate::edge::port::Port::default(),)+ }
            }
        }

        impl $(<$generic: $bound>)? ::core::fmt::Debug for $name $(<$generic>)? {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(stringify!($name))$(.field(stringify!($field), &self.$field))+.finish()
            }
        }

        impl $(<$generic: $bound>)? $crate::edge::port::Outputs for $name $(<$generic>)? {
            #[inline]
            fn visit(&mut self, visitor: &mut dyn FnMut(&'static str, &mut dyn $crate::edge::port::AnyPort)) {
                $(visitor(stringify!($field), &mut self.$field);)+
            }

            #[inline]
            fn prefetch_all(&mut self) {
                $($crate::edge::port::AnyPort::prefetch(&mut self.$field);)+
            }

            #[inline]
            fn flush_all(&mut self) -> usize {
                0 $(+ $crate::edge::port::AnyPort::flush(&mut self.$field))+
            }
        }
    };
}
