#![no_main]

use corelane_codecs::IntoBytes;
use corelane_codecs::ouch::{Inbound, encode_with_appendage, request_identity};
use libfuzzer_sys::fuzz_target;

macro_rules! encoded {
    ($message:ident, $bytes:ident: $($variant:ident),+; $($alone:ident)?) => {
        match $message {
            $(Inbound::$variant(message, appendage) => {
                assert!(appendage.values().count() <= appendage.elements().count());
                // The short form, or the long one with its appendage.
                let mut out = vec![0; $bytes.len() + 2];
                let length = encode_with_appendage(message, appendage.as_bytes(), &mut out).unwrap();
                message.as_bytes() == $bytes || out[..length] == *$bytes
            })+
            $(Inbound::$alone(message) => message.as_bytes() == $bytes,)?
        }
    };
}

fuzz_target!(|bytes: &[u8]| match Inbound::decode(bytes) {
    Ok(message) => {
        let _ = (format!("{message:?}"), message.user_ref_num());
        assert!(encoded!(
            message, bytes: Enter, Replace, Cancel, Modify, MassCancel, DisableEntry, EnableEntry, AccountQuery;
        ));
    }
    Err(error) => {
        let _ = (error.to_string(), error.reject_reason(), request_identity(bytes));
    }
});
