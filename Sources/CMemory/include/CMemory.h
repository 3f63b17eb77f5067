// Memory for messages: blocks that each thread keeps for its next ones.
//
// Why: glibc keeps freed memory at hand, per thread and without a lock, up to 1 032 bytes only (`tcache`). A message of
// 1 KiB is above that, and takes some 2 000 instructions to allocate, align and free; from here it takes some forty.

#pragma once

#include <stddef.h>

// Memory of at least `byte_count` bytes, aligned to 64: a cache line and a vector register. Never NULL: without memory
// the process ends, as it does when Swift's own allocations fail.
void *apus_block_allocate(size_t byte_count);

// Gives memory back, on any thread; `byte_count` is what it was allocated with.
void apus_block_free(void *block, size_t byte_count);

// Bytes that the calling thread keeps for later; for tests.
size_t apus_block_kept_byte_count(void);
