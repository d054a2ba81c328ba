//! Why a call reverted, in words.

use ethers::abi::{ParamType, decode};

use super::RpcError;

/// Selector of `Error(string)`, what `require` with a text returns.
const ERROR: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];
/// Selector of `Panic(uint256)`, what a failed check of the compiler returns.
const PANIC: [u8; 4] = [0x4e, 0x48, 0x7b, 0x71];

/// The reason in revert data, where Solidity's own encodings give one.
pub(crate) fn revert_text(output: &[u8]) -> Option<String> {
    let (selector, rest) = output.split_first_chunk::<4>()?;
    match *selector {
        ERROR => decode(&[ParamType::String], rest)
            .ok()?
            .pop()?
            .into_string(),
        PANIC => {
            let code = decode(&[ParamType::Uint(256)], rest)
                .ok()?
                .pop()?
                .into_uint()?;
            let meaning = match code.low_u64() {
                0x01 => "an assertion failed",
                0x11 => "an arithmetic overflow",
                0x12 => "a division by zero",
                0x32 => "an index out of bounds",
                _ => "see the Solidity documentation",
            };
            Some(format!("panic {code:#x}: {meaning}"))
        }
        _ => None,
    }
}

/// The reason in an error object: its revert data if it has some, else its message.
pub(super) fn reason(error: &RpcError) -> String {
    match error.revert_data() {
        Some(data) if !data.is_empty() => describe(&data),
        _ => error.message.clone(),
    }
}

/// Revert data in words: Solidity's reason, the name of a custom error of ours, or the bytes.
pub(super) fn describe(data: &[u8]) -> String {
    if data.is_empty() {
        return "no reason given".to_owned();
    }
    revert_text(data)
        .or_else(|| super::abi::custom_error(data))
        .unwrap_or_else(|| format!("0x{}", hex::encode(data)))
}

#[cfg(test)]
mod tests {
    use ethers::abi::{Token, encode};

    use super::*;

    #[test]
    fn solidity_reasons_are_read() {
        let text = [
            &ERROR[..],
            &encode(&[Token::String("not the operator".into())]),
        ]
        .concat();
        assert_eq!(revert_text(&text).as_deref(), Some("not the operator"));
        let panic = [&PANIC[..], &encode(&[Token::Uint(0x11.into())])].concat();
        assert_eq!(
            revert_text(&panic).as_deref(),
            Some("panic 0x11: an arithmetic overflow")
        );
        assert_eq!(revert_text(&[1, 2, 3, 4]), None);
        assert_eq!(revert_text(&text[..20]), None);
    }
}
