#![no_main]

use corelane_codecs::IntoBytes;
use corelane_codecs::ouch::{Outbound, encode_with_appendage};
use libfuzzer_sys::fuzz_target;

macro_rules! encoded {
    ($message:ident, $bytes:ident: $($variant:ident),+; $($alone:ident)?) => {
        match $message {
            $(Outbound::$variant(message, appendage) => {
                assert!(appendage.values().count() <= appendage.elements().count());
                // The short form, or the long one with its appendage.
                let mut out = vec![0; $bytes.len() + 2];
                let length = encode_with_appendage(message, appendage.as_bytes(), &mut out).unwrap();
                message.as_bytes() == $bytes || out[..length] == *$bytes
            })+
            $(Outbound::$alone(message) => message.as_bytes() == $bytes,)?
        }
    };
}

fuzz_target!(|bytes: &[u8]| match Outbound::decode(bytes) {
    Ok(message) => {
        let _ = (format!("{message:?}"), message.timestamp_ns(), message.user_ref_num());
        assert!(encoded!(
            message, bytes:
            Accepted, Replaced, Canceled, AiqCanceled, Executed, BrokenTrade, Rejected, CancelPending, CancelReject,
            PriorityUpdate, Restated, Modified, MassCancelResponse, DisableEntryResponse, EnableEntryResponse,
            AccountQueryResponse; SystemEvent
        ));
    }
    Err(error) => assert!(!error.to_string().is_empty()),
});
