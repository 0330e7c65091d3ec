//! The codecs against the protocols' tables, golden bytes, random input and recorded data.

mod captures;
mod golden;
mod layout;
mod properties;
mod refusals;
mod robustness;
mod spec;

/// Bytes from hexadecimal; spaces are for the reader.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| char::from(byte).to_digit(16).expect("a hexadecimal digit") as u8)
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
