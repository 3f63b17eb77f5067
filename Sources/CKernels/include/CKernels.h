// The arithmetic of Apus, one operation a file.
//
// Each operation has a plain reference (`_ref`) and one variant per instruction set; the variants of one instruction
// set stand together in a table that is picked once. Conventions of every operation:
//   - sizes are element counts in size_t; strides are in floats, but for those of a cache's pages, which are in bytes;
//   - no allocation, no globals, no failure; pointers need the alignment of their element only, unless said otherwise;
//   - a result depends on the values of its own row only, never on how many rows are computed together, so that it has
//     the same bits in any batch. Different tiers may differ in the last bits.
//
// Variants stand in the file of their operation; the tiles of products and the attention have files of their own for
// some instruction sets (…_neon.c). The NEON variants are checked in an emulated processor (Tests/NEON); their speed
// has not been measured.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Instruction sets with kernels of their own, in rising order of speed within one architecture.
enum {
    APUS_TIER_REFERENCE = 0,
    APUS_TIER_AVX2 = 1,    // AVX2, FMA, F16C
    APUS_TIER_AVX512 = 2,  // AVX-512 F, BW, DQ, VL
    APUS_TIER_AVX512_BF16 = 3,  // those, VNNI and BF16
    APUS_TIER_NEON = 4,      // Advanced SIMD of ARMv8.0
    APUS_TIER_NEON_DOT = 5,  // that, and the dot product of bytes (FEAT_DotProd)
    APUS_TIER_COUNT = 6,
};

/// Columns in a block of a packed matrix: one AVX-512 register, two of AVX2, four of NEON.
enum { APUS_BLOCK_COLUMNS = 16 };

/// Columns in a panel of a matrix packed as bf16, int8 or int4, and the unit its depth is rounded up to as bf16.
enum { APUS_PANEL_COLUMNS = 64, APUS_BF16_DEPTH_UNIT = 32 };

/// What follows a matrix product.
enum {
    APUS_ACTIVATION_NONE = 0,
    APUS_ACTIVATION_RELU = 1,
    APUS_ACTIVATION_SILU = 2,
    APUS_ACTIVATION_GELU_TANH = 3,
    APUS_ACTIVATION_GELU = 4,
};

/// How the pages of a cache hold keys and values; see paged_cache.h.
enum {
    APUS_CACHE_FLOAT32 = 0,
    APUS_CACHE_BFLOAT16 = 1,
    APUS_CACHE_INT8 = 2,  // with a scale in half precision for each token's key and value
};

/// One query token, one key/value head and the query heads that share it; see paged_attention.c.
typedef struct apus_attention {
    const float *queries;   // [query_count, head_size], rows query_stride apart
    size_t query_stride;
    size_t query_count;     // query heads that share this key/value head
    size_t head_size;
    const void *cache;      // keys of this layer and head in page 0; see paged_cache.h for the layout
    size_t page_stride;     // bytes from a page to the next
    int element_type;       // APUS_CACHE_…
    const int32_t *pages;   // page of positions i * tokens_per_page ..< (i + 1) * tokens_per_page
    size_t tokens_per_page;
    size_t position_count;  // positions there are, from 0; at least 1
    size_t window;          // positions attended to, the last ones; 0 for all
    float scale;            // factor of each score, usually 1 / sqrt(head_size)
    float soft_cap;         // each score becomes soft_cap * tanh(score / soft_cap); 0 for none
    float *scores;          // scratch, [query_count, score_stride]
    size_t score_stride;    // at least position_count
    float *output;          // [query_count, head_size], rows output_stride apart
    size_t output_stride;
} apus_attention;

/// Query vectors that are computed together; see paged_attention_rows.c.
enum { APUS_ATTENTION_TILE = 12 };

/// Neighbouring tokens of one sequence, one key/value head and the query heads that share it.
typedef struct apus_attention_rows {
    apus_attention first;  // of the first row; each row after it attends to one position more
    size_t row_count;
    size_t query_row_stride;   // floats from a row's queries to the next row's
    size_t output_row_stride;
    float *packed_queries;     // scratch, [head_size, APUS_ATTENTION_TILE]
} apus_attention_rows;

