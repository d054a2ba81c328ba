//! Frames of a serial line over TCP: an adapter that passes a late answer on to whoever is connected.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use meter_gateway::Profile;
use meter_gateway::decode::Measured;
use meter_gateway::modbus::{Framing, ModbusEndpoint};
use meter_gateway::profile::Quantity;
use meter_gateway::shipped;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::devices::{Image, sdm630};

/// An adapter with one unit behind it, whose answers are the frames of the serial line.
struct Adapter {
    address: SocketAddr,
    /// The next answer comes too late, on the connection that is open then.
    is_late: Arc<AtomicBool>,
    connections: Arc<AtomicU32>,
}

impl Adapter {
    async fn serve(image: Image) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let adapter = Self {
            address: listener.local_addr().expect("bound"),
            is_late: Arc::default(),
            connections: Arc::default(),
        };
        let (is_late, connections) = (adapter.is_late.clone(), adapter.connections.clone());
        tokio::spawn(async move {
            let kept: Arc<Mutex<Vec<u8>>> = Arc::default();
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let _ = pass_on(stream, &image, &is_late, &kept).await;
            }
        });
        adapter
    }
}

async fn pass_on(
    mut stream: TcpStream,
    image: &Image,
    is_late: &AtomicBool,
    kept: &Mutex<Vec<u8>>,
) -> std::io::Result<()> {
    let late = std::mem::take(&mut *kept.lock().expect("not poisoned"));
    if !late.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        stream.write_all(&late).await?;
    }
    let mut request = [0; 8];
    loop {
        stream.read_exact(&mut request).await?;
        let word = |at: usize| u16::from_be_bytes([request[at], request[at + 1]]);
        let mut frame = request[..2].to_vec();
        match image(word(2), word(4)) {
            Some(words) => {
                frame.push(u8::try_from(words.len() * 2).expect("at most 250"));
                frame.extend(words.iter().flat_map(|word| word.to_be_bytes()));
            }
            None => {
                frame[1] |= 0x80;
                frame.push(2);
            }
        }
        frame.extend(crc(&frame).to_le_bytes());
        if is_late.swap(false, Ordering::SeqCst) {
            *kept.lock().expect("not poisoned") = frame;
        } else {
            // A serial line is slow.
            tokio::time::sleep(Duration::from_millis(30)).await;
            stream.write_all(&frame).await?;
        }
    }
}

/// The checksum of Modbus over a serial line, §6.2.2 of its specification.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            let shifted = crc >> 1;
            if crc & 1 == 1 {
                shifted ^ 0xa001
            } else {
                shifted
            }
        })
    })
}

/// An SDM630 that shows 125 Wh more at every read, so that an answer to an earlier question is a wrong
/// value.
fn rising(reads: &Arc<AtomicU16>) -> Image {
    let (now, made) = (reads.clone(), reads.clone());
    let meter = sdm630(
        move || 1_000.0 + f32::from(now.load(Ordering::SeqCst)) / 8.0,
        7.0,
    );
    Arc::new(move |address, count| {
        if address == 0 {
            made.fetch_add(1, Ordering::SeqCst);
        }
        meter(address, count)
    })
}

#[tokio::test]
async fn a_late_answer_is_thrown_away_and_the_next_value_is_read_twice() {
    let reads = Arc::default();
    let adapter = Adapter::serve(rising(&reads)).await;
    // All in one block, so that every answer has the length of every other.
    let text = shipped::text("eastron-sdm630")
        .expect("shipped")
        .replace("timeout_ms = 1000", "timeout_ms = 150")
        .replace("gap_max = 2", "gap_max = 99");
    let profile = Arc::new(Profile::from_toml("quick", &text).expect("loads"));
    let endpoint = ModbusEndpoint::framed("127.0.0.1", adapter.address.port(), Framing::Rtu);
    let read = async || {
        let deadline = Instant::now() + Duration::from_secs(5);
        let read = endpoint.read(1, profile.clone(), true, deadline).await;
        let read = read.expect("readable");
        let Measured::Value(import) = *read.sample.get(Quantity::Import) else {
            panic!("{read:?}")
        };
        // Whoever is one answer behind has another one under way now.
        tokio::time::sleep(Duration::from_millis(100)).await;
        (import, read.after_timeout)
    };
    let newest = || 1_000_000 + 125 * i64::from(reads.load(Ordering::SeqCst));
    assert_eq!(read().await, (newest(), false));
    adapter.is_late.store(true, Ordering::SeqCst);
    assert_eq!(read().await, (newest(), true));
    assert_eq!(adapter.connections.load(Ordering::SeqCst), 2);
    assert_eq!(read().await, (newest(), false));
}
