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

// Has malloc give blocks of 4 MiB and more back to the system when they are freed, in the whole process and for good.
// Returns 1, or 0 where the allocator takes no such settings.
//
// Why: glibc starts that way with 128 KiB, and raises the threshold to the size of whatever mapped block is freed, up
// to 32 MiB (mallopt(3), M_MMAP_THRESHOLD). After one large message all that follow lie on the heaps of the threads,
// where one small block above them keeps their pages: what a flood of them leaves behind then depends on chance.
int apus_give_back_large_blocks(void);

// How many bytes of memory that malloc gave may be used: as many as were asked for, or some more.
size_t apus_usable_byte_count(void *block);
