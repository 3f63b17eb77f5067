#include "support.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// Mappings to give back.
static struct mapping {
    void *address;
    size_t byte_count;
} mappings[4096];
static size_t mapping_count;

void *memory(size_t byte_count) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t inside = (byte_count + page - 1) / page * page;
    char *base = mmap(NULL, inside + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || mapping_count == 4096 || mprotect(base + inside, page, PROT_NONE) != 0) {
        perror("memory");
        exit(2);
    }
    mappings[mapping_count++] = (struct mapping){base, inside + page};
    memset(base, 0xFF, inside);
    return base + inside - byte_count;
}

void free_all(void) {
    while (mapping_count > 0) {
        mapping_count--;
        munmap(mappings[mapping_count].address, mappings[mapping_count].byte_count);
    }
}

static uint64_t state;

void seed(uint64_t seed) { state = seed; }

// SplitMix64.
uint64_t next_bits(void) {
    state += 0x9E3779B97F4A7C15;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

float next_float(void) { return (float)((int64_t)next_bits() >> 40) / (float)(1 << 23); }

float *random_floats(size_t count) {
    float *values = floats(count);
    for (size_t i = 0; i < count; i++) {
        values[i] = next_float();
    }
    return values;
}

static size_t expectation_count, failure_count;

void expect(bool holds, const char *format, ...) {
    expectation_count++;
    if (holds) {
        return;
    }
    failure_count++;
    if (failure_count <= 20) {
        va_list arguments;
        va_start(arguments, format);
        fprintf(stderr, "FAILED: ");
        vfprintf(stderr, format, arguments);
        fprintf(stderr, "\n");
        va_end(arguments);
    }
}

size_t expectations(void) { return expectation_count; }
size_t failures(void) { return failure_count; }

float largest_difference(size_t count, const float *values, const float *expected) {
    float largest = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i]) && isnan(expected[i])) {
            continue;
        }
        const float scale = fabsf(expected[i]) > 1 ? fabsf(expected[i]) : 1;
        const float difference = values[i] == expected[i] ? 0 : fabsf(values[i] - expected[i]) / scale;
        if (!(difference <= largest)) {
            largest = isnan(difference) ? INFINITY : difference;
        }
    }
    return largest;
}

bool same_bits(size_t count, const float *values, const float *expected) {
    return memcmp(values, expected, count * sizeof *values) == 0;
}

static uint64_t hash(uint64_t hash, size_t byte_count, const void *bytes) {
    // FNV-1a.
    for (size_t i = 0; i < byte_count; i++) {
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001B3;
    }
    return hash;
}

void hash_bytes(const char *name, size_t byte_count, const void *bytes) {
    printf("%s %016llx\n", name, (unsigned long long)hash(0xCBF29CE484222325, byte_count, bytes));
}

void hash_floats(const char *name, size_t count, const float *values) {
    uint64_t sum = 0xCBF29CE484222325;
    for (size_t i = 0; i < count; i++) {
        const float value = isnan(values[i]) ? NAN : values[i];
        sum = isnan(value) ? hash(sum, 3, "NaN") : hash(sum, sizeof value, &value);
    }
    printf("%s %016llx\n", name, (unsigned long long)sum);
}
