//! Where a broker listens, as text.

/// An MQTT broker's address: `mqtt://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerAddress {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl std::str::FromStr for BrokerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected mqtt://HOST:PORT, got `{text}`");
        let rest = text.strip_prefix("mqtt://").ok_or_else(wrong)?;
        let (host, port) = rest
            .trim_end_matches('/')
            .rsplit_once(':')
            .ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() {
            Err(wrong())
        } else {
            Ok(Self {
                host: host.to_owned(),
                port,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_address_says_what_it_expects() {
        let address: BrokerAddress = "mqtt://127.0.0.1:1883".parse().expect("well formed");
        assert_eq!(
            address,
            BrokerAddress {
                host: "127.0.0.1".to_owned(),
                port: 1883
            }
        );
        for wrong in ["127.0.0.1:1883", "mqtt://host", "mqtt://:1", "mqtt://h:x"] {
            let message = wrong.parse::<BrokerAddress>().expect_err(wrong);
            assert!(message.contains("expected mqtt://HOST:PORT"), "{message}");
        }
    }
}
