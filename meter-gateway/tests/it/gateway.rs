//! The whole gateway on a stepped clock: from registers to receipts, through crashes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use energy_core::{
    Address, GatewayId, Hash, IntervalLength, MeterId, Reading, WattHours, ZoneDocument, ZoneId,
};
use meter_gateway::clock::Tick;
use meter_gateway::config::{BrokerConfig, ZoneConfig};
use meter_gateway::{
    DeviceConfig, Durability, Endpoint, Gateway, GatewayConfig, GatewayStatus,
    settlement_registers, shipped,
};
use rumqttc::QoS;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::broker::{self, Node};
use crate::devices::{RawDevice, Wrong, sdm630, serve};

const START_MS: i64 = 1_781_514_000_000;
const QUARTER_MS: i64 = 900_000;

fn boundary(n: i64) -> i64 {
    START_MS + n * QUARTER_MS
}

fn document() -> ZoneDocument {
    ZoneDocument {
        zone: ZoneId::new("elm-street").expect("a name"),
        chain_id: 31_337,
        settlement: Address::new([0xaa; 20]),
        valid_from: IntervalLength::QUARTER_HOUR
            .start_at(START_MS / 1_000)
            .expect("aligned"),
        interval: IntervalLength::QUARTER_HOUR,
    }
}

fn meter(n: u8) -> MeterId {
    MeterId::new([n; 16])
}

fn modbus(n: u8, port: u16) -> DeviceConfig {
    DeviceConfig {
        name: format!("meter {n}"),
        meter: meter(n),
        profile: "eastron-sdm630".to_owned(),
        endpoint: Endpoint::Modbus {
            host: "127.0.0.1".to_owned(),
            port,
            unit: 1,
        },
        reset_declared: false,
        exchanged_for: None,
    }
}

fn config(folder: &Path, broker: u16, node: &Node, devices: Vec<DeviceConfig>) -> GatewayConfig {
    GatewayConfig {
        gateway: GatewayId::new([7; 16]),
        key_file: folder.join("gateway.key"),
        node_key: hex::encode(node.key().to_bytes()),
        outbox: folder.join("outbox"),
        outbox_mib: 16,
        durability: Durability::Relaxed,
        poll_s: 0,
        round_timeout_ms: 3_000,
        clock: None,
        profiles: None,
        zone: ZoneConfig::of(&document()),
        broker: BrokerConfig {
            host: "127.0.0.1".to_owned(),
            port: broker,
        },
        devices,
    }
}

struct Running {
    clock: watch::Sender<Tick>,
    status: watch::Receiver<GatewayStatus>,
    task: JoinHandle<()>,
    _stop: watch::Sender<bool>,
}

impl Running {
    fn start(config: &GatewayConfig) -> (Self, energy_core::VerifyingKey) {
        let tick = Tick {
            now_ms: START_MS,
            boundary: None,
            stepped: true,
            ahead_ms: 0,
        };
        let (clock, ticks) = watch::channel(tick);
        let (stop, shutdown) = watch::channel(false);
        let (gateway, status) = Gateway::open(config.clone(), ticks).expect("opens");
        let key = gateway.verifying_key();
        let task = tokio::spawn(gateway.run(shutdown));
        (
            Self {
                clock,
                status,
                task,
                _stop: stop,
            },
            key,
        )
    }

    fn stand(&self, boundary_ms: i64) {
        self.clock.send_replace(Tick {
            now_ms: boundary_ms,
            boundary: Some(boundary_ms),
            stepped: true,
            ahead_ms: 0,
        });
    }

    async fn until(&mut self, what: impl FnMut(&GatewayStatus) -> bool) -> GatewayStatus {
        let waited =
            tokio::time::timeout(Duration::from_secs(20), self.status.wait_for(what)).await;
        waited.expect("in time").expect("running").clone()
    }

    async fn done(&mut self, boundary_ms: i64) -> GatewayStatus {
        self.stand(boundary_ms);
        self.until(|status| status.boundary_done_ms >= Some(boundary_ms))
            .await
    }

