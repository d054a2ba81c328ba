//! One meter behind a Modbus TCP server.

use std::{
    future::{Ready, ready},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::net::{TcpListener, TcpStream};
use tokio_modbus::{
    ExceptionCode, Request, Response, SlaveRequest,
    server::{Service, tcp::Server},
};

use super::{Endpoint, Fault, MODBUS_UNIT, Meter, ServeError, sdm630, sunspec};
use crate::homes::DeviceKind;

/// The most registers of one request (Modbus application protocol 1.1b3, §6.3 and §6.4).
const REGISTERS_MAX: u16 = 125;

/// Starts the server on a port of its own. It runs until the clock ends.
pub(super) async fn start(meter: Meter) -> Result<Endpoint, ServeError> {
    let failed = |source| ServeError::Listen {
        name: meter.device.name.clone(),
        source,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tokio::spawn(run(listener, meter));
    Ok(Endpoint::Modbus {
        address,
        unit: MODBUS_UNIT,
    })
}

async fn run(listener: TcpListener, meter: Meter) {
    let name = meter.device.name.clone();
    let mut clock = meter.clock.clone();
    let clock_ended = async move { while clock.changed().await.is_ok() {} };
    let service = Arc::new(Registers(meter));
    let on_connected = |stream: TcpStream, _: SocketAddr| {
        let service = Arc::clone(&service);
        async move {
            stream.set_nodelay(true)?;
            Ok(Some((service, stream)))
        }
    };
    let on_error = |error| tracing::debug!(%error, "a client of a virtual meter went away");
    if let Err(error) = Server::new(listener)
        .serve_until(&on_connected, on_error, clock_ended)
        .await
    {
        tracing::error!(device = name, %error, "a virtual meter stopped listening");
    }
}

/// Answers read requests with the registers at the grid time of the request.
struct Registers(Meter);

impl Service for Registers {
    type Request = SlaveRequest<'static>;
    type Response = Option<Response>;
    type Exception = ExceptionCode;
    type Future = Ready<Result<Option<Response>, ExceptionCode>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        ready(self.answer(&request))
    }
}

impl Registers {
    fn answer(&self, request: &SlaveRequest<'_>) -> Result<Option<Response>, ExceptionCode> {
        let now_ms = *self.0.clock.borrow();
        match self.0.faults.at(now_ms) {
            Some(Fault::Exception { .. }) => return Err(ExceptionCode::ServerDeviceFailure),
            Some(Fault::Silent { .. }) => return Ok(None),
            None => {}
        }
        if request.slave != MODBUS_UNIT {
            return Err(ExceptionCode::GatewayTargetDevice);
        }
        match (self.0.device.kind, &request.request) {
            (DeviceKind::Sdm630, Request::ReadInputRegisters(address, count)) => Ok(Some(
                Response::ReadInputRegisters(self.words(now_ms, *address, *count)?),
            )),
            (DeviceKind::SunSpec, Request::ReadHoldingRegisters(address, count)) => Ok(Some(
                Response::ReadHoldingRegisters(self.words(now_ms, *address, *count)?),
            )),
            _ => Err(ExceptionCode::IllegalFunction),
        }
    }

    fn words(&self, now_ms: i64, address: u16, count: u16) -> Result<Vec<u16>, ExceptionCode> {
        if !(1..=REGISTERS_MAX).contains(&count) {
            return Err(ExceptionCode::IllegalDataValue);
        }
        let meter = &self.0;
        let state = meter
            .street
            .state(meter.home.id, now_ms)
            .ok_or(ExceptionCode::ServerDeviceFailure)?;
        let (base, image) = match meter.device.kind {
            DeviceKind::SunSpec => (
                sunspec::BASE,
                sunspec::image(&meter.home, &meter.device, &state),
            ),
            DeviceKind::Sdm630 | DeviceKind::JsonMqtt => (0, sdm630::image(&state)),
        };
        let from = usize::from(
            address
                .checked_sub(base)
                .ok_or(ExceptionCode::IllegalDataAddress)?,
        );
        let to = from + usize::from(count);
        Ok(image
            .get(from..to)
            .ok_or(ExceptionCode::IllegalDataAddress)?
            .to_vec())
    }
}
