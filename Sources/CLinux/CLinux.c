#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { EVENTS_PER_WAIT_MAX = 256 };

static _Thread_local void *current_loop;

int apus_epoll_create(void) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int apus_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data.u64 = token};
    return epoll_ctl(epoll, operation, fd, &event) < 0 ? -errno : 0;
}

int apus_epoll_wait(int epoll, struct apus_event *events, int capacity, int timeout_milliseconds) {
    // epoll_event is packed on x86-64, so it is translated here and Swift reads a plain structure.
    struct epoll_event raw[EVENTS_PER_WAIT_MAX];
    if (capacity > EVENTS_PER_WAIT_MAX) capacity = EVENTS_PER_WAIT_MAX;
    int count = epoll_wait(epoll, raw, capacity, timeout_milliseconds);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) {
        events[i].token = raw[i].data.u64;
        events[i].events = raw[i].events;
    }
    return count;
}

int apus_eventfd_create(void) {
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

void apus_eventfd_signal(int fd) {
    uint64_t one = 1;
    ssize_t written;
    // EAGAIN means the counter is at its maximum: the descriptor is readable already, which is all that is wanted.
    do written = write(fd, &one, sizeof one);
    while (written < 0 && errno == EINTR);
}

void apus_eventfd_clear(int fd) {
    uint64_t count;
    ssize_t received;
    do received = read(fd, &count, sizeof count);
    while (received < 0 && errno == EINTR);
}

int apus_accept(int listener, struct sockaddr_storage *peer, socklen_t *peer_byte_count) {
    *peer_byte_count = sizeof *peer;
    int fd;
    do fd = accept4(listener, (struct sockaddr *)peer, peer_byte_count, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

int apus_stream_socket(int family) {
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

ssize_t apus_receive(int fd, void *bytes, size_t byte_count) {
    ssize_t received;
    do received = recv(fd, bytes, byte_count, 0);
    while (received < 0 && errno == EINTR);
    return received < 0 ? -errno : received;
}

ssize_t apus_send(int fd, const void *bytes, size_t byte_count) {
    ssize_t sent;
    do sent = send(fd, bytes, byte_count, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

ssize_t apus_send_pieces(int fd, const struct iovec *pieces, size_t piece_count) {
    struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = piece_count};
    ssize_t sent;
    do sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

int apus_set_option(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

int apus_set_congestion_control(int fd, const char *name) {
    return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) < 0 ? -errno : 0;
}

int apus_socket_error(int fd) {
    int error = 0;
    socklen_t byte_count = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &byte_count) < 0 ? errno : error;
}

void apus_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

void *apus_current_loop(void) { return current_loop; }

void apus_set_current_loop(void *loop) { current_loop = loop; }
