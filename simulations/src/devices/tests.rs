//! The virtual devices, read by real clients.

use std::time::Duration;

use meter_gateway::{
    decode::{self, Measured},
    plan,
    profile::{Function, Quantity},
    shipped,
    sunspec::{Layout, Walk, WalkStep},
};
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_modbus::{ExceptionCode, client::tcp, prelude::*};

use super::*;
use crate::homes::HomeState;

const NOON_MS: i64 = 1_781_521_200_000; // 2026-06-15 11:00 UTC

fn street() -> Arc<Street> {
    Arc::new(Street::starting(42, 24, NOON_MS / 1_000).expect("24 homes are a street"))
}

async fn client(device: &VirtualDevice) -> tokio_modbus::client::Context {
    let Endpoint::Modbus { address, unit } = device.endpoint else {
        panic!("{} speaks MQTT", device.name)
    };
    tcp::connect_slave(address, Slave(unit))
        .await
        .expect("the device listens")
}

fn float(words: &[u16], address: usize) -> f64 {
    f64::from(f32::from_bits(
        u32::from(words[address]) << 16 | u32::from(words[address + 1]),
    ))
}

fn long(words: &[u16], offset: usize) -> u64 {
    u64::from(words[offset]) << 16 | u64::from(words[offset + 1])
}

fn of<'a>(devices: &'a [VirtualDevice], profile: &str, role: DeviceRole) -> &'a VirtualDevice {
    devices
        .iter()
        .find(|d| d.profile == profile && d.role == role)
        .expect("the street has one")
}

fn state(street: &Street, device: &VirtualDevice, at_ms: i64) -> HomeState {
    street
        .state(device.home, at_ms)
        .expect("a home of the street")
}

#[tokio::test]
async fn an_sdm630_says_what_the_home_counts_at_the_time_of_the_request() {
    let (street, (grid, clock)) = (street(), watch::channel(NOON_MS));
    let devices = serve(Arc::clone(&street), clock, None)
        .await
        .expect("ports are free");
    let device = of(&devices, "eastron-sdm630", DeviceRole::Connection);
    let mut client = client(device).await;
    for at_ms in [NOON_MS, NOON_MS + 333_333, NOON_MS + 900_000] {
        grid.send(at_ms).expect("devices listen");
        let words = client
            .read_input_registers(0, 0x4C)
            .await
            .expect("transport")
            .expect("answer");
        let state = state(&street, device, at_ms);
        assert_eq!(
            (float(&words, 0x48) * 1_000.0).round() as u64,
            state.import_wh
        );
        assert_eq!(
            (float(&words, 0x4A) * 1_000.0).round() as u64,
            state.export_wh
        );
        assert_eq!(float(&words, 0x34) as i32, state.power_w);
        assert!(
            (float(&words, 0x46) - 50.0).abs() < 0.1 && (float(&words, 0) - 230.0).abs() < 20.0
        );
    }
    let past = client
        .read_input_registers(0x017F, 2)
        .await
        .expect("transport");
    assert_eq!(
        past.expect_err("past the end"),
        ExceptionCode::IllegalDataAddress
    );
    let holding = client
        .read_holding_registers(0, 2)
        .await
        .expect("transport");
    assert_eq!(
        holding.expect_err("an SDM630 has these as input registers"),
        ExceptionCode::IllegalFunction
    );
}

