//! The node's HTTP interface, as a gateway and whoever sets one up use it: enrolment and batches.

use energy_core::{SigningKey, enrolment_proof};
use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Client, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a node may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The node does not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Not an address.
    #[error("expected the node's address such as http://192.168.1.5:8080, got `{got}`")]
    Address {
        /// What came.
        got: String,
    },
    /// No answer.
    #[error("expected an answer from {url}, got: {reason}")]
    Unreachable {
        /// Whom.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// It says no; asking again does not help.
    #[error("{url} says: {detail}")]
    Refused {
        /// Whom.
        url: String,
        /// HTTP status.
        status: u16,
        /// In its own words.
        detail: String,
    },
    /// Not the answer of a node.
    #[error("expected the answer of a node from {url}, got: {reason}")]
    Answer {
        /// Whom.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A one-time invitation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Invitation {
    /// What the gateway shows to be let in.
    pub token: String,
    /// Until when, RFC 3339.
    pub expires: String,
}

/// The zone document as a node tells it. The names are those of the configuration's `[zone]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ZoneBody {
    /// The zone's name.
    pub name: String,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The settlement contract.
    pub settlement: String,
    /// The first interval it is valid for, Unix seconds.
    pub valid_from: i64,
    /// Interval length in s.
    pub interval_s: u32,
}

/// A meter that a gateway may sign for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EntrustedMeter {
    /// Its id.
    pub meter: String,
    /// `connection-point`, `generation` or `storage`.
    pub role: String,
}

/// Where the broker is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BrokerAddress {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// What an enrolled gateway has to know.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Enrolled {
    /// Its id.
    pub gateway: String,
    /// What its signatures are bound to.
    pub zone_document: ZoneBody,
    /// The node's public key.
    pub node_key: String,
    /// What it may sign for.
    pub meters: Vec<EntrustedMeter>,
    /// Where batches go.
    pub broker: BrokerAddress,
}

/// A node's grid time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct GridClock {
    /// Milliseconds since 1970 UTC.
    pub grid_ms: i64,
    /// Grid seconds per second.
    pub speed: u32,
}

#[derive(Deserialize)]
struct Problem {
    detail: String,
}

/// A node.
#[derive(Debug, Clone)]
pub struct NodeClient {
    base: Url,
    http: Client,
    cookie: Option<String>,
}

impl NodeClient {
    /// The node at this address.
    ///
    /// # Errors
    /// [`NodeError::Address`].
    pub fn new(base: &str) -> Result<Self, NodeError> {
        let wrong = || NodeError::Address {
            got: base.to_owned(),
        };
        let url = Url::parse(base).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong());
        }
        let http = Client::builder()
            .timeout(TIMEOUT)
            // A redirect would take a token or a batch somewhere else.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| wrong())?;
        Ok(Self {
            base: url,
            http,
            cookie: None,
        })
    }

    /// Logs in, as the operator does in the browser.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn log_in(&mut self, login: &str, password: &str) -> Result<(), NodeError> {
        let url = self.at("/login");
        let form = [("login", login), ("password", password)];
        let answer = self.http.post(url.clone()).form(&form).send().await;
        let answer = answer.map_err(|e| unreachable(&url, &e))?;
        let cookie = answer
            .headers()
            .get(SET_COOKIE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next());
        match (answer.status(), cookie) {
            (StatusCode::SEE_OTHER, Some(cookie)) => {
                self.cookie = Some(cookie.to_owned());
                Ok(())
            }
            (status, _) => Err(NodeError::Refused {
                url: url.to_string(),
                status: status.as_u16(),
                detail: format!("the log-in name `{login}` and this password do not fit"),
            }),
        }
    }

    /// Asks for an invitation; needs the operator's log-in.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn invite(&self, home: u32, role: &str) -> Result<Invitation, NodeError> {
        #[derive(Serialize)]
        struct Body<'a> {
            home: u32,
            role: &'a str,
        }
        self.json("/api/v1/invitations", &Body { home, role }).await
    }

    /// Redeems an invitation with this key.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn enrol(&self, token: &str, key: &SigningKey) -> Result<Enrolled, NodeError> {
        #[derive(Serialize)]
        struct Body<'a> {
            token: &'a str,
            gateway_key: String,
            proof: String,
        }
        let token = token.trim().to_ascii_lowercase();
        let body = Body {
            token: &token,
            gateway_key: hex::encode(key.verifying_key().to_bytes()),
            proof: hex::encode(enrolment_proof(key, &token)),
        };
        self.json("/api/v1/enrolments", &body).await
    }

    /// Sends a batch and gives the bytes of the receipt, whose signature nobody has checked yet.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn send_batch(&self, batch: Vec<u8>) -> Result<Vec<u8>, NodeError> {
        let url = self.at("/api/v1/batches");
        let answer = self.http.post(url.clone()).body(batch).send().await;
        let answer = good(&url, answer.map_err(|e| unreachable(&url, &e))?).await?;
        let bytes = answer.bytes().await.map_err(|e| unreachable(&url, &e))?;
        Ok(bytes.to_vec())
    }

    /// What time it is on the node's grid.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn clock(&self) -> Result<GridClock, NodeError> {
        let url = self.at("/api/v1/clock");
        let answer = self.http.get(url.clone()).send().await;
        let answer = good(&url, answer.map_err(|e| unreachable(&url, &e))?).await?;
        answer.json().await.map_err(|e| NodeError::Answer {
            url: url.to_string(),
            reason: e.to_string(),
        })
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }

    async fn json<B: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<A, NodeError> {
        let url = self.at(path);
        let request = self.http.post(url.clone()).json(body);
        let request = self
            .cookie
            .iter()
            .fold(request, |request, cookie| request.header(COOKIE, cookie));
        let answer = request.send().await.map_err(|e| unreachable(&url, &e))?;
        let answer = good(&url, answer).await?;
        answer.json().await.map_err(|e| NodeError::Answer {
            url: url.to_string(),
            reason: e.to_string(),
        })
    }
}

/// The answer, if it is a good one; what the node says otherwise.
async fn good(url: &Url, answer: Response) -> Result<Response, NodeError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let detail = match answer.json::<Problem>().await {
        Ok(problem) => problem.detail,
        Err(_) => format!("HTTP status {status}"),
    };
    let (url, status) = (url.to_string(), status.as_u16());
    if status >= 500 {
        Err(NodeError::Unreachable {
            url,
            reason: detail,
        })
    } else {
        Err(NodeError::Refused {
            url,
            status,
            detail,
        })
    }
}

fn unreachable(url: &Url, error: &reqwest::Error) -> NodeError {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        reason = inner.to_string();
        source = inner.source();
    }
    NodeError::Unreachable {
        url: url.to_string(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_http() {
        assert!(NodeClient::new("http://127.0.0.1:8080").is_ok());
        for wrong in ["", "127.0.0.1:8080", "mqtt://broker", "http://"] {
            let error = NodeClient::new(wrong).expect_err(wrong).to_string();
            assert!(error.contains("http://192.168.1.5:8080"), "{error}");
        }
    }
}
