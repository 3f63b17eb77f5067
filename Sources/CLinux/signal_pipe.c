#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

// The writing end; -1 when no pipe is open. A signal handler may only touch atomics like this one.
static atomic_int writing_end = -1;

// Calls nothing but write(2), which is safe in a handler (signal-safety(7)).
static void write_signal(int number) {
    int saved_errno = errno;
    int fd = atomic_load(&writing_end);
    if (fd >= 0) {
        unsigned char byte = (unsigned char)number;
        // A full pipe already holds more signals than anyone will act on.
        ssize_t ignored = write(fd, &byte, 1);
        (void)ignored;
    }
    errno = saved_errno;
}

static int set_action(int number, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    return sigaction(number, &action, NULL) == 0 ? 0 : -errno;
}

int apus_signal_pipe_open(const int *signals, size_t count) {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return -errno;
    int expected = -1;
    if (!atomic_compare_exchange_strong(&writing_end, &expected, ends[1])) {
        close(ends[0]);
        close(ends[1]);
        return -EBUSY;
    }
    for (size_t i = 0; i < count; i++) {
        int result = set_action(signals[i], write_signal);
        if (result != 0) {
            apus_signal_pipe_close(ends[0], signals, i);
            return result;
        }
    }
    return ends[0];
}

int apus_signal_pipe_read(int fd) {
    unsigned char byte;
    ssize_t count;
    do count = read(fd, &byte, 1);
    while (count < 0 && errno == EINTR);
    return count == 1 ? byte : 0;
}

void apus_signal_pipe_close(int fd, const int *signals, size_t count) {
    for (size_t i = 0; i < count; i++) set_action(signals[i], SIG_DFL);
    int writing = atomic_exchange(&writing_end, -1);
    if (writing >= 0) close(writing);
    close(fd);
}