#[tokio::test]
async fn sunspec_images_can_be_walked() {
    let (street, (_grid, clock)) = (street(), watch::channel(NOON_MS));
    let devices = serve(Arc::clone(&street), clock, None)
        .await
        .expect("ports are free");
    let with_battery = |d: &&VirtualDevice| street.home(d.home).is_some_and(Home::has_battery);
    let inverter = devices
        .iter()
        .filter(with_battery)
        .find(|d| d.role == DeviceRole::Generation)
        .expect("one");
    let meter = of(&devices, "sunspec", DeviceRole::Connection);
    for (device, expected) in [(meter, vec![1, 203]), (inverter, vec![1, 103, 802])] {
        let mut client = client(device).await;
        let mut read = async |at, n| {
            client
                .read_holding_registers(at, n)
                .await
                .expect("transport")
                .expect("answer")
        };
        assert_eq!(read(40_000, 2).await, [0x5375, 0x6e53], "SunS");
        let (mut at, mut found) = (40_002, Vec::new());
        loop {
            let head = read(at, 2).await;
            if head[0] == 0xFFFF {
                break;
            }
            found.push((head[0], at));
            at += 2 + head[1];
        }
        assert_eq!(
            found.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
            expected
        );
        let state = state(&street, device, NOON_MS);
        for (id, at) in found {
            match id {
                203 => {
                    let words = read(at, 107).await;
                    assert_eq!(
                        (long(&words, 38), long(&words, 46)),
                        (state.export_wh, state.import_wh)
                    );
                    assert_eq!(i32::from(words[18].cast_signed()), state.power_w);
                    assert_eq!(
                        (words[54], words[22], words[16]),
                        (0, 0, (state.frequency_mhz / 10) as u16)
                    );
                }
                103 => {
                    let words = read(at, 52).await;
                    assert_eq!(Some(long(&words, 24)), state.pv_wh);
                    assert_eq!(Some(i32::from(words[14].cast_signed())), state.pv_w);
                    assert_eq!(words[31], 0x8000, "DC power is not implemented");
                }
                802 => {
                    let words = read(at, 64).await;
                    assert_eq!(Some(words[11]), state.soc_permille);
                    assert_eq!(words[56].cast_signed(), -1);
                }
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn every_device_is_read_by_the_profile_that_it_names() {
    let (street, (_grid, clock)) = (street(), watch::channel(NOON_MS));
    let devices = serve(Arc::clone(&street), clock, None)
        .await
        .expect("ports are free");
    for device in &devices {
        let sample = sample(device).await;
        let state = state(&street, device, NOON_MS);
        let value =
            |of: Option<u64>| of.map_or(Measured::Absent, |v| Measured::Value(v.cast_signed()));
        let is_connection = device.role == DeviceRole::Connection;
        let grid = |wh| value(is_connection.then_some(wh));
        assert_eq!(
            *sample.get(Quantity::Import),
            grid(state.import_wh),
            "{}",
            device.name
        );
        assert_eq!(
            *sample.get(Quantity::Export),
            grid(state.export_wh),
            "{}",
            device.name
        );
        assert_eq!(
            *sample.get(Quantity::Pv),
            value(if is_connection { None } else { state.pv_wh }),
            "{}",
            device.name
        );
        let power = if is_connection {
            state.power_w
        } else {
            -state.pv_w.unwrap_or(0)
        };
        assert_eq!(
            *sample.get(Quantity::Power),
            Measured::Value(power.into()),
            "{}",
            device.name
        );
        let soc = if is_connection {
            None
        } else {
            state.soc_permille.map(u64::from)
        };
        assert_eq!(*sample.get(Quantity::Soc), value(soc), "{}", device.name);
        assert_eq!(sample.resolution.get(), 1, "{}", device.name);
    }
}

/// What the gateway's pure part makes of a device.
async fn sample(device: &VirtualDevice) -> decode::Sample {
    let profile = shipped::profile(device.profile).expect("shipped");
    let mut client = client(device).await;
    let mut read = async |request: plan::ReadRequest| match request.function {
        Function::Holding => client
            .read_holding_registers(request.address, request.count)
            .await
            .expect("transport"),
        Function::Input => client
            .read_input_registers(request.address, request.count)
            .await
            .expect("transport"),
    };
    let (layout, requests) = if device.profile == "sunspec" {
        let mut walk = Walk::new(&[0, 40_000]);
        let layout = loop {
            match walk.step() {
                WalkStep::Read(request) => {
                    walk.answer(read(request).await.ok().map(|words| [words[0], words[1]]))
                }
                WalkStep::Found(layout) => break layout,
                WalkStep::NoMarker => panic!("{} has no marker", device.name),
            }
        };
        let requests = plan::model_plan(&profile, &layout);
        (layout, requests)
    } else {
        (Layout::Fixed, plan::fixed_plan(&profile))
    };
    let mut registers = decode::Registers::new();
    for request in requests {
        registers.add(request, read(request).await.expect("answer"));
    }
    decode::decode_registers(&profile, &layout, &registers)
}

#[tokio::test]
async fn faults_begin_at_their_time_and_touch_one_device_alone() {
    let (grid, clock) = watch::channel(NOON_MS);
    let devices = serve(street(), clock, None).await.expect("ports are free");
    let mut sdm = devices.iter().filter(|d| d.profile == "eastron-sdm630");
    let (broken, silent, well) = (
        sdm.next().expect("one"),
        sdm.next().expect("two"),
        sdm.next().expect("three"),
    );
    broken.faults.set(Some(Fault::Exception {
        from_ms: NOON_MS + 1,
    }));
    silent.faults.set(Some(Fault::Silent {
        from_ms: NOON_MS + 1,
    }));
    let mut clients = [
        client(broken).await,
        client(silent).await,
        client(well).await,
    ];
    for client in &mut clients {
        client
            .read_input_registers(0x48, 4)
            .await
            .expect("transport")
            .expect("no fault yet");
    }
    grid.send(NOON_MS + 1).expect("devices listen");
    let [broken_client, silent_client, well_client] = &mut clients;
    let refused = broken_client
        .read_input_registers(0x48, 4)
        .await
        .expect("transport");
    assert_eq!(
        refused.expect_err("a fault"),
        ExceptionCode::ServerDeviceFailure
    );
    let waited = timeout(
        Duration::from_millis(100),
        silent_client.read_input_registers(0x48, 4),
    )
    .await;
    assert!(waited.is_err(), "it never answers");
    well_client
        .read_input_registers(0x48, 4)
        .await
        .expect("transport")
        .expect("nothing else stops");
    broken.faults.set(None);
    broken_client
        .read_input_registers(0x48, 4)
        .await
        .expect("transport")
        .expect("well again");
}

#[tokio::test]
async fn devices_stop_with_the_clock() {
    let (grid, clock) = watch::channel(NOON_MS);
    let devices = serve(street(), clock, None).await.expect("ports are free");
    let Endpoint::Modbus { address, .. } = devices[0].endpoint else {
        panic!("home 1 has an SDM630")
    };
    drop(grid);
    let freed = async {
        while TcpListener::bind(address).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(5), freed)
        .await
        .expect("the port is given back");
}

#[tokio::test]
async fn json_meters_are_left_out_without_a_broker() {
    let (_grid, clock) = watch::channel(NOON_MS);
    let devices = serve(street(), clock, None).await.expect("ports are free");
    assert!(devices.iter().all(|d| d.profile != "json-meter"));
}

#[tokio::test]
async fn a_json_meter_publishes_at_once_at_a_boundary() {
    let broker = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = (
        "127.0.0.1".to_owned(),
        broker.local_addr().expect("bound").port(),
    );
    let street = Arc::new(Street::starting(42, 4, NOON_MS / 1_000).expect("4 homes are a street"));
    let (grid, clock) = watch::channel(NOON_MS);
    let devices = serve(Arc::clone(&street), clock, Some(address))
        .await
        .expect("ports are free");
    let device = of(&devices, "json-meter", DeviceRole::Connection);
    let (mut stream, _) = broker.accept().await.expect("the meter connects");
    let mut seen = wire::let_in(&mut stream).await;
    let mut expect = async |at_ms: i64| {
        let (topic, body) = wire::next_publish(&mut stream, &mut seen).await;
        assert_eq!(device.endpoint, Endpoint::Mqtt { topic });
        let json: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        let state = street
            .state(device.home, at_ms)
            .expect("a home of the street");
        assert_eq!(json["ts"], at_ms / 1_000);
        assert_eq!(json["total_act"], state.import_wh);
        assert_eq!(json["total_act_ret"], state.export_wh);
        assert_eq!(json["act_power"], state.power_w);
    };
    expect(NOON_MS).await;
    grid.send(NOON_MS + 30_000).expect("devices listen"); // the same minute: nothing to say
    tokio::task::yield_now().await;
    grid.send(NOON_MS + 60_000).expect("devices listen");
    expect(NOON_MS + 60_000).await;
    grid.send(NOON_MS + 900_000).expect("devices listen");
    expect(NOON_MS + 900_000).await;
}

/// As much of an MQTT 3.1.1 broker as the test of a publisher needs.
mod wire {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    /// Reads the CONNECT and accepts it.
    pub(super) async fn let_in(stream: &mut TcpStream) -> Vec<u8> {
        let mut seen = Vec::new();
        packet(stream, &mut seen).await;
        stream.write_all(&[0x20, 2, 0, 0]).await.expect("CONNACK");
        seen
    }

    /// The next PUBLISH at QoS 1, acknowledged: its topic and payload.
    pub(super) async fn next_publish(
        stream: &mut TcpStream,
        seen: &mut Vec<u8>,
    ) -> (String, Vec<u8>) {
        loop {
            let (first, body) = packet(stream, seen).await;
            if first >> 4 == 3 {
                let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
                let topic = String::from_utf8(body[2..2 + length].to_vec()).expect("UTF-8");
                stream
                    .write_all(&[0x40, 2, body[2 + length], body[3 + length]])
                    .await
                    .expect("PUBACK");
                return (topic, body[4 + length..].to_vec());
            }
        }
    }

    async fn packet(stream: &mut TcpStream, seen: &mut Vec<u8>) -> (u8, Vec<u8>) {
        loop {
            if let Some((header, length)) = length(seen)
                && seen.len() >= header + length
            {
                let packet: Vec<u8> = seen.drain(..header + length).collect();
                return (packet[0], packet[header..].to_vec());
            }
            assert!(
                stream.read_buf(seen).await.expect("open") > 0,
                "the meter hung up"
            );
        }
    }

    /// Bytes of the fixed header, bytes of the rest.
    fn length(bytes: &[u8]) -> Option<(usize, usize)> {
        let mut length = 0;
        for (index, byte) in bytes.get(1..)?.iter().take(4).enumerate() {
            length |= usize::from(byte & 0x7F) << (7 * index);
            if byte & 0x80 == 0 {
                return Some((index + 2, length));
            }
        }
        None
    }
}
