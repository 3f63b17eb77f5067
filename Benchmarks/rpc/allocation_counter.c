// Counts what a process allocates: LD_PRELOAD it, and read the counters from the file that
// ALLOCATION_COUNTER_FILE names while the process runs. Glibc only.
//
// The file holds three 64-bit numbers in the order of `struct counters`. A `realloc` counts as one allocation and,
// when it had a block to begin with, one free.

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

struct counters {
    _Atomic uint64_t allocation_count;
    _Atomic uint64_t allocated_byte_count;
    _Atomic uint64_t free_count;
};

static struct counters unshared;
static struct counters *counters = &unshared;

__attribute__((constructor)) static void share_counters(void) {
    const char *path = getenv("ALLOCATION_COUNTER_FILE");
    if (path == NULL) return;
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) return;
    if (ftruncate(descriptor, sizeof(struct counters)) == 0) {
        void *memory = mmap(NULL, sizeof(struct counters), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        if (memory != MAP_FAILED) counters = memory;
    }
    close(descriptor);
}

static void count(size_t byte_count) {
    atomic_fetch_add_explicit(&counters->allocation_count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counters->allocated_byte_count, byte_count, memory_order_relaxed);
}

void *malloc(size_t byte_count) {
    count(byte_count);
    return __libc_malloc(byte_count);
}

void *calloc(size_t element_count, size_t byte_count) {
    count(element_count * byte_count);
    return __libc_calloc(element_count, byte_count);
}

void *realloc(void *block, size_t byte_count) {
    count(byte_count);
    if (block != NULL) atomic_fetch_add_explicit(&counters->free_count, 1, memory_order_relaxed);
    return __libc_realloc(block, byte_count);
}

void *memalign(size_t alignment, size_t byte_count) {
    count(byte_count);
    return __libc_memalign(alignment, byte_count);
}

void *aligned_alloc(size_t alignment, size_t byte_count) {
    return memalign(alignment, byte_count);
}

int posix_memalign(void **block, size_t alignment, size_t byte_count) {
    *block = memalign(alignment, byte_count);
    return *block == NULL ? ENOMEM : 0;
}

void free(void *block) {
    if (block != NULL) atomic_fetch_add_explicit(&counters->free_count, 1, memory_order_relaxed);
    __libc_free(block);
}
