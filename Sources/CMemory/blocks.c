#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "CMemory.h"

// Classes of 128 B, 256 B … 128 KiB; what is longer goes to malloc and back, where it costs little beside its bytes.
enum { SMALLEST_SHIFT = 7, CLASS_COUNT = 11, ALIGNMENT = 64 };

// What a thread keeps of each class: so many bytes, or so many blocks if that is more. All together: under 1.4 MiB.
enum { KEPT_BYTE_COUNT_MAX = 64 << 10, KEPT_COUNT_MIN = 4 };

struct kept {
    struct kept *next;
};

struct kept_list {
    struct kept *first;
    uint32_t count;
};

struct thread_blocks {
    struct kept_list classes[CLASS_COUNT];
    // Whether the thread has promised to free its blocks when it ends.
    int is_registered;
};

static _Thread_local struct thread_blocks blocks;

// AddressSanitizer is to see every use of freed memory, so nothing is kept under it.
#if defined(__SANITIZE_ADDRESS__)
#define KEEPS_BLOCKS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEPS_BLOCKS 0
#endif
#endif
#ifndef KEEPS_BLOCKS
#define KEEPS_BLOCKS 1
#endif

static pthread_key_t end_of_thread;
static pthread_once_t end_of_thread_once = PTHREAD_ONCE_INIT;

static void free_all(void *argument) {
    (void)argument;
    for (int index = 0; index < CLASS_COUNT; index++) {
        struct kept *block = blocks.classes[index].first;
        while (block != NULL) {
            struct kept *next = block->next;
            free(block);
            block = next;
        }
        blocks.classes[index] = (struct kept_list){NULL, 0};
    }
    blocks.is_registered = 0;
}

static void make_end_of_thread(void) {
    if (pthread_key_create(&end_of_thread, free_all) != 0) abort();
}

static void register_thread(void) {
    pthread_once(&end_of_thread_once, make_end_of_thread);
    // Any value but NULL has the key's function called.
    if (pthread_setspecific(end_of_thread, &blocks) == 0) blocks.is_registered = 1;
}

static inline uint32_t kept_count_max(unsigned class) {
    uint32_t count = (uint32_t)KEPT_BYTE_COUNT_MAX >> (class + SMALLEST_SHIFT);
    return count > KEPT_COUNT_MIN ? count : KEPT_COUNT_MIN;
}

// The class whose blocks hold `byte_count` bytes; CLASS_COUNT or more when there is none.
static inline unsigned class_of(size_t byte_count) {
    if (byte_count <= (size_t)1 << SMALLEST_SHIFT) return 0;
    return (unsigned)(64 - __builtin_clzll((unsigned long long)(byte_count - 1))) - SMALLEST_SHIFT;
}

static void *allocate(size_t byte_count) {
    // aligned_alloc wants a multiple of the alignment.
    void *block = aligned_alloc(ALIGNMENT, (byte_count + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1));
    if (block == NULL) {
        fprintf(stderr, "out of memory: %zu bytes\n", byte_count);
        abort();
    }
    return block;
}

void *apus_block_allocate(size_t byte_count) {
    unsigned class = class_of(byte_count);
    if (!KEEPS_BLOCKS || class >= CLASS_COUNT) return allocate(byte_count == 0 ? 1 : byte_count);
    struct kept_list *list = &blocks.classes[class];
    struct kept *block = list->first;
    if (block == NULL) return allocate((size_t)1 << (class + SMALLEST_SHIFT));
    list->first = block->next;
    list->count--;
    return block;
}

void apus_block_free(void *block, size_t byte_count) {
    unsigned class = class_of(byte_count);
    if (!KEEPS_BLOCKS || class >= CLASS_COUNT) return free(block);
    struct kept_list *list = &blocks.classes[class];
    if (list->count >= kept_count_max(class)) return free(block);
    if (!blocks.is_registered) register_thread();
    // A thread at its end may be past its promise.
    if (!blocks.is_registered) return free(block);
    struct kept *kept = block;
    kept->next = list->first;
    list->first = kept;
    list->count++;
}

size_t apus_block_kept_byte_count(void) {
    size_t sum = 0;
    for (int index = 0; index < CLASS_COUNT; index++) {
        sum += (size_t)blocks.classes[index].count << (index + SMALLEST_SHIFT);
    }
    return sum;
}
