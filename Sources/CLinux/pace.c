#define _GNU_SOURCE
#include "CLinux.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

void apus_give_way(void) {
    struct sched_param none = {0};
    // Of the calling thread only. It cannot fail: every process may have less than it has.
    (void)sched_setscheduler(0, SCHED_IDLE, &none);
}

void apus_step_back(void) {
    // Of the calling thread only, in which Linux departs from POSIX. To be nicer is never refused.
    enum { NICENESS = 5 };
    if (getpriority(PRIO_PROCESS, 0) < NICENESS) (void)setpriority(PRIO_PROCESS, 0, NICENESS);
}

struct apus_service {
    /// By the monotonic clock, in seconds. Relaxed: it orders nothing.
    _Atomic time_t last_time;
};

static time_t coarse_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec;
}

static uint64_t nanoseconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct apus_service *apus_service_create(void) {
    struct apus_service *service = malloc(sizeof *service);
    enum { LONG_AGO = -1000 };
    if (service) atomic_init(&service->last_time, LONG_AGO);
    return service;
}

void apus_service_destroy(struct apus_service *service) { free(service); }

void apus_service_note(struct apus_service *service) {
    time_t now = coarse_seconds();
    if (atomic_load_explicit(&service->last_time, memory_order_relaxed) != now)
        atomic_store_explicit(&service->last_time, now, memory_order_relaxed);
}

static bool is_serving(const struct apus_service *service) {
    enum { SECONDS = 1 };
    return coarse_seconds() - atomic_load_explicit(&service->last_time, memory_order_relaxed) <= SECONDS;
}

/// Of the calling thread, which makes no pauses while it has no `service`.
static _Thread_local struct {
    const struct apus_service *service;
    uint32_t work_nanoseconds, pause_nanoseconds;
    uint64_t last_pause_end;
    uint64_t pause_count;
} pace;

void apus_begin_pauses(const struct apus_service *service, uint32_t work_nanoseconds, uint32_t pause_nanoseconds) {
    pace.work_nanoseconds = work_nanoseconds;
    pace.pause_nanoseconds = pause_nanoseconds;
    pace.last_pause_end = nanoseconds_now();
    // Otherwise each pause is longer by the twentieth of a millisecond.
    prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
    pace.service = service;
}

void apus_end_pauses(void) { pace.service = NULL; }

void apus_pause_if_due(void) {
    if (!pace.service) return;
    uint64_t now = nanoseconds_now();
    uint64_t worked = now - pace.last_pause_end;
    if (worked < pace.work_nanoseconds) return;
    if (is_serving(pace.service)) {
        enum { PAUSE_NANOSECONDS_MAX = 20000000 };
        uint64_t due = worked * pace.pause_nanoseconds / pace.work_nanoseconds;
        struct timespec pause = {.tv_nsec = (long)(due < PAUSE_NANOSECONDS_MAX ? due : PAUSE_NANOSECONDS_MAX)};
        (void)nanosleep(&pause, NULL);
        pace.pause_count++;
        now = nanoseconds_now();
    }
    pace.last_pause_end = now;
}

bool apus_pauses(void) { return pace.service && is_serving(pace.service); }

uint64_t apus_pause_count(void) { return pace.pause_count; }
