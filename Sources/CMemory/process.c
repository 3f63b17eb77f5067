#include <malloc.h>

#include "CMemory.h"

// From this size a block of malloc is a mapping of its own, and freeing it gives its pages back.
enum { MAPPED_BYTE_COUNT_MIN = 4 << 20 };

// What a heap may keep free at its end: enough that a server at work neither grows nor trims it at every call.
enum { KEPT_AT_END_BYTE_COUNT_MAX = 8 << 20 };

int apus_give_back_large_blocks(void) {
    return mallopt(M_MMAP_THRESHOLD, MAPPED_BYTE_COUNT_MIN) == 1
        && mallopt(M_TRIM_THRESHOLD, KEPT_AT_END_BYTE_COUNT_MAX) == 1;
}

size_t apus_usable_byte_count(void *block) { return malloc_usable_size(block); }
