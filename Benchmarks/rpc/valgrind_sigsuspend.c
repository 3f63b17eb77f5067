// Lets valgrind run programs on libdispatch: LD_PRELOAD it into them.
//
// Why: valgrind up to 3.19 takes its own signals out of the mask given to sigsuspend(2) in place. The mask of
// libdispatch's main thread is a constant, in memory that cannot be written, so valgrind itself would crash.

#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

int sigsuspend(const sigset_t *mask) {
    sigset_t copy = *mask;
    return (int)syscall(SYS_rt_sigsuspend, &copy, (size_t)(_NSIG / 8));
}
