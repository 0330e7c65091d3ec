//! The machine's baseline over TCP: an echo by busy system calls on nonblocking sockets, without a ring and without us.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use core_affinity::CoreId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Bytes read at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// A running echo. Dropping it stops it.
#[derive(Debug)]
pub struct RawEcho {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<io::Result<()>>>,
}

impl RawEcho {
    /// Starts it on this CPU for so many connections.
    ///
    /// # Errors
    /// Those of the listening socket.
    pub fn start(cpu: usize, connections: usize) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = stop.clone();
        let thread = thread::Builder::new().name("raw echo".to_owned()).spawn(move || {
            if !core_affinity::set_for_current(CoreId { id: cpu }) {
                return Err(io::Error::other(format!("cannot pin the raw echo to CPU {cpu}")));
            }
            serve(&listener, connections, &stopping)
        })?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// Address on which the echo listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it.
    ///
    /// # Errors
    /// What ended it before.
    pub fn stop(mut self) -> io::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(thread::JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Ok(()),
        }
    }
}

impl Drop for RawEcho {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn serve(listener: &TcpListener, connections: usize, stop: &AtomicBool) -> io::Result<()> {
    let mut streams = Vec::with_capacity(connections);
    while streams.len() < connections && !stop.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                streams.push(stream);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
            Err(error) => return Err(error),
        }
    }
    let mut buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
    let mut open = vec![true; streams.len()];
    while !stop.load(Ordering::Relaxed) && open.contains(&true) {
        if let [only] = &streams[..] {
            // One read costs less than asking first.
            open[0] = echo(only, &mut buffer, stop)?;
            continue;
        }
        let mut asked: Vec<PollFd<'_>> = Vec::with_capacity(0);
        asked.extend(streams.iter().map(|stream| PollFd::new(stream, PollFlags::IN)));
        while !stop.load(Ordering::Relaxed) && open.contains(&true) {
            match poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
            for (index, stream) in streams.iter().enumerate() {
                if open[index] && !asked[index].revents().is_empty() {
                    open[index] = echo(stream, &mut buffer, stop)?;
                }
            }
        }
    }
    Ok(())
}

/// Sends back what is there; false when the peer has closed.
fn echo(mut stream: &TcpStream, buffer: &mut [u8], stop: &AtomicBool) -> io::Result<bool> {
    let read = match stream.read(buffer) {
        Ok(0) => return Ok(false),
        Ok(read) => read,
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(true),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut written = 0;
    while written < read && !stop.load(Ordering::Relaxed) {
        match stream.write(&buffer[written..read]) {
            Ok(bytes) => written += bytes,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
