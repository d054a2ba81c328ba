//! The gateway against real protocols on loopback: Modbus TCP servers, an MQTT broker, a node that
//! signs receipts.

mod broker;
mod devices;
mod faults;
mod gateway;
mod serial_frames;
