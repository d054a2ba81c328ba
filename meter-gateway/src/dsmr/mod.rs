//! DSMR P1 telegrams: the text that a Dutch, Belgian or Luxembourg meter sends about itself.
//!
//! Source: DSMR P1 companion standard 5.0.2 (§5.2 and §6). A telegram runs from `/` to `!`, then comes
//! a CRC16/ARC over both and everything between. Every line is an object: an OBIS code and its values
//! in brackets, a number with its unit after `*`. Numbers stay text, so that no digit is lost.
//!
//! "Delivered" in these documents is delivered *to* the house: 1.8.x is import, 2.8.x export. A telegram
//! without checksum (DSMR 3 and before) is refused: nothing would show that it is whole.
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)
)]

mod crc;
mod framer;
mod obis;
mod telegram;

pub use crc::crc16_arc;
pub use framer::Framer;
pub use obis::Obis;
pub use telegram::{Telegram, TelegramError};
