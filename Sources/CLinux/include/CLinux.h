/// What Glibc's Swift overlay leaves out: epoll, eventfd, signals, accept4, socket-option plumbing, the pace
/// of threads and one thread-local pointer.
///
/// Functions that can fail return the result, or `-errno`: `errno` itself may be overwritten between a call and the
/// Swift line that would read it.
#pragma once

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>

/// Makes an epoll instance that is closed on exec; its descriptor or `-errno`. See epoll_create1(2).
int apus_epoll_create(void);

/// Adds (`EPOLL_CTL_ADD`), changes or removes `fd`; `token` comes back with each of its events. 0 or `-errno`.
int apus_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t token);

/// One readiness report.
struct apus_event {
    uint64_t token;
    uint32_t events;
};

/// Waits at most `timeout_milliseconds` (-1: without end) for events; their number or `-errno` (never `-EINTR`: an
/// interrupted wait reports no events). At most 256 events are reported at once.
int apus_epoll_wait(int epoll, struct apus_event *events, int capacity, int timeout_milliseconds);

/// Makes a non-blocking eventfd; its descriptor or `-errno`.
int apus_eventfd_create(void);

/// Makes `fd` (an eventfd) readable.
void apus_eventfd_signal(int fd);

/// Makes `fd` (an eventfd) unreadable again.
void apus_eventfd_clear(int fd);

/// Makes a non-blocking timerfd on CLOCK_MONOTONIC; its descriptor or `-errno`. See timerfd_create(2).
int apus_timerfd_create(void);

/// Makes `fd` (a timerfd) readable at `nanoseconds` of CLOCK_MONOTONIC, instead of when it was set before; never for 0.
/// 0 or `-errno`.
int apus_timerfd_set(int fd, uint64_t nanoseconds);

/// Makes `fd` (a timerfd) unreadable again.
void apus_timerfd_clear(int fd);

/// Accepts one connection, non-blocking and closed on exec; the descriptor or `-errno`. See accept4(2).
int apus_accept(int listener, struct sockaddr_storage *peer, socklen_t *peer_byte_count);

/// Makes a stream socket of `family`, non-blocking and closed on exec; the descriptor or `-errno`.
int apus_stream_socket(int family);

/// Reads up to `byte_count` bytes; their number, 0 at the end of the stream, or `-errno` (never `-EINTR`).
ssize_t apus_receive(int fd, void *bytes, size_t byte_count);

/// Sends without raising SIGPIPE; the number of bytes taken or `-errno` (never `-EINTR`).
ssize_t apus_send(int fd, const void *bytes, size_t byte_count);

/// As `apus_send`, for up to IOV_MAX (1024) pieces that follow each other.
ssize_t apus_send_pieces(int fd, const struct iovec *pieces, size_t piece_count);

/// Sets an integer option; 0 or `-errno`.
int apus_set_option(int fd, int level, int option, int value);

/// setsockopt(2) of TCP_CONGESTION, see tcp(7): the congestion control `name`. Zero, or `-errno`.
int apus_set_congestion_control(int fd, const char *name);

/// The error a non-blocking connect ended with, as a positive errno; 0 when it is connected.
int apus_socket_error(int fd);

/// Has `signals` written to a pipe instead of ending the process; the pipe's reading end, non-blocking, or `-errno`.
///
/// Why not signalfd(2): it needs the signals blocked in every thread, and libdispatch, on which an asynchronous `main`
/// waits, unblocks them all in the main thread. A handler runs whatever the masks are. One pipe at a time.
int apus_signal_pipe_open(const int *signals, size_t count);

/// The next signal that arrived, or 0 when there is none.
int apus_signal_pipe_read(int fd);

/// Gives `signals` their default action again and closes both ends of the pipe.
void apus_signal_pipe_close(int fd, const int *signals, size_t count);

/// From now on the calling thread, and every thread that it starts, runs when no other has anything to do. See
/// sched(7), SCHED_IDLE.
void apus_give_way(void);

/// From now on the calling thread, and every thread that it starts, has less of a processor than others that want it:
/// about a third of what one of them has. See setpriority(2), nice(2).
void apus_step_back(void);

/// When somebody was last served, for threads that pause meanwhile.
struct apus_service;

/// NULL when there is no memory.
struct apus_service *apus_service_create(void);

/// No thread makes pauses for it any more.
void apus_service_destroy(struct apus_service *service);

/// Somebody is being served: for a second or two, threads with pauses make them.
void apus_service_note(struct apus_service *service);

/// From now on `apus_pause_if_due` pauses the calling thread, while somebody is being served, for so long after so many
/// nanoseconds of work; until `apus_end_pauses`.
///
/// \param work_nanoseconds  more than 0; where more time has gone by since the last pause, the pause is as much longer
void apus_begin_pauses(const struct apus_service *service, uint32_t work_nanoseconds, uint32_t pause_nanoseconds);

/// Ends the pauses of the calling thread.
void apus_end_pauses(void);

/// A place in long work where the calling thread holds no lock: it pauses here if it makes pauses and one is due.
void apus_pause_if_due(void);

/// Whether the calling thread makes pauses now.
bool apus_pauses(void);

/// How many pauses the calling thread has made.
uint64_t apus_pause_count(void);

/// Names the calling thread for debuggers and `top`; the kernel keeps 15 bytes.
void apus_name_thread(const char *name);

/// The event loop whose thread this is, or NULL: which loop runs here is asked on every entry into its state, and a
/// thread-local pointer answers that without a lock or a system call.
void *apus_current_loop(void);
void apus_set_current_loop(void *loop);