/// Keys and values of one token, for all heads of one layer; see cache_store.c.
typedef struct apus_cache_token {
    const float *keys;      // [head_count, head_size]
    const float *values;    // [head_count, head_size]
    size_t head_count;
    size_t head_size;
    void *page;             // keys of the first head in the token's page
    size_t head_stride;     // bytes from a head to the next
    int element_type;       // APUS_CACHE_…
    size_t tokens_per_page;
    size_t slot;            // of the token in its page
} apus_cache_token;

/// A product with weights in brain floating point, eight or four bits; see packed_bf16.c, packed_int8.c, packed_int4.c.
typedef struct apus_packed_product {
    size_t rows;
    size_t depth;             // bytes of one row of x: the inputs, rounded up to whole groups, times their size
    size_t group;             // bytes of x that share a scale; divides depth
    const int8_t *x;          // [rows, depth]: activations as quantize_rows or round_rows make them
    const float *x_scales;    // [rows, depth / group]; NULL for bf16, as the others
    const int32_t *x_sums;    // [rows, depth / group]
    const uint8_t *packed;    // 64-byte aligned
    const uint16_t *scales;
    const uint16_t *minimums; // of int4
    size_t column_total;      // N
    size_t column_begin;      // a multiple of APUS_PANEL_COLUMNS
    size_t column_end;        // one too, or N
    float *y;                 // [rows, N], rows y_stride apart; overlaps nothing
    size_t y_stride;
} apus_packed_product;

/// The kernels of one instruction set.
typedef struct apus_kernels {
    int tier;
    /// y[rows, begin..<end] = x[rows, depth] · W; see packed_gemm.c.
    void (*packed_gemm)(size_t rows, size_t depth, const float *x, size_t x_stride, const float *packed,
                        size_t column_begin, size_t column_end, float *y, size_t y_stride);
    /// y = x / rms(x) * weight for each row; see rms_norm.c.
    void (*rms_norm)(size_t rows, size_t size, const float *x, size_t x_stride, const float *weight, float epsilon,
                     float *y, size_t y_stride);
    /// y = (x - mean) / deviation * weight + bias for each row; see layer_norm.c.
    void (*layer_norm)(size_t rows, size_t size, const float *x, size_t x_stride, const float *weight,
                       const float *bias, float epsilon, float *y, size_t y_stride);
    /// x = cap * tanh(x / cap) in place; see soft_cap.c.
    void (*soft_cap)(size_t size, float cap, float *x);
    /// y = gelu(gate) * up; see gelu_mul.c.
    void (*gelu_tanh_mul)(size_t size, const float *gate, const float *up, float *y);
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
    /// Attention of neighbouring tokens; see paged_attention_rows.c.
    void (*paged_attention_rows)(const apus_attention_rows *job);
    /// Puts one token's keys and values into its page; see cache_store.c.
    void (*cache_store)(const apus_cache_token *job);
    /// Rows of float32 to eight bits with a scale for each group; see quantize_rows.c.
    void (*quantize_rows)(size_t rows, size_t depth, size_t group, const float *x, size_t x_stride, int8_t *q,
                          float *scales, int32_t *sums);
    /// Rows of float32 to brain floating point; see packed_bf16.c.
    void (*round_rows)(size_t rows, size_t depth, const float *x, size_t x_stride, uint16_t *rounded);
    /// Packs columns as apus_pack_int8 does, into the layout of packed_int4.c; the same bits in every tier.
    void (*pack_int4)(size_t column_count, size_t depth, size_t group, const float *weights, size_t column_stride,
                      size_t depth_stride, size_t column_begin, size_t column_total, uint8_t *packed, uint16_t *scales,
                      uint16_t *minimums);
    /// Products with packed weights of fewer bits.
    void (*bf16_gemm)(const apus_packed_product *job);
    void (*int8_gemm)(const apus_packed_product *job);
    void (*int4_gemm)(const apus_packed_product *job);
} apus_kernels;

