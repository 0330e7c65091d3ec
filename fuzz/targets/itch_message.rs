#![no_main]

use corelane_codecs::itch::{Message, message_len, message_name};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| match Message::decode(bytes) {
    Ok(message) => {
        assert_eq!(message.as_bytes(), bytes);
        assert_eq!(message_len(message.kind()), Some(bytes.len()));
        assert_eq!(message.stock_locate().to_be_bytes(), bytes[1..3]);
        assert_eq!(message.timestamp_ns().to_be_bytes()[2..], bytes[5..11]);
        let line = message.to_string();
        assert!(line.contains(message_name(message.kind()).unwrap()));
        assert!(line.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{line:?}");
        assert!(message.stock().is_none_or(|stock| bytes.windows(8).any(|window| window == stock.as_array())));
    }
    Err(error) => assert!(!error.to_string().is_empty()),
});
