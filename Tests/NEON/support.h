// What the checks of this program share: reproducible numbers, memory with a fence behind it, counted expectations.
#pragma once

#include "CKernels.h"
#include "tiers.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/// Memory whose last byte is the last one before a page that cannot be touched, so that reading or writing too far
/// ends the program. Filled with 0xFF bytes, which are a NaN in floats. Lives until `free_all`.
void *memory(size_t byte_count);
void free_all(void);

static inline float *floats(size_t count) { return memory(count * sizeof(float)); }

/// Starts the sequence of numbers of `seed`.
void seed(uint64_t seed);
uint64_t next_bits(void);
/// In -1 ..< 1.
float next_float(void);
/// `count` of them.
float *random_floats(size_t count);

/// Counts a check; one that fails is told and makes the program fail.
void expect(bool holds, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t expectations(void);
size_t failures(void);

/// The largest difference, relative to values of size 1 at least; infinite when a NaN faces a number.
float largest_difference(size_t count, const float *values, const float *expected);
bool same_bits(size_t count, const float *values, const float *expected);

/// Prints a hash of what has to have the same bits on every processor.
void hash_bytes(const char *name, size_t byte_count, const void *bytes);
/// All NaNs count as one: which of them an operation gives is the processor's choice.
void hash_floats(const char *name, size_t count, const float *values);

/// A kernel table and its name.
typedef struct tier {
    const apus_kernels *kernels;
    const char *name;
} tier;

void check_vectors(tier t);
void check_rows(tier t);
void check_products(tier t);
void check_attention(tier t);
void print_hashes(void);
