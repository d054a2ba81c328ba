//! What a JSON-RPC server says when it does not do what was asked.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An error object of JSON-RPC 2.0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} (code {code})")]
pub struct RpcError {
    /// 3 = the call reverted, −32000 = refused by the chain, −32601 and −32602 = not understood.
    pub code: i64,
    /// One sentence.
    pub message: String,
    /// Revert data as hexadecimal text, where there is some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl RpcError {
    /// The chain refuses a well-formed request.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self {
            code: -32_000,
            message: message.into(),
            data: None,
        }
    }

    /// The parameters are not what the method takes.
    pub(crate) fn params(message: impl Into<String>) -> Self {
        Self {
            code: -32_602,
            message: message.into(),
            data: None,
        }
    }

    /// There is no such method.
    pub(crate) fn method(method: &str) -> Self {
        Self {
            code: -32_601,
            message: format!("the method {method} does not exist or is not available"),
            data: None,
        }
    }

    /// The call reverted with these bytes. The message names the reason where Solidity gives one.
    pub(crate) fn reverted(output: &[u8]) -> Self {
        let message = match super::revert_text(output) {
            Some(reason) => format!("execution reverted: {reason}"),
            None => "execution reverted".to_owned(),
        };
        Self {
            code: 3,
            message,
            data: Some(Value::String(format!("0x{}", hex::encode(output)))),
        }
    }

    /// The revert data, if it carries some.
    #[must_use]
    pub fn revert_data(&self) -> Option<Vec<u8>> {
        let text = self.data.as_ref()?.as_str()?;
        hex::decode(text.trim_start_matches("0x")).ok()
    }
}
