//! Transitions case by case, and a comparison with OTP's rules.

mod equivalence;
mod otp;
mod transitions;
