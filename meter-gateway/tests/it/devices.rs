//! Modbus TCP servers: tokio-modbus' own, and a raw one that misbehaves on demand.

use std::collections::VecDeque;
use std::future::{Ready, ready};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_modbus::server::{Service, tcp::Server};
use tokio_modbus::{ExceptionCode, Request, Response, SlaveRequest};

/// The words of a device: address and count in, registers or none out.
pub(crate) type Image = Arc<dyn Fn(u16, u16) -> Option<Vec<u16>> + Send + Sync>;

/// An SDM630 with these registers in kWh.
pub(crate) fn sdm630(
    import_kwh: impl Fn() -> f32 + Send + Sync + 'static,
    export_kwh: f32,
) -> Image {
    Arc::new(move |address, count| {
        let mut words = vec![0; 0x180];
        let mut put = |at: usize, value: f32| {
            let bits = value.to_bits();
            words[at] = u16::try_from(bits >> 16).expect("16 bits");
            words[at + 1] = u16::try_from(bits & 0xffff).expect("16 bits");
        };
        put(0x34, -500.0);
        put(0x46, 50.0);
        put(0x48, import_kwh());
        put(0x4a, export_kwh);
        let from = usize::from(address);
        words
            .get(from..from + usize::from(count))
            .map(<[u16]>::to_vec)
    })
}

struct Registers(Image);

impl Service for Registers {
    type Request = SlaveRequest<'static>;
    type Response = Option<Response>;
    type Exception = ExceptionCode;
    type Future = Ready<Result<Option<Response>, ExceptionCode>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        ready(match request.request {
            Request::ReadInputRegisters(address, count) => (self.0)(address, count)
                .map(|words| Some(Response::ReadInputRegisters(words)))
                .ok_or(ExceptionCode::IllegalDataAddress),
            Request::ReadHoldingRegisters(address, count) => (self.0)(address, count)
                .map(|words| Some(Response::ReadHoldingRegisters(words)))
                .ok_or(ExceptionCode::IllegalDataAddress),
            _ => Err(ExceptionCode::IllegalFunction),
        })
    }
}

/// tokio-modbus' server with an image.
pub(crate) async fn serve(image: Image) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        let service = Arc::new(Registers(image));
        let on_connected = |stream: TcpStream, _| {
            let service = Arc::clone(&service);
            async move {
                stream.set_nodelay(true)?;
                Ok(Some((service, stream)))
            }
        };
        let _ = Server::new(listener).serve(&on_connected, |_| {}).await;
    });
    address
}

/// What the raw server does wrong with the next request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wrong {
    /// Answers rightly.
    Nothing,
    /// Answers this many ms late.
    Late(u64),
    /// Sends half of the answer and no more.
    HalfFrame,
    /// Answers with another transaction id.
    Transaction,
    /// Answers for another unit.
    Unit,
    /// Sends one register less than asked.
    Short,
    /// Closes the connection.
    Close,
    /// Answers with this exception.
    Exception(u8),
}

/// A Modbus TCP server that takes its behaviour for each request from a list, and behaves after it.
#[derive(Clone)]
pub(crate) struct RawDevice {
    pub(crate) address: SocketAddr,
    pub(crate) wrongs: Arc<Mutex<VecDeque<Wrong>>>,
    /// How often somebody connected.
    pub(crate) connections: Arc<Mutex<u32>>,
}

impl RawDevice {
    pub(crate) async fn serve(image: Image) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("bound");
        let device = Self {
            address,
            wrongs: Arc::default(),
            connections: Arc::default(),
        };
        let serving = device.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *serving.connections.lock().expect("not poisoned") += 1;
                let (wrongs, image) = (Arc::clone(&serving.wrongs), Arc::clone(&image));
                tokio::spawn(async move {
                    // A client that goes away ends its connection and nothing else.
                    let _ = answer(stream, wrongs, image).await;
                });
            }
        });
        device
    }

    pub(crate) fn next(&self, wrongs: &[Wrong]) {
        self.wrongs.lock().expect("not poisoned").extend(wrongs);
    }
}

async fn answer(
    mut stream: TcpStream,
    wrongs: Arc<Mutex<VecDeque<Wrong>>>,
    image: Image,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = [0; 12];
    loop {
        stream.read_exact(&mut request).await?;
        let wrong = wrongs
            .lock()
            .expect("not poisoned")
            .pop_front()
            .unwrap_or(Wrong::Nothing);
        let word = |at: usize| u16::from_be_bytes([request[at], request[at + 1]]);
        let mut count = word(10);
        if matches!(wrong, Wrong::Short) {
            count -= 1;
        }
        let pdu = match (wrong, image(word(8), count)) {
            (Wrong::Exception(code), _) => vec![request[7] | 0x80, code],
            (_, None) => vec![request[7] | 0x80, 2],
            (_, Some(words)) => {
                let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
                [
                    vec![request[7], u8::try_from(bytes.len()).expect("at most 250")],
                    bytes,
                ]
                .concat()
            }
        };
        let transaction = if matches!(wrong, Wrong::Transaction) {
            word(0) ^ 0x55
        } else {
            word(0)
        };
        let unit = if matches!(wrong, Wrong::Unit) {
            request[6] ^ 1
        } else {
            request[6]
        };
        let length = u16::try_from(pdu.len() + 1).expect("short");
        let mut frame = Vec::new();
        frame.extend(transaction.to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(length.to_be_bytes());
        frame.push(unit);
        frame.extend(pdu);
        match wrong {
            Wrong::Late(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Wrong::HalfFrame => frame.truncate(frame.len() / 2),
            Wrong::Close => return Ok(()),
            _ => {}
        }
        stream.write_all(&frame).await?;
    }
}
