//! Modbus over TCP: one owner for each endpoint, one request at a time.
//!
//! Many devices accept one connection only, and several units may share it, so an endpoint
//! (`host:port`) has one task that owns the connection and serves its units one after the other. What
//! to read and what a failure means is decided by [`crate::poller`]; this file connects, asks, waits
//! and drops. A connection that saw a timeout or broke is never used again: tokio-modbus would give
//! each later request the answer to the one before (slowtec/tokio-modbus#324).
//!
//! Frames of a serial line carry no number, so a late answer cannot be told from the wanted one, and an
//! adapter passes it on to whoever is connected then. After a timeout such a line is listened to until
//! it is silent, and what came is thrown away; then, as everywhere, the next value is read twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tokio_modbus::client::{Client as _, Context, rtu, tcp};
use tokio_modbus::slave::SlaveContext as _;
use tokio_modbus::{Request, Response, Slave};

use crate::decode::Sample;
use crate::plan::ReadRequest;
use crate::poller::{Answer, DeviceError, Known, Next, Poll, confirmed, retry_after_ms};
use crate::profile::{Function, ModbusManners, Profile};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Reads waiting for an endpoint. More than there are units behind one.
const QUEUE: usize = 256;

/// How long a serial line has to be silent before it is believed to be, at most.
const SILENCE_MS_MAX: u32 = 1_000;
/// How often a late answer may interrupt that silence.
const LATE_FRAMES_MAX: u32 = 16;

/// How requests are laid out on a TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Framing {
    /// Modbus TCP: every frame has a transaction number.
    Tcp,
    /// The frames of a serial line (Modbus RTU), with a checksum and without a number.
    Rtu,
}

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

/// One question of somebody who looks for devices.
struct Question {
    unit: u8,
    request: ReadRequest,
    manners: ModbusManners,
    reply: oneshot::Sender<Result<Answer, DeviceError>>,
}

enum Work {
    Read(Job),
    Ask(Question),
}

/// A Modbus endpoint. Its task ends when the last handle is dropped.
#[derive(Debug, Clone)]
pub struct ModbusEndpoint {
    name: String,
    work: mpsc::Sender<Work>,
}

impl ModbusEndpoint {
    /// Starts the task that owns the Modbus TCP connection to `host:port`. Nothing is connected yet.
    #[must_use]
    pub fn start(host: &str, port: u16) -> Self {
        Self::framed(host, port, Framing::Tcp)
    }

    /// The same with another framing.
    #[must_use]
    pub fn framed(host: &str, port: u16, framing: Framing) -> Self {
        let name = format!("{host}:{port}");
        let (work, inbox) = mpsc::channel(QUEUE);
        let owner = Owner {
            name: name.clone(),
            framing,
            line: None,
            in_doubt: false,
            known: BTreeMap::new(),
        };
        tokio::spawn(owner.serve(inbox));
        Self { name, work }
    }

    /// Its name, `host:port`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
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
        let job = Job {
            unit,
            profile,
            was_healthy,
            deadline,
            reply,
        };
        self.answered(Work::Read(job), answer).await
    }

    /// Asks one unit for registers, once: for looking for devices. What comes on a connection after a
    /// timeout is not asked twice, so nothing of it may be signed.
    ///
    /// # Errors
    /// [`DeviceError`]; a Modbus exception is an answer.
    pub async fn ask(
        &self,
        unit: u8,
        request: ReadRequest,
        manners: &ModbusManners,
    ) -> Result<Answer, DeviceError> {
        let (reply, answer) = oneshot::channel();
        let question = Question {
            unit,
            request,
            manners: manners.clone(),
            reply,
        };
        self.answered(Work::Ask(question), answer).await
    }

    async fn answered<T>(
        &self,
        work: Work,
        answer: oneshot::Receiver<Result<T, DeviceError>>,
    ) -> Result<T, DeviceError> {
        let gone = |reason: &str| DeviceError::Unreachable {
            endpoint: self.name.clone(),
            reason: reason.to_owned(),
        };
        self.work
            .try_send(work)
            .map_err(|_| gone("too many reads are waiting for it"))?;
        answer.await.map_err(|_| gone("its task has ended"))?
    }
}

struct Owner {
    name: String,
    framing: Framing,
    line: Option<Context>,
    /// Whether the last connection timed out or broke, so that the next read needs a second one.
    in_doubt: bool,
    /// What units said about themselves on this connection.
    known: BTreeMap<u8, Known>,
}

impl Owner {
    async fn serve(mut self, mut inbox: mpsc::Receiver<Work>) {
        while let Some(work) = inbox.recv().await {
            // Whoever asked may have gone on without the answer.
            match work {
                Work::Read(job) => {
                    let result = self.read(&job).await;
                    let _ = job.reply.send(result);
                }
                Work::Ask(Question {
                    unit,
                    request,
                    manners,
                    reply,
                }) => {
                    let result = self.ask(unit, &request, &manners).await;
                    let _ = reply.send(result);
                }
            }
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
        let mut poll = Poll::new(Arc::clone(&job.profile), self.known.get(&job.unit).cloned());
        loop {
            match poll.step() {
                Next::Read(request) => {
                    let answer = self.ask(job.unit, &request, manners).await?;
                    poll.answer(answer);
                }
                Next::Done(sample) => {
                    if let Some(known) = poll.known() {
                        self.known.insert(job.unit, known);
                    }
                    return Ok(*sample);
                }
                Next::Failed(error) => {
                    self.known.remove(&job.unit);
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
            None => {
                // Whoever answers now may be another device.
                self.known
                    .values_mut()
                    .for_each(|known| known.identity = None);
                connect(&self.name, self.framing, self.in_doubt, manners).await?
            }
        };
        line.set_slave(Slave(request.unit.unwrap_or(unit)));
        if manners.request_gap_ms > 0 {
            sleep(Duration::from_millis(manners.request_gap_ms.into())).await;
        }
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

async fn connect(
    name: &str,
    framing: Framing,
    is_late_answer_possible: bool,
    manners: &ModbusManners,
) -> Result<Context, DeviceError> {
    let failed = |reason: String| DeviceError::Unreachable {
        endpoint: name.to_owned(),
        reason,
    };
    let mut stream = match timeout(CONNECT_TIMEOUT, TcpStream::connect(name)).await {
        Err(_) => {
            let seconds = CONNECT_TIMEOUT.as_secs();
            return Err(failed(format!("no answer within {seconds} s")));
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
    match framing {
        Framing::Tcp => Ok(tcp::attach(stream)),
        Framing::Rtu => {
            if is_late_answer_possible {
                let silence = manners.timeout_ms.min(SILENCE_MS_MAX);
                let silence = Duration::from_millis(silence.into());
                drained(&mut stream, silence).await.map_err(failed)?;
            }
            Ok(rtu::attach(stream))
        }
    }
}

/// Throws away what comes until nothing has come for a while: answers to questions of before.
async fn drained(stream: &mut TcpStream, silence: Duration) -> Result<(), String> {
    let mut late = [0; 256];
    for _ in 0..LATE_FRAMES_MAX {
        match timeout(silence, stream.read(&mut late)).await {
            Err(_) => return Ok(()),
            Ok(Ok(0)) => return Err("the connection was closed".to_owned()),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error.to_string()),
        }
    }
    Err("a line that is never silent".to_owned())
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