/// The kernels of that tier, or NULL when this processor or this build cannot run them.
const apus_kernels *apus_kernels_of_tier(int tier);

/// Packs columns of a weight matrix into the layout of packed_gemm.c.
///
/// weights: element (column n, depth k) at n * column_stride + k * depth_stride; column_count columns are written at
/// column_begin ..< column_begin + column_count of `packed`, whose other columns are left alone.
void apus_pack_columns(size_t column_count, size_t depth, const float *weights, size_t column_stride,
                       size_t depth_stride, size_t column_begin, float *packed);

/// The same into the layouts of packed_bf16.c and packed_int8.c; column_total is N.
void apus_pack_bf16(size_t column_count, size_t depth, const float *weights, size_t column_stride, size_t depth_stride,
                    size_t column_begin, size_t column_total, uint16_t *packed);
void apus_pack_int8(size_t column_count, size_t depth, size_t group, const float *weights, size_t column_stride,
                    size_t depth_stride, size_t column_begin, size_t column_total, uint8_t *packed, uint16_t *scales);

/// Reads the `depth` weights of one column back.
void apus_unpack_bf16(size_t depth, size_t column, size_t column_total, const uint16_t *packed, float *weights);
void apus_unpack_int8(size_t depth, size_t group, size_t column, size_t column_total, const uint8_t *packed,
                      const uint16_t *scales, float *weights);
void apus_unpack_int4(size_t depth, size_t group, size_t column, size_t column_total, const uint8_t *packed,
                      const uint16_t *scales, const uint16_t *minimums, float *weights);

/// Blocks of GGUF files into the layouts of packed_int8.c and packed_int4.c, in groups of 32; see repack.c. Zero when a
/// scale is no number of half precision.
int apus_repack_q8_0(size_t column_count, size_t depth, const uint8_t *blocks, size_t column_begin,
                     size_t column_total, uint8_t *packed, uint16_t *scales);
int apus_repack_q5_0(size_t column_count, size_t depth, const uint8_t *blocks, size_t column_begin,
                     size_t column_total, uint8_t *packed, uint16_t *scales);
int apus_repack_q4_0_int8(size_t column_count, size_t depth, const uint8_t *blocks, size_t column_begin,
                          size_t column_total, uint8_t *packed, uint16_t *scales);
int apus_repack_q4_0(size_t column_count, size_t depth, const uint8_t *blocks, size_t column_begin,
                     size_t column_total, uint8_t *packed, uint16_t *scales, uint16_t *minimums);
int apus_repack_q4_1(size_t column_count, size_t depth, const uint8_t *blocks, size_t column_begin,
                     size_t column_total, uint8_t *packed, uint16_t *scales, uint16_t *minimums);
int apus_repack_q4_k(size_t column_count, size_t depth, const uint8_t *blocks, size_t column_begin,
                     size_t column_total, uint8_t *packed, uint16_t *scales, uint16_t *minimums);

/// Tells the processor that this is a spin loop.
static inline void apus_spin_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

// Stored weights to single precision, `count` blocks (of F16 and BF16: elements); see dequantize.c and dequantize_k.c.
// The same bits on every machine, so there is one variant of each.
void apus_dequantize_f16(size_t count, const uint8_t *x, float *y);
void apus_dequantize_bf16(size_t count, const uint8_t *x, float *y);
void apus_dequantize_q4_0(size_t count, const uint8_t *x, float *y);
void apus_dequantize_q4_1(size_t count, const uint8_t *x, float *y);
void apus_dequantize_q5_0(size_t count, const uint8_t *x, float *y);
void apus_dequantize_q5_1(size_t count, const uint8_t *x, float *y);
void apus_dequantize_q8_0(size_t count, const uint8_t *x, float *y);
void apus_dequantize_q2_k(size_t count, const uint8_t *x, float *y);
void apus_dequantize_q3_k(size_t count, const uint8_t *x, float *y);
void apus_dequantize_q4_k(size_t count, const uint8_t *x, float *y);
void apus_dequantize_q5_k(size_t count, const uint8_t *x, float *y);
void apus_dequantize_q6_k(size_t count, const uint8_t *x, float *y);
