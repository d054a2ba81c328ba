//! What a JSON device said in one message: number tokens by path, and the device's own time.
//!
//! Tokens stay text, so that no digit is lost before the decoder scales them.

use std::collections::BTreeMap;

use crate::decode::ValueError;
use crate::json_path::{Found, JsonPath};
use crate::number::{Exact, NumberError};
use crate::profile::{Place, Profile};

use super::DeviceError;

/// What a JSON device said in one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Number tokens by path.
    pub tokens: BTreeMap<String, String>,
    /// The device's own time in ms since 1970 UTC, where the profile names one.
    pub time_ms: Option<i64>,
}

/// Reads a message of a JSON device.
///
/// # Errors
/// [`DeviceError`] when it is not JSON, something else than a number stands where one should, or the
/// time is missing.
pub fn read_message(profile: &Profile, text: &str) -> Result<Message, DeviceError> {
    let mut message = Message::default();
    for point in profile.points() {
        let Place::Path(path) = &point.place else {
            continue;
        };
        match find(path, text)? {
            Found::Number(token) => {
                message.tokens.insert(path.clone(), token);
            }
            Found::Nothing => {}
            Found::Other(got) => {
                let source = ValueError::NotNumber {
                    path: path.clone(),
                    got,
                };
                return Err(DeviceError::Value {
                    quantity: point.quantity,
                    source,
                });
            }
        }
    }
    if let Some(manners) = profile.mqtt()
        && let Some(path) = &manners.time_path
    {
        let wrong = |got: String| DeviceError::MessageTime {
            path: path.clone(),
            got,
        };
        let time = match find(path, text)? {
            Found::Number(token) => Exact::decimal(&token)
                .and_then(|time| time.rounded(manners.time_scale))
                .map_err(|error: NumberError| wrong(format!("`{token}`: {error}")))?,
            Found::Nothing => return Err(wrong("nothing".to_owned())),
            Found::Other(got) => return Err(wrong(format!("`{got}`"))),
        };
        message.time_ms = Some(time);
    }
    Ok(message)
}

fn find(path: &str, text: &str) -> Result<Found, DeviceError> {
    // Loading the profile has checked that it is a path.
    JsonPath::parse(path)
        .map_or(Ok(Found::Nothing), |path| path.find(text))
        .map_err(DeviceError::from)
}
