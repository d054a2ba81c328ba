//! Modbus TCP: one owner for each endpoint, one request at a time.
//!
//! Many devices accept one connection only, and several units may share it, so an endpoint
//! (`host:port`) has one task that owns the connection and serves its units one after the other. What
//! to read and what a failure means is decided by [`crate::poller`]; this file connects, asks, waits
//! and drops. A connection that saw a timeout or broke is never used again: tokio-modbus would give
//! each later request the answer to the one before (slowtec/tokio-modbus#324).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tokio_modbus::client::{Client as _, Context, tcp};
use tokio_modbus::slave::SlaveContext as _;
use tokio_modbus::{Request, Response, Slave};

use crate::decode::Sample;
use crate::plan::ReadRequest;
use crate::poller::{Answer, DeviceError, Next, Poll, confirmed, retry_after_ms};
use crate::profile::{Function, ModbusManners, Profile};
use crate::sunspec::Layout;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Reads waiting for an endpoint. More than there are units behind one.
const QUEUE: usize = 256;

/// One read of a device.
#[derive(Debug, Clone)]
pub struct DeviceRead {
    /// What it said.
    pub sample: Sample,
    /// Whether it was read twice on a fresh connection because the one before was in doubt.
    pub after_timeout: bool,
}

struct Job {
    unit: u8,
    profile: Arc<Profile>,
    was_healthy: bool,
    deadline: Instant,
    reply: oneshot::Sender<Result<DeviceRead, DeviceError>>,
}

/// A Modbus TCP endpoint. Its task ends when the last handle is dropped.
#[derive(Debug, Clone)]
pub struct ModbusEndpoint {
    name: String,
    jobs: mpsc::Sender<Job>,
}

impl ModbusEndpoint {
    /// Starts the task that owns the connection to `host:port`. Nothing is connected yet.
    #[must_use]
    pub fn start(host: &str, port: u16) -> Self {
        let name = format!("{host}:{port}");
        let (jobs, inbox) = mpsc::channel(QUEUE);
        let owner = Owner {
            name: name.clone(),
            line: None,
            in_doubt: false,
            layouts: BTreeMap::new(),
        };
        tokio::spawn(owner.serve(inbox));
        Self { name, jobs }
    }

    /// Reads one unit. `was_healthy` says whether its last read succeeded: then a failure that may
    /// pass is tried again on the spot. No try begins after `deadline`.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub async fn read(
        &self,
        unit: u8,
        profile: Arc<Profile>,
        was_healthy: bool,
        deadline: Instant,
    ) -> Result<DeviceRead, DeviceError> {
        let (reply, answer) = oneshot::channel();
        let gone = |reason: &str| DeviceError::Unreachable {
            endpoint: self.name.clone(),
            reason: reason.to_owned(),
        };
        let job = Job {
            unit,
            profile,
            was_healthy,
            deadline,
            reply,
        };
        self.jobs
            .try_send(job)
            .map_err(|_| gone("too many reads are waiting for it"))?;
        answer.await.map_err(|_| gone("its task has ended"))?
    }
}

struct Owner {
    name: String,
    line: Option<Context>,
    /// Whether the last connection timed out or broke, so that the next read needs a second one.
    in_doubt: bool,
    layouts: BTreeMap<u8, Layout>,
}

impl Owner {
    async fn serve(mut self, mut inbox: mpsc::Receiver<Job>) {
        while let Some(job) = inbox.recv().await {
            let result = self.read(&job).await;
            // Whoever asked may have gone on without the answer.
            let _ = job.reply.send(result);
        }
    }

