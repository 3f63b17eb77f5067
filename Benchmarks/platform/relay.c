// Passes bytes on between those who connect and one server, both ways, and looks at none of them: what any process that
// stands between two others costs on this machine, before it does anything.
//
//     relay PORT_OF_THE_SERVER
//
// Both are on 127.0.0.1; prints where it listens. One thread, two reads and two writes for a call at a time.

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENT_COUNT_MAX = 64, BUFFER_BYTE_COUNT = 256 << 10, DESCRIPTOR_COUNT_MAX = 4096 };

// By descriptor, the one that its bytes go to; 0 for the listener.
static int peers[DESCRIPTOR_COUNT_MAX];
static char buffer[BUFFER_BYTE_COUNT];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void watch(int epoll, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
}

static void hurry(int descriptor) {
    const int yes = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

static void accept_one(int epoll, int listener, struct sockaddr_in server) {
    const int client = accept(listener, NULL, NULL);
    if (client < 0) return;
    const int outward = socket(AF_INET, SOCK_STREAM, 0);
    if (outward < 0 || connect(outward, (struct sockaddr *)&server, sizeof server) != 0) fail("connect");
    if (client >= DESCRIPTOR_COUNT_MAX || outward >= DESCRIPTOR_COUNT_MAX) fail("too many connections");
    hurry(client);
    hurry(outward);
    peers[client] = outward;
    peers[outward] = client;
    watch(epoll, client);
    watch(epoll, outward);
}

static void send_all(int descriptor, const char *bytes, ssize_t count) {
    while (count > 0) {
        const ssize_t sent = send(descriptor, bytes, count, MSG_NOSIGNAL);
        // The other end is gone; the close of its connection is the next event.
        if (sent < 0) return;
        bytes += sent;
        count -= sent;
    }
}

static void pass_on(int descriptor) {
    const int peer = peers[descriptor];
    // Closed before, with its peer, in this very turn.
    if (peer == 0) return;
    const ssize_t count = recv(descriptor, buffer, sizeof buffer, 0);
    if (count > 0) return send_all(peer, buffer, count);
    peers[descriptor] = 0;
    peers[peer] = 0;
    close(descriptor);
    close(peer);
}

int main(int argument_count, char **arguments) {
    if (argument_count != 2) return fprintf(stderr, "usage: relay PORT\n"), 2;
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    server.sin_port = htons(atoi(arguments[1]));
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t own_size = sizeof own;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&own, sizeof own) != 0 || listen(listener, 64) != 0)
        fail("listen");
    getsockname(listener, (struct sockaddr *)&own, &own_size);
    printf("127.0.0.1:%d\n", ntohs(own.sin_port));
    fflush(stdout);

    const int epoll = epoll_create1(0);
    watch(epoll, listener);
    struct epoll_event events[EVENT_COUNT_MAX];
    for (;;) {
        const int count = epoll_wait(epoll, events, EVENT_COUNT_MAX, -1);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        for (int index = 0; index < count; index++) {
            const int descriptor = events[index].data.fd;
            if (descriptor == listener) accept_one(epoll, listener, server); else pass_on(descriptor);
        }
    }
}
