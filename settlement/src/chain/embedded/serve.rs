//! The envelope of JSON-RPC 2.0: single requests, batches, notifications, and nonsense.

use serde_json::{Value, json};

use crate::chain::RpcError;

/// More requests in one batch are refused.
const BATCH_MAX: usize = 1_000;

/// Answers a request body with a response body. A body of notifications only gives no bytes.
pub(super) fn respond(
    body: &[u8],
    answer: impl Fn(&str, &Value) -> Result<Value, RpcError>,
) -> Vec<u8> {
    let response = match serde_json::from_slice::<Value>(body) {
        Err(error) => Some(envelope(
            &Value::Null,
            Err(error_of(-32_700, format!("parse error: {error}"))),
        )),
        Ok(Value::Array(batch)) if batch.is_empty() || batch.len() > BATCH_MAX => {
            let message = format!(
                "expected a batch of 1 to {BATCH_MAX} requests, got {}",
                batch.len()
            );
            Some(envelope(&Value::Null, Err(error_of(-32_600, message))))
        }
        Ok(Value::Array(batch)) => {
            let answers: Vec<Value> = batch
                .iter()
                .filter_map(|request| one(request, &answer))
                .collect();
            (!answers.is_empty()).then_some(Value::Array(answers))
        }
        Ok(request) => one(&request, &answer),
    };
    response.map_or_else(Vec::new, |response| response.to_string().into_bytes())
}

/// `None` for a notification, which is carried out and not answered.
fn one(
    request: &Value,
    answer: &impl Fn(&str, &Value) -> Result<Value, RpcError>,
) -> Option<Value> {
    let Some(method) = request.get("method").and_then(Value::as_str) else {
        let id = request.get("id").unwrap_or(&Value::Null);
        return Some(envelope(
            id,
            Err(error_of(
                -32_600,
                "expected a JSON-RPC request with a method".to_owned(),
            )),
        ));
    };
    let params = request.get("params").unwrap_or(&Value::Null);
    let result = answer(method, params);
    request.get("id").map(|id| envelope(id, result))
}

fn envelope(id: &Value, result: Result<Value, RpcError>) -> Value {
    match result {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": error}),
    }
}

fn error_of(code: i64, message: String) -> RpcError {
    RpcError {
        code,
        message,
        data: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(method: &str, params: &Value) -> Result<Value, RpcError> {
        if method == "fails" {
            Err(RpcError::method(method))
        } else {
            Ok(params.clone())
        }
    }

    fn check(body: &str, expected: Value) {
        let response = respond(body.as_bytes(), echo);
        assert_eq!(
            serde_json::from_slice::<Value>(&response).expect("JSON"),
            expected
        );
    }

    #[test]
    fn requests_batches_and_nonsense_are_answered() {
        check(
            r#"{"jsonrpc":"2.0","id":1,"method":"m","params":[2]}"#,
            json!({"jsonrpc":"2.0","id":1,"result":[2]}),
        );
        check(
            r#"[{"id":"a","method":"m"},{"method":"m"},{"id":2,"method":"fails"}]"#,
            json!([
                {"jsonrpc":"2.0","id":"a","result":null},
                {"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"the method fails does not exist or is not available"}}
            ]),
        );
        for nonsense in ["", "{", "[]", "5", r#"{"id":1}"#] {
            let response: Value =
                serde_json::from_slice(&respond(nonsense.as_bytes(), echo)).expect("JSON");
            assert!(response["error"]["code"].is_i64(), "{nonsense}");
        }
        assert!(respond(br#"{"method":"m"}"#, echo).is_empty());
    }
}
