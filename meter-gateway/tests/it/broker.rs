//! An MQTT broker in this process, and a node that keeps batches and signs receipts.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use energy_core::{ReadingBatch, Receipt, SigningKey, VerifyingKey, ZoneDocument};
use rumqttc::{AsyncClient, Event, MqttOptions, NetworkOptions, Packet, QoS};
use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

/// Starts a broker and returns its port once it listens.
pub(crate) fn start() -> u16 {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .expect("a port")
        .local_addr()
        .expect("bound")
        .port();
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let connections = ConnectionSettings {
        connection_timeout_ms: 10_000,
        max_payload_size: 1 << 20,
        max_inflight_count: 200,
        auth: None,
        external_auth: None,
        dynamic_filters: true,
    };
    let server = ServerSettings {
        name: "v4".to_owned(),
        listen,
        tls: None,
        next_connection_delay_ms: 0,
        connections,
    };
    let config = Config {
        router: RouterConfig {
            max_connections: 100,
            max_outgoing_packet_count: 200,
            max_segment_size: 256 * 1_024,
            max_segment_count: 4,
            ..RouterConfig::default()
        },
        v4: Some(HashMap::from([("loopback".to_owned(), server)])),
        ..Config::default()
    };
    let mut broker = Broker::new(config);
    std::thread::spawn(move || broker.start().map_err(Box::new));
    let deadline = Instant::now() + Duration::from_secs(5);
    while TcpStream::connect(listen).is_err() {
        assert!(Instant::now() < deadline, "the broker does not listen");
        std::thread::sleep(Duration::from_millis(2));
    }
    port
}

/// A client of the broker, and its event loop.
pub(crate) fn client(port: u16, id: &str) -> (AsyncClient, rumqttc::EventLoop) {
    let mut options = MqttOptions::new(id, "127.0.0.1", port);
    options.set_max_packet_size(1 << 20, 1 << 20);
    let (client, mut events) = AsyncClient::new(options, 100);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    events.set_network_options(network);
    (client, events)
}

/// Keeps every batch that it gets and signs a receipt for the newest.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) batches: Arc<Mutex<Vec<ReadingBatch>>>,
    key: SigningKey,
    /// How many batches to forget before the first receipt.
    forget: Arc<Mutex<u32>>,
}

impl Node {
    pub(crate) fn new() -> Self {
        Self {
            batches: Arc::default(),
            key: SigningKey::from_seed(&[9; 32]),
            forget: Arc::default(),
        }
    }

    pub(crate) fn forgetting(self, batches: u32) -> Self {
        *self.forget.lock().expect("not poisoned") = batches;
        self
    }

    pub(crate) fn key(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    /// Serves until the test ends. Returns when it is subscribed.
    pub(crate) async fn serve(
        &self,
        port: u16,
        document: &ZoneDocument,
        gateway_key: VerifyingKey,
    ) {
        let (client, mut events) = client(port, "node");
        let zone_hash = document.hash();
        client
            .subscribe(
                format!("commonwatt/v1/{}/+/batch", document.zone),
                QoS::AtLeastOnce,
            )
            .await
            .expect("queued");
        let (ready, subscribed) = tokio::sync::oneshot::channel();
        let mut ready = Some(ready);
        let node = self.clone();
        let zone = document.zone.clone();
        tokio::spawn(async move {
            while let Ok(event) = events.poll().await {
                match event {
                    Event::Incoming(Packet::SubAck(_)) => {
                        let _ = ready.take().map(|ready| ready.send(()));
                    }
                    Event::Incoming(Packet::Publish(publish)) => {
                        let batch = ReadingBatch::from_bytes(&publish.payload).expect("a batch");
                        batch
                            .verify(&gateway_key, &zone_hash)
                            .expect("signed by the gateway");
                        let receipt = node
                            .take(&batch)
                            .map(|receipt| receipt.sign(&node.key, &zone_hash));
                        let topic =
                            format!("commonwatt/v1/{zone}/{}/receipt", batch.header().gateway);
                        if let Some(receipt) = receipt {
                            client
                                .try_publish(topic, QoS::AtMostOnce, false, receipt)
                                .expect("room");
                        }
                    }
                    _ => {}
                }
            }
        });
        subscribed.await.expect("subscribed");
    }

    fn take(&self, batch: &ReadingBatch) -> Option<Receipt> {
        let mut forget = self.forget.lock().expect("not poisoned");
        if *forget > 0 {
            *forget -= 1;
            return None;
        }
        let mut batches = self.batches.lock().expect("not poisoned");
        if !batches.contains(batch) {
            batches.push(batch.clone());
        }
        let header = batch.header();
        Some(Receipt {
            gateway: header.gateway,
            store_epoch: 1,
            through_sequence: header.sequence,
            through_hash: header.hash(),
            refused: Vec::new(),
        })
    }
}