    /// As a kill would: nothing is said goodbye to.
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

fn readings(node: &Node) -> BTreeMap<MeterId, Vec<Reading>> {
    let mut by_meter: BTreeMap<MeterId, Vec<Reading>> = BTreeMap::new();
    for batch in node.batches.lock().expect("not poisoned").iter() {
        for reading in batch.readings() {
            by_meter
                .entry(reading.meter)
                .or_default()
                .push(reading.clone());
        }
    }
    for readings in by_meter.values_mut() {
        readings.sort_by_key(|reading| reading.sequence);
    }
    by_meter
}

/// Each reading names the one before, and follows from its own evidence.
fn check_chain(readings: &[Reading]) {
    let mut previous = Hash::ZERO;
    for reading in readings {
        assert_eq!(reading.previous, previous);
        previous = reading.hash();
        let profile = shipped::by_hash8(reading.profile).expect("shipped");
        let registers = settlement_registers(&profile, &reading.raw).expect("raw evidence");
        assert_eq!(registers, (reading.import, reading.export, reading.pv));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_runs_from_registers_to_receipts_at_full_speed() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = broker::start();
    let node = Node::new();
    let counted = Arc::new(AtomicU32::new(0));
    let shown = Arc::clone(&counted);
    let address = serve(sdm630(
        move || shown.load(Ordering::SeqCst) as f32 / 4.0,
        3.0,
    ))
    .await;
    let config = config(
        folder.path(),
        broker,
        &node,
        vec![modbus(1, address.port())],
    );
    let (mut gateway, key) = Running::start(&config);
    node.serve(broker, &document(), key).await;
    gateway.until(|status| status.uplink_up).await;

    let rounds = 96_u32;
    let began = Instant::now();
    let mut kept = Duration::ZERO;
    for n in 0..rounds {
        counted.store(n, Ordering::SeqCst);
        let at = boundary(n.into());
        let round = Instant::now();
        gateway.done(at).await;
        kept += round.elapsed();
        gateway
            .until(|status| status.receipted_through_boundary_ms >= Some(at))
            .await;
    }
    println!(
        "a round: {:?} to the outbox, {:?} to the receipt",
        kept / rounds,
        began.elapsed() / rounds
    );

    let readings = readings(&node).remove(&meter(1)).expect("read");
    assert_eq!(readings.len(), 96);
    check_chain(&readings);
    for (n, reading) in (0..).zip(&readings) {
        assert_eq!(i64::try_from(reading.time_ms), Ok(boundary(n)));
        assert_eq!(reading.clock, energy_core::ClockState::Stepped);
        let import = u64::try_from(n).expect("positive") * 250;
        assert_eq!(reading.import, Some(WattHours::new(import)));
    }
    let status = gateway.status.borrow().clone();
    assert_eq!(status.outbox_depth, 0);
    assert!(status.devices[0].error.is_none());
    assert!(
        kept < Duration::from_secs(10),
        "{kept:?} for {rounds} rounds"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_boundary_it_goes_on_without_losing_or_doubling() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = broker::start();
    let node = Node::new();
    let address = serve(sdm630(|| 8.0, 3.0)).await;
    let config = config(
        folder.path(),
        broker,
        &node,
        vec![modbus(1, address.port()), modbus(2, address.port())],
    );
    let (first, key) = Running::start(&config);
    first.kill().await;
    node.serve(broker, &document(), key).await;
    for n in 0..8 {
        let (mut gateway, _) = Running::start(&config);
        gateway.done(boundary(n)).await;
        gateway.kill().await;
        // Started again on the boundary where it was killed, it does not read twice.
        let (mut gateway, _) = Running::start(&config);
        gateway.done(boundary(n)).await;
        gateway.kill().await;
    }
    let (mut gateway, _) = Running::start(&config);
    gateway
        .until(|status| status.outbox_depth == 0 && status.uplink_up)
        .await;
    for (_, readings) in readings(&node) {
        let times: Vec<i64> = readings
            .iter()
            .filter_map(|r| i64::try_from(r.time_ms).ok())
            .collect();
        assert_eq!(times, (0..8).map(boundary).collect::<Vec<_>>());
        check_chain(&readings);
    }
    let batches = node.batches.lock().expect("not poisoned").clone();
    assert_eq!(batches.len(), 8);
    let mut headers: Vec<_> = batches.iter().map(|batch| batch.header().clone()).collect();
    headers.sort_by_key(|header| header.sequence);
    for pair in headers.windows(2) {
        assert_eq!(pair[1].previous, pair[0].hash());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_device_is_named_and_the_others_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::new();
    let well = serve(sdm630(|| 8.0, 3.0)).await;
    let refusing = RawDevice::serve(sdm630(|| 8.0, 3.0)).await;
    refusing.next(&[
        Wrong::Exception(4),
        Wrong::Exception(4),
        Wrong::Exception(4),
    ]);
    let devices = vec![
        modbus(1, well.port()),
        modbus(2, 1),
        modbus(3, refusing.address.port()),
    ];
    // No broker either: what is read waits in the outbox.
    let config = config(folder.path(), 1, &node, devices);
    let (mut gateway, _) = Running::start(&config);
    let status = gateway.done(boundary(0)).await;
    assert!(status.devices[0].error.is_none());
    let error = |n: usize| status.devices[n].error.clone().expect("an error");
    assert!(
        error(1).contains("expected a connection to 127.0.0.1:1"),
        "{}",
        error(1)
    );
    assert!(
        error(2).contains("exception 4 (device failure)"),
        "{}",
        error(2)
    );
    let status = gateway.done(boundary(1)).await;
    assert!(status.devices[2].error.is_none(), "an exception passes");
    let status = gateway.until(|status| status.outbox_depth == 2).await;
    assert!(!status.uplink_up);
    assert_eq!(status.receipted_through_boundary_ms, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_falling_register_is_never_signed_and_the_next_good_one_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::new();
    let milli = Arc::new(AtomicU32::new(8_000));
    let shown = Arc::clone(&milli);
    let address = serve(sdm630(
        move || shown.load(Ordering::SeqCst) as f32 / 1_000.0,
        3.0,
    ))
    .await;
    let config = config(folder.path(), 1, &node, vec![modbus(1, address.port())]);
    let (mut gateway, _) = Running::start(&config);
    gateway.done(boundary(0)).await;
    milli.store(0, Ordering::SeqCst);
    let status = gateway.done(boundary(1)).await;
    let error = status.devices[0].error.clone().expect("refused");
    assert!(
        error.contains("expected `import` to be at least 8000 Wh, got 0 Wh"),
        "{error}"
    );
    milli.store(8_125, Ordering::SeqCst);
    let status = gateway.done(boundary(2)).await;
    assert!(status.devices[0].error.is_none());
    assert_eq!(
        gateway
            .until(|status| status.outbox_depth == 2)
            .await
            .devices[0]
            .last_read_ms,
        Some(boundary(2))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_accepts_and_forgets_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = broker::start();
    let node = Node::new().forgetting(2);
    let address = serve(sdm630(|| 8.0, 3.0)).await;
    let config = config(
        folder.path(),
        broker,
        &node,
        vec![modbus(1, address.port())],
    );
    let (mut gateway, key) = Running::start(&config);
    node.serve(broker, &document(), key).await;
    gateway.until(|status| status.uplink_up).await;
    gateway.done(boundary(0)).await;
    gateway.done(boundary(1)).await;
    gateway
        .until(|status| status.receipted_through_boundary_ms == Some(boundary(1)))
        .await;
    assert_eq!(gateway.status.borrow().outbox_depth, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_json_device_is_read_at_the_boundary_and_in_between() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = broker::start();
    let node = Node::new();
    let device = DeviceConfig {
        name: "annex".to_owned(),
        meter: meter(5),
        profile: "json-meter".to_owned(),
        endpoint: Endpoint::Mqtt {
            device: "annex".to_owned(),
            host: None,
            port: None,
        },
        reset_declared: false,
        exchanged_for: None,
    };
    let mut config = config(folder.path(), broker, &node, vec![device]);
    config.poll_s = 10;
    let (mut gateway, key) = Running::start(&config);
    node.serve(broker, &document(), key).await;
    let (client, mut events) = broker::client(broker, "annex");
    tokio::spawn(async move { while events.poll().await.is_ok() {} });
    let publish = |time_ms: i64, import: u64| {
        let message = format!(
            r#"{{"ts": {}, "total_act": {import}, "total_act_ret": 4, "act_power": 250}}"#,
            time_ms / 1_000
        );
        client.publish("meters/annex/status", QoS::AtLeastOnce, true, message)
    };
    for n in 0..3 {
        let at = boundary(n);
        // The clock stands before the device has spoken, and its last word is of another time.
        gateway.stand(at);
        publish(at, 1_000 + 10 * u64::try_from(n).expect("positive"))
            .await
            .expect("queued");
        let status = gateway.done(at).await;
        assert_eq!(status.devices[0].error, None);
        let between = at + 60_000;
        gateway.clock.send_replace(Tick {
            now_ms: between,
            boundary: None,
            stepped: true,
            ahead_ms: 0,
        });
        publish(between, 1_005 + 10 * u64::try_from(n).expect("positive"))
            .await
            .expect("queued");
        // The device's message may come after the first live read; a later tick reads it.
        for second in 1..200 {
            if gateway.status.borrow().devices[0].last_read_ms == Some(between) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            gateway.clock.send_replace(Tick {
                now_ms: between + second * 1_000,
                boundary: None,
                stepped: true,
                ahead_ms: 0,
            });
        }
        assert_eq!(
            gateway.status.borrow().devices[0].last_read_ms,
            Some(between)
        );
    }
    gateway
        .until(|status| status.outbox_depth == 0 && status.uplink_up)
        .await;
    let readings = readings(&node).remove(&meter(5)).expect("read");
    assert_eq!(readings.len(), 6);
    let (at_boundary, between): (Vec<_>, Vec<_>) =
        readings.into_iter().partition(|r| r.time_ms % 900_000 == 0);
    let digest = |r: &Reading| matches!(r.raw, energy_core::RawEvidence::Digest(_));
    assert!(at_boundary.iter().all(|r| !digest(r)) && between.iter().all(digest));
    assert_eq!(at_boundary[2].import, Some(WattHours::new(1_020)));
}

#[tokio::test]
async fn a_profile_that_does_not_fit_its_endpoint_is_refused_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut device = modbus(1, 502);
    device.profile = "json-meter".to_owned();
    let config = config(folder.path(), 1, &Node::new(), vec![device]);
    let (_clock, ticks) = watch::channel(Tick {
        now_ms: START_MS,
        boundary: None,
        stepped: true,
        ahead_ms: 0,
    });
    let error = Gateway::open(config, ticks)
        .map(|_| ())
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("`meter 1`") && error.contains("(mqtt)") && error.contains("got modbus"),
        "{error}"
    );
}
