// The arithmetic of Apus, one operation a file.
//
// Each operation has a plain reference (`_ref`) and one variant per instruction set; the variants of one instruction
// set stand together in a table that is picked once. Conventions of every operation:
//   - sizes are element counts in size_t; strides are in floats;
//   - no allocation, no globals, no failure; pointers need the alignment of their element only, unless said otherwise;
//   - a result depends on the values of its own row only, never on how many rows are computed together, so that it has
//     the same bits in any batch. Different tiers may differ in the last bits.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Instruction sets with kernels of their own, in rising order of speed within one architecture.
enum {
    APUS_TIER_REFERENCE = 0,
    APUS_TIER_AVX2 = 1,    // AVX2, FMA, F16C
    APUS_TIER_AVX512 = 2,  // AVX-512 F, BW, DQ, VL
    APUS_TIER_COUNT = 3,
};

/// Columns in a block of a packed matrix: one AVX-512 register, two of AVX2.
enum { APUS_BLOCK_COLUMNS = 16 };

/// What follows a matrix product.
enum {
    APUS_ACTIVATION_NONE = 0,
    APUS_ACTIVATION_RELU = 1,
    APUS_ACTIVATION_SILU = 2,
};

/// One query token, one key/value head and the query heads that share it; see paged_attention.c.
typedef struct apus_attention {
    const float *queries;   // [query_count, head_size], rows query_stride apart
    size_t query_stride;
    size_t query_count;     // query heads that share this key/value head
    size_t head_size;
    const float *cache;     // keys and values of this layer and head in page 0; see paged_attention.c for the layout
    size_t page_stride;     // floats from a page to the next
    size_t value_offset;    // floats from a page's keys to its values
    const int32_t *pages;   // page of positions i * tokens_per_page ..< (i + 1) * tokens_per_page
    size_t tokens_per_page;
    size_t position_count;  // positions attended to, from 0; at least 1
    float scale;            // factor of each score, usually 1 / sqrt(head_size)
    float *scores;          // scratch, [query_count, score_stride]
    size_t score_stride;    // at least position_count
    float *output;          // [query_count, head_size], rows output_stride apart
    size_t output_stride;
} apus_attention;

/// The kernels of one instruction set.
typedef struct apus_kernels {
    int tier;
    /// y[rows, begin..<end] = x[rows, depth] · W; see packed_gemm.c.
    void (*packed_gemm)(size_t rows, size_t depth, const float *x, size_t x_stride, const float *packed,
                        size_t column_begin, size_t column_end, float *y, size_t y_stride);
    /// y = x / rms(x) * weight for each row; see rms_norm.c.
    void (*rms_norm)(size_t rows, size_t size, const float *x, size_t x_stride, const float *weight, float epsilon,
                     float *y, size_t y_stride);
    /// x = softmax(x) in place; see softmax.c.
    void (*softmax)(size_t size, float *x);
    /// y = silu(gate) * up; see silu_mul.c.
    void (*silu_mul)(size_t size, const float *gate, const float *up, float *y);
    /// Rotates one head in place; see rope.c.
    void (*rope)(size_t head_size, const float *cosines, const float *sines, float *x);
    /// Sum of x[i] * y[i]; see dot.c.
    float (*dot)(size_t size, const float *x, const float *y);
    /// y += a * x; see axpy.c.
    void (*axpy)(size_t size, float a, const float *x, float *y);
    /// y += x; see add.c.
    void (*add)(size_t size, const float *x, float *y);
    /// y = activation(y + bias) for each row; see bias_activation.c.
    void (*bias_activation)(size_t rows, size_t size, const float *bias, int activation, float *y, size_t y_stride);
    /// Half precision to single; see convert.c.
    void (*float16_to_float32)(size_t size, const uint16_t *x, float *y);
    /// Brain floating point to single; see convert.c.
    void (*bfloat16_to_float32)(size_t size, const uint16_t *x, float *y);
    /// Attention of one token over a paged cache; see paged_attention.c.
    void (*paged_attention)(const apus_attention *job);
} apus_kernels;

/// The kernels of that tier, or NULL when this processor or this build cannot run them.
const apus_kernels *apus_kernels_of_tier(int tier);

/// Packs columns of a weight matrix into the layout of packed_gemm.c.
///
/// weights: element (column n, depth k) at n * column_stride + k * depth_stride; column_count columns are written at
/// column_begin ..< column_begin + column_count of `packed`, whose other columns are left alone.
void apus_pack_columns(size_t column_count, size_t depth, const float *weights, size_t column_stride,
                       size_t depth_stride, size_t column_begin, float *packed);

/// Tells the processor that this is a spin loop.
static inline void apus_spin_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}
