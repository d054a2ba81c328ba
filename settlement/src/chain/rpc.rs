//! One JSON-RPC client for both kinds of chain, usable directly and as a provider of `ethers`.

use std::fmt::Debug;

use async_trait::async_trait;
use ethers::providers::{JsonRpcClient, JsonRpcError, ProviderError, RpcError as EthersRpcError};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{EmbeddedChain, HttpRpc, RpcError};

/// A call did not give a result. The three kinds want different answers.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// No answer came: it is unknown whether the call had an effect. Ask again later.
    #[error("no answer from the chain at {url}: {reason}")]
    Transport {
        /// The address asked.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The chain answered with an error.
    #[error("the chain refused {method}: {error}")]
    Refused {
        /// The method called.
        method: String,
        /// What it said.
        error: RpcError,
    },
    /// The answer made no sense.
    #[error("expected {expected} from {method}, got {got}")]
    Nonsense {
        /// The method called.
        method: String,
        /// What was expected.
        expected: String,
        /// What came, shortened.
        got: String,
    },
}

impl ClientError {
    pub(crate) fn nonsense(
        method: &str,
        expected: impl Into<String>,
        got: impl std::fmt::Display,
    ) -> Self {
        let got: String = got.to_string().chars().take(200).collect();
        Self::Nonsense {
            method: method.to_owned(),
            expected: expected.into(),
            got,
        }
    }

    /// The error object, if the chain answered with one.
    #[must_use]
    pub fn refusal(&self) -> Option<&RpcError> {
        match self {
            Self::Refused { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// The chain: in this process, or a node at an address. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Rpc {
    /// In this process.
    Embedded(EmbeddedChain),
    /// A node by HTTP.
    Http(HttpRpc),
}

impl Rpc {
    /// One call; `params` is the array of parameters.
    ///
    /// # Errors
    /// See [`ClientError`]. Nothing is tried twice.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, ClientError> {
        match self {
            Self::Embedded(chain) => {
                chain
                    .handle(method, &params)
                    .map_err(|error| ClientError::Refused {
                        method: method.to_owned(),
                        error,
                    })
            }
            Self::Http(http) => http.call(method, &params).await,
        }
    }

    /// Whether every transaction is final when its broadcast returns.
    #[must_use]
    pub const fn is_embedded(&self) -> bool {
        matches!(self, Self::Embedded(_))
    }
}

/// A [`ClientError`] in the form that `ethers` asks for.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct ProviderCallError {
    error: ClientError,
    response: Option<JsonRpcError>,
}

impl From<ClientError> for ProviderCallError {
    fn from(error: ClientError) -> Self {
        let response = error.refusal().map(|refusal| JsonRpcError {
            code: refusal.code,
            message: refusal.message.clone(),
            data: refusal.data.clone(),
        });
        Self { error, response }
    }
}

impl EthersRpcError for ProviderCallError {
    fn as_error_response(&self) -> Option<&JsonRpcError> {
        self.response.as_ref()
    }

    fn as_serde_error(&self) -> Option<&serde_json::Error> {
        None
    }
}

impl From<ProviderCallError> for ProviderError {
    fn from(error: ProviderCallError) -> Self {
        Self::JsonRpcClientError(Box::new(error))
    }
}

#[async_trait]
impl JsonRpcClient for Rpc {
    type Error = ProviderCallError;

    async fn request<T, R>(&self, method: &str, params: T) -> Result<R, Self::Error>
    where
        T: Debug + Serialize + Send + Sync,
        R: DeserializeOwned + Send,
    {
        let nonsense =
            |error: serde_json::Error| ClientError::nonsense(method, "another shape", error);
        let params = serde_json::to_value(&params).map_err(nonsense)?;
        let result = self.call(method, params).await?;
        Ok(serde_json::from_value(result).map_err(nonsense)?)
    }
}

/// One chain alone is a provider too.
#[async_trait]
impl JsonRpcClient for EmbeddedChain {
    type Error = ProviderCallError;

    async fn request<T, R>(&self, method: &str, params: T) -> Result<R, Self::Error>
    where
        T: Debug + Serialize + Send + Sync,
        R: DeserializeOwned + Send,
    {
        Rpc::Embedded(self.clone()).request(method, params).await
    }
}

#[async_trait]
impl JsonRpcClient for HttpRpc {
    type Error = ProviderCallError;

    async fn request<T, R>(&self, method: &str, params: T) -> Result<R, Self::Error>
    where
        T: Debug + Serialize + Send + Sync,
        R: DeserializeOwned + Send,
    {
        Rpc::Http(self.clone()).request(method, params).await
    }
}
