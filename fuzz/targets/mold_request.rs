#![no_main]

use corelane_codecs::mold::{HEADER_LEN, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| match Request::decode(bytes) {
    Ok(request) => {
        let mut out = [0; HEADER_LEN];
        assert_eq!(request.encode(&mut out), Ok(HEADER_LEN));
        assert_eq!(out, bytes);
    }
    Err(error) => assert!(bytes.len() != HEADER_LEN && !error.to_string().is_empty()),
});