    async fn read(&mut self, job: &Job) -> Result<DeviceRead, DeviceError> {
        let mut attempt = 1;
        loop {
            let error = match self.attempt(job).await {
                Ok(read) => return Ok(read),
                Err(error) => error,
            };
            let Some(wait) = retry_after_ms(&error, attempt, job.was_healthy) else {
                return Err(error);
            };
            let wait = Duration::from_millis(wait.into());
            if Instant::now() + wait >= job.deadline {
                return Err(error);
            }
            tracing::debug!(endpoint = self.name, unit = job.unit, %error, "a device is read again");
            sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt(&mut self, job: &Job) -> Result<DeviceRead, DeviceError> {
        let Some(manners) = job.profile.modbus() else {
            let reason = format!("profile `{}` is not for Modbus", job.profile.name());
            return Err(DeviceError::Unreachable {
                endpoint: self.name.clone(),
                reason,
            });
        };
        let first = self.sample(job, manners).await?;
        if !self.in_doubt {
            return Ok(DeviceRead {
                sample: first,
                after_timeout: false,
            });
        }
        let second = self.sample(job, manners).await?;
        confirmed(&job.profile, &first, &second)?;
        self.in_doubt = false;
        Ok(DeviceRead {
            sample: second,
            after_timeout: true,
        })
    }

    async fn sample(&mut self, job: &Job, manners: &ModbusManners) -> Result<Sample, DeviceError> {
        let mut poll = Poll::new(
            Arc::clone(&job.profile),
            self.layouts.get(&job.unit).cloned(),
        );
        loop {
            match poll.step() {
                Next::Read(request) => {
                    let answer = self.ask(job.unit, &request, manners).await?;
                    poll.answer(answer);
                }
                Next::Done(sample) => {
                    if let Some(layout) = poll.layout() {
                        self.layouts.insert(job.unit, layout.clone());
                    }
                    return Ok(*sample);
                }
                Next::Failed(error) => {
                    self.layouts.remove(&job.unit);
                    return Err(error);
                }
            }
        }
    }

    /// One request. The connection is gone after anything but an answer or an exception.
    async fn ask(
        &mut self,
        unit: u8,
        request: &ReadRequest,
        manners: &ModbusManners,
    ) -> Result<Answer, DeviceError> {
        let mut line = match self.line.take() {
            Some(line) => line,
            None => connect(&self.name, manners).await?,
        };
        line.set_slave(Slave(unit));
        let call = line.call(match request.function {
            Function::Holding => Request::ReadHoldingRegisters(request.address, request.count),
            Function::Input => Request::ReadInputRegisters(request.address, request.count),
        });
        let broken = |reason: String| DeviceError::Broken {
            request: *request,
            reason,
        };
        let outcome = match timeout(Duration::from_millis(manners.timeout_ms.into()), call).await {
            Err(_) => Err(DeviceError::Timeout {
                request: *request,
                timeout_ms: manners.timeout_ms,
            }),
            Ok(Err(error)) => Err(broken(reason(&error))),
            Ok(Ok(Err(exception))) => Ok(Answer::Exception(exception.into())),
            Ok(Ok(Ok(
                Response::ReadHoldingRegisters(words) | Response::ReadInputRegisters(words),
            ))) => {
                if words.len() == usize::from(request.count) {
                    Ok(Answer::Words(words))
                } else {
                    Err(broken(format!("{} registers", words.len())))
                }
            }
            Ok(Ok(Ok(other))) => Err(broken(format!("an answer to another question: {other:?}"))),
        };
        match &outcome {
            Ok(_) => self.line = Some(line),
            Err(_) => self.in_doubt = true,
        }
        outcome
    }
}

async fn connect(name: &str, manners: &ModbusManners) -> Result<Context, DeviceError> {
    let failed = |reason: String| DeviceError::Unreachable {
        endpoint: name.to_owned(),
        reason,
    };
    let stream = match timeout(CONNECT_TIMEOUT, TcpStream::connect(name)).await {
        Err(_) => {
            return Err(failed(format!(
                "no answer within {} s",
                CONNECT_TIMEOUT.as_secs()
            )));
        }
        Ok(Err(error)) => return Err(failed(error.to_string())),
        Ok(Ok(stream)) => stream,
    };
    stream
        .set_nodelay(true)
        .map_err(|error| failed(error.to_string()))?;
    if manners.connect_delay_ms > 0 {
        sleep(Duration::from_millis(manners.connect_delay_ms.into())).await;
    }
    Ok(tcp::attach(stream))
}

/// What went wrong, in words. tokio-modbus reports a closed connection as the system's last error,
/// which then is "success".
fn reason(error: &tokio_modbus::Error) -> String {
    match error {
        tokio_modbus::Error::Transport(io) if io.raw_os_error() == Some(0) => {
            "the connection was closed".to_owned()
        }
        tokio_modbus::Error::Transport(io) => io.to_string(),
        tokio_modbus::Error::Protocol(_) => "an answer to another question".to_owned(),
    }
}
