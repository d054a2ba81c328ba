//! JSON-RPC over HTTP. Bounded in time and size; nothing is tried twice here, because only the
//! caller knows whether a second try is harmless.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, Url, redirect::Policy};
use serde_json::{Value, json};

use super::{ClientError, RpcError};

/// Bounds of an HTTP client.
#[derive(Debug, Clone, Copy)]
pub struct HttpSettings {
    /// For the connection alone.
    pub connect_timeout: Duration,
    /// For a whole call.
    pub timeout: Duration,
    /// Longer answers are refused, in bytes.
    pub response_bytes_max: usize,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(20),
            response_bytes_max: 64 * 1024 * 1024,
        }
    }
}

/// A node at an `http://` address. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpRpc {
    client: Client,
    url: Url,
    response_bytes_max: usize,
    next_id: Arc<AtomicU64>,
}

impl HttpRpc {
    /// A client for this address. It connects at the first call.
    ///
    /// # Errors
    /// The address is not an `http://` URL. For a node behind TLS, put a local proxy in front.
    pub fn new(url: &str, settings: HttpSettings) -> Result<Self, ClientError> {
        let transport = |reason: String| ClientError::Transport {
            url: url.to_owned(),
            reason,
        };
        let parsed =
            Url::parse(url).map_err(|error| transport(format!("not an address: {error}")))?;
        if parsed.scheme() != "http" || parsed.host_str().is_none() {
            return Err(transport(format!(
                "expected an http:// address, got `{url}`"
            )));
        }
        let builder = Client::builder()
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            .tcp_nodelay(true)
            .redirect(Policy::none());
        // A proxy of the environment must not stand between two processes of one machine.
        let builder = if is_loopback(&parsed) {
            builder.no_proxy()
        } else {
            builder
        };
        let client = builder
            .build()
            .map_err(|error| transport(error.to_string()))?;
        Ok(Self {
            client,
            url: parsed,
            response_bytes_max: settings.response_bytes_max,
            next_id: Arc::new(AtomicU64::new(1)),
        })
    }

    /// The address.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// One call.
    pub(crate) async fn call(&self, method: &str, params: &Value) -> Result<Value, ClientError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let body = self.post(method, &request).await?;
        let answer: Value = serde_json::from_slice(&body).map_err(|_| {
            ClientError::nonsense(method, "a JSON answer", String::from_utf8_lossy(&body))
        })?;
        if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
            let error: RpcError = serde_json::from_value(error.clone()).map_err(|_| {
                ClientError::nonsense(method, "an error with code and message", error)
            })?;
            return Err(ClientError::Refused {
                method: method.to_owned(),
                error,
            });
        }
        if answer.get("id") != Some(&json!(id)) {
            return Err(ClientError::nonsense(
                method,
                format!("the answer to request {id}"),
                &answer,
            ));
        }
        answer
            .get("result")
            .cloned()
            .ok_or_else(|| ClientError::nonsense(method, "a result or an error", &answer))
    }

    async fn post(&self, method: &str, request: &Value) -> Result<Vec<u8>, ClientError> {
        let transport = |error: reqwest::Error| ClientError::Transport {
            url: self.url.to_string(),
            reason: root_cause(&error),
        };
        let mut response = self
            .client
            .post(self.url.clone())
            .json(request)
            .send()
            .await
            .map_err(transport)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            if body.len() + chunk.len() > self.response_bytes_max {
                let expected = format!("at most {} bytes", self.response_bytes_max);
                return Err(ClientError::nonsense(method, expected, "a longer answer"));
            }
            body.extend_from_slice(&chunk);
        }
        // Some nodes give their JSON error with a 4xx status; anything else than JSON is a fault.
        if !status.is_success() && serde_json::from_slice::<Value>(&body).is_err() {
            return Err(ClientError::Transport {
                url: self.url.to_string(),
                reason: format!("HTTP status {status}"),
            });
        }
        Ok(body)
    }
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let host = host.trim_matches(['[', ']']);
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    })
}

/// The innermost cause says what happened; the outer ones repeat the address.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_addresses_are_taken() {
        assert!(HttpRpc::new("http://127.0.0.1:8545", HttpSettings::default()).is_ok());
        for wrong in ["https://example.org", "127.0.0.1:8545", "", "ftp://x"] {
            assert!(
                HttpRpc::new(wrong, HttpSettings::default()).is_err(),
                "{wrong}"
            );
        }
    }
}
