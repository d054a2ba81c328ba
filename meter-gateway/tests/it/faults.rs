//! What a Modbus device can do wrong, and what is read all the same.

use std::sync::Arc;
use std::time::Duration;

use meter_gateway::decode::Measured;
use meter_gateway::modbus::{DeviceRead, ModbusEndpoint};
use meter_gateway::poller::DeviceError;
use meter_gateway::profile::{Profile, Quantity};
use meter_gateway::shipped;
use tokio::time::Instant;

use crate::devices::{RawDevice, Wrong, sdm630, serve};

fn quick() -> Arc<Profile> {
    let text = shipped::text("eastron-sdm630")
        .expect("shipped")
        .replace("timeout_ms = 1000", "timeout_ms = 150");
    Arc::new(Profile::from_toml("quick", &text).expect("loads"))
}

async fn read(endpoint: &ModbusEndpoint, was_healthy: bool) -> Result<DeviceRead, DeviceError> {
    endpoint
        .read(
            1,
            quick(),
            was_healthy,
            Instant::now() + Duration::from_secs(10),
        )
        .await
}

fn import(read: &DeviceRead) -> &Measured {
    read.sample.get(Quantity::Import)
}

#[tokio::test]
async fn a_well_behaved_server_is_read_over_one_connection() {
    let address = serve(sdm630(|| 1_234.5, 7.0)).await;
    let endpoint = ModbusEndpoint::start("127.0.0.1", address.port());
    for _ in 0..3 {
        let read = read(&endpoint, true).await.expect("readable");
        assert_eq!(import(&read), &Measured::Value(1_234_500));
        assert_eq!(read.sample.get(Quantity::Export), &Measured::Value(7_000));
        assert_eq!(read.sample.get(Quantity::Power), &Measured::Value(-500));
        assert!(!read.after_timeout);
    }
}

#[tokio::test]
async fn after_each_fault_the_next_value_is_right_and_read_twice_on_a_new_connection() {
    for wrong in [
        Wrong::Late(300),
        Wrong::HalfFrame,
        Wrong::Transaction,
        Wrong::Unit,
        Wrong::Short,
        Wrong::Close,
    ] {
        let device = RawDevice::serve(sdm630(|| 1_234.5, 7.0)).await;
        let endpoint = ModbusEndpoint::start("127.0.0.1", device.address.port());
        assert!(!read(&endpoint, true).await.expect("readable").after_timeout);
        device.next(&[Wrong::Nothing, wrong]);
        let after = read(&endpoint, true)
            .await
            .expect("readable on the second try");
        assert!(after.after_timeout, "{wrong:?}");
        assert_eq!(import(&after), &Measured::Value(1_234_500), "{wrong:?}");
        assert_eq!(
            *device.connections.lock().expect("not poisoned"),
            2,
            "{wrong:?}"
        );
        assert!(
            !read(&endpoint, true).await.expect("readable").after_timeout,
            "{wrong:?}"
        );
    }
}

#[tokio::test]
async fn a_device_that_failed_before_gets_one_try_and_recovers_with_the_next() {
    let device = RawDevice::serve(sdm630(|| 1.0, 0.0)).await;
    let endpoint = ModbusEndpoint::start("127.0.0.1", device.address.port());
    device.next(&[Wrong::Late(400)]);
    let error = read(&endpoint, false).await.expect_err("no answer in time");
    assert!(
        matches!(
            error,
            DeviceError::Timeout {
                timeout_ms: 150,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        read(&endpoint, false)
            .await
            .expect("readable")
            .after_timeout
    );
}

#[tokio::test]
async fn an_exception_is_the_devices_own_error_and_keeps_the_connection() {
    let device = RawDevice::serve(sdm630(|| 1.0, 0.0)).await;
    let endpoint = ModbusEndpoint::start("127.0.0.1", device.address.port());
    // Voltages and power are optional; the third request holds the settlement registers.
    device.next(&[Wrong::Exception(4), Wrong::Nothing, Wrong::Exception(4)]);
    let error = read(&endpoint, true).await.expect_err("refused");
    assert!(
        matches!(error, DeviceError::Exception { code: 4, .. }),
        "{error}"
    );
    let after = read(&endpoint, true).await.expect("readable");
    assert!(!after.after_timeout);
    assert_eq!(*device.connections.lock().expect("not poisoned"), 1);
}

#[tokio::test]
async fn nobody_there_is_said_with_the_address() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("bound").port()
    };
    let error = read(&ModbusEndpoint::start("127.0.0.1", port), true)
        .await
        .expect_err("nobody listens")
        .to_string();
    assert!(
        error.contains(&format!("expected a connection to 127.0.0.1:{port}")),
        "{error}"
    );
}

#[tokio::test]
async fn a_silent_unit_does_not_keep_others_from_their_endpoints() {
    let silent = RawDevice::serve(sdm630(|| 1.0, 0.0)).await;
    silent.next(&[Wrong::Late(10_000)]);
    let well = serve(sdm630(|| 2.0, 0.0)).await;
    let slow = ModbusEndpoint::start("127.0.0.1", silent.address.port());
    let fast = ModbusEndpoint::start("127.0.0.1", well.port());
    let began = Instant::now();
    let (slow, fast) = tokio::join!(read(&slow, false), async {
        let read = read(&fast, true).await;
        (read, began.elapsed())
    });
    assert!(slow.is_err());
    assert_eq!(import(&fast.0.expect("readable")), &Measured::Value(2_000));
    assert!(fast.1 < Duration::from_millis(150), "{:?}", fast.1);
}
