//! What looks at the shard from inside its thread: an actor beside the venue's, and a seccomp filter.

use std::{
    hint::black_box,
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    sync::{
        Mutex,
        atomic::{AtomicI32, AtomicU64, Ordering},
    },
    thread,
};

use corelane_runtime::{
    actor::{Actor, Context, Step},
    message::Message,
};
use corelane_test_support::allocator::watch_this_thread;
use rustix::event::{PollFd, PollFlags};

/// Requests that the probe has carried out.
static DONE: AtomicU64 = AtomicU64::new(0);
/// System calls that the filter reported, by number.
static SYSTEM_CALLS: Mutex<Vec<i64>> = Mutex::new(Vec::new());
/// The filter's listener once it is installed.
static LISTENER: AtomicI32 = AtomicI32::new(-1);

pub(crate) fn done() -> u64 {
    DONE.load(Ordering::Acquire)
}

/// System calls since the last call.
pub(crate) fn take_system_calls() -> Vec<i64> {
    std::mem::take(&mut *SYSTEM_CALLS.lock().unwrap())
}

/// What the probe is asked to do on the shard's thread.
#[derive(Clone, Copy)]
pub(crate) enum ProbeIn {
    /// Count this thread's allocations, report its system calls.
    Watch,
    /// Allocate once and release it.
    Allocate,
    /// Make a system call.
    CallTheSystem,
    /// Count no more allocations. A filter stays for the thread's life.
    StopWatching,
}

impl Message for ProbeIn {}

/// The actor on the shard that is looked at.
pub(crate) struct Probe;

impl Actor for Probe {
    type In = ProbeIn;
    type Out = ();
    const OUTPUTS_MAX: usize = 1;

    fn on_message(&mut self, _ctx: &mut Context<'_, ()>, message: &ProbeIn) -> Step {
        match message {
            ProbeIn::Watch => {
                assert_eq!(thread_name(), "hot\n", "the probe runs on the hot shard");
                let listener = install_filter().expect("a seccomp filter with a listener (Linux 5.5)");
                LISTENER.store(listener, Ordering::Release);
                watch_this_thread(true);
            }
            ProbeIn::Allocate => drop(black_box(Box::new(black_box(1_u64)))),
            ProbeIn::CallTheSystem => {
                // SAFETY: getppid takes nothing and cannot fail.
                unsafe { libc::syscall(libc::SYS_getppid) };
            }
            ProbeIn::StopWatching => watch_this_thread(false),
        }
        DONE.fetch_add(1, Ordering::Release);
        Step::Done
    }
}

/// As the system has it, with the end of line that it adds.
fn thread_name() -> String {
    std::fs::read_to_string("/proc/thread-self/comm").expect("every thread has a name")
}

/// What the net driver calls after start: the ring, and `sendto` for a few connections (`sends_by_call`).
const DRIVERS_CALLS: [libc::c_long; 2] = [libc::SYS_io_uring_enter, libc::SYS_sendto];

/// Puts a filter on the calling thread, and on no other, that reports all calls but those of the net driver to a listener,
/// whose descriptor is returned.
fn install_filter() -> io::Result<i32> {
    const LOAD_NUMBER: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let statement = |code, k| libc::sock_filter { code, jt: 0, jf: 0, k };
    let [enter, send] = DRIVERS_CALLS.map(|call| call as u32);
    let mut filter = [
        statement(LOAD_NUMBER, std::mem::offset_of!(libc::seccomp_data, nr) as u32),
        libc::sock_filter { code: JUMP_IF_EQUAL, jt: 1, jf: 0, k: enter },
        libc::sock_filter { code: JUMP_IF_EQUAL, jt: 0, jf: 1, k: send },
        statement(RETURN, libc::SECCOMP_RET_ALLOW),
        statement(RETURN, libc::SECCOMP_RET_USER_NOTIF),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: takes four numbers and changes only what this thread may gain by exec.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the program and its filter live through the call, which copies them. The filter only adds reports that
    // are answered with "continue".
    let listener = unsafe {
        let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &program)
    };
    if listener < 0 { Err(io::Error::last_os_error()) } else { Ok(listener as i32) }
}

/// Answers the filter's reports, each with "continue", and keeps the numbers, until the watched thread ends: it waits
/// at each of its calls for the answer.
pub(crate) fn watch_system_calls() -> thread::JoinHandle<()> {
    let listener = LISTENER.load(Ordering::Acquire);
    assert!(listener >= 0, "the filter is installed");
    // SAFETY: the descriptor is open and nobody else's: the probe stored it for this.
    let listener = unsafe { OwnedFd::from_raw_fd(listener) };
    thread::spawn(move || {
        while has_report(&listener) {
            // SAFETY: all zeros is a value of this plain struct, and what the kernel asks for.
            let mut report: libc::seccomp_notif = unsafe { std::mem::zeroed() };
            // SAFETY: the request goes with a pointer to this struct, which lives through the call.
            if unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &mut report) } != 0 {
                // The call was interrupted before its report was read; it comes again.
                continue;
            }
            SYSTEM_CALLS.lock().unwrap().push(report.data.nr.into());
            let flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
            let mut answer = libc::seccomp_notif_resp { id: report.id, val: 0, error: 0, flags };
            // SAFETY: as above. That the call has ended meanwhile is an error which needs no answer.
            unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &mut answer) };
        }
    })
}

/// Waits for a report; false once the watched thread has ended. Were the listener closed before that, every further
/// call of the thread would fail, its end included.
fn has_report(listener: &OwnedFd) -> bool {
    loop {
        let mut poll = [PollFd::new(listener, PollFlags::IN)];
        match rustix::event::poll(&mut poll, None) {
            Ok(_) if poll[0].revents().contains(PollFlags::IN) => return true,
            Ok(_) if poll[0].revents().contains(PollFlags::HUP) => return false,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("polling the filter's listener: {error}"),
        }
    }
}
