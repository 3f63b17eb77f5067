// Product of activations and packed weights.
//
//   y[m, n] = sum over k of x[m, k] * W[k, n]      for m in 0 ..< rows, n in column_begin ..< column_end
//
// x: [rows, depth], rows x_stride apart.   y: [rows, ...], rows y_stride apart, indexed by the same n as W.
// packed: W as [ceil(N / 16)][depth][16]: sixteen columns side by side, so that one load serves sixteen outputs; the
// missing columns of the last block hold zeros. 64-byte aligned. y must not overlap x or packed.
// column_begin is a multiple of 16; column_end is one too, or N.
//
// Accumulator: one float32 per output, which takes k = 0, 1, 2, ... in turn. That order is the same for every number of
// rows, every split of the columns and every blocking (between depth blocks the accumulator rests in y, exactly), so an
// output has the same bits in any batch and on any number of threads.

#include "gemm_tiles.h"

void apus_pack_columns(size_t column_count, size_t depth, const float *weights, size_t column_stride,
                       size_t depth_stride, size_t column_begin, float *packed) {
    for (size_t c = 0; c < column_count; c++) {
        const size_t n = column_begin + c;
        float *column = packed + n / APUS_BLOCK_COLUMNS * depth * APUS_BLOCK_COLUMNS + n % APUS_BLOCK_COLUMNS;
        for (size_t k = 0; k < depth; k++) {
            column[k * APUS_BLOCK_COLUMNS] = weights[c * column_stride + k * depth_stride];
        }
    }
}

void apus_packed_gemm_ref(size_t rows, size_t depth, const float *x, size_t x_stride, const float *packed,
                          size_t column_begin, size_t column_end, float *y, size_t y_stride) {
    for (size_t n = column_begin; n < column_end; n += APUS_BLOCK_COLUMNS) {
        const float *block = packed + n * depth;
        const size_t width = column_end - n < APUS_BLOCK_COLUMNS ? column_end - n : APUS_BLOCK_COLUMNS;
        for (size_t m = 0; m < rows; m++) {
            float sums[APUS_BLOCK_COLUMNS] = {0};
            for (size_t k = 0; k < depth; k++) {
                for (size_t c = 0; c < APUS_BLOCK_COLUMNS; c++) {
                    sums[c] += x[m * x_stride + k] * block[k * APUS_BLOCK_COLUMNS + c];
                }
            }
            for (size_t c = 0; c < width; c++) {
                y[m * y_stride + n + c] = sums[c];
            }
        }
    }
}

#if APUS_X86 || APUS_NEON

// Depth of one block when the packed panel is used by several row tiles: it and the rows then stay in the L2 cache.
enum { DEPTH_BLOCK = 512 };

// Runs `rows` rows (one tile) over `blocks` column blocks in as few calls as there are functions for.
static void run_row_tile(const apus_gemm_tiling *tiling, apus_gemm_tile t, size_t rows, size_t blocks) {
    const size_t last_width = t.last_width;
    while (blocks > 0) {
        size_t step = tiling->blocks_max[rows];
        while (step > blocks) {
            step = step > 4 ? 4 : step > 2 ? 2 : 1;
        }
        t.last_width = step == blocks ? last_width : APUS_BLOCK_COLUMNS;
        tiling->function(rows, step)(&t);
        t.packed += step * t.block_stride;
        t.y += step * APUS_BLOCK_COLUMNS;
        blocks -= step;
    }
}

void apus_run_gemm_tiles(const apus_gemm_tiling *tiling, size_t rows, size_t depth, const float *x, size_t x_stride,
                         const float *packed, size_t column_begin, size_t column_end, float *y, size_t y_stride) {
    if (rows == 0 || column_begin >= column_end) {
        return;
    }
    const size_t tile_count = (rows + tiling->rows_max - 1) / tiling->rows_max;
    const size_t depth_block = tile_count > 1 ? DEPTH_BLOCK : depth;
    const size_t block_count = (column_end - column_begin + APUS_BLOCK_COLUMNS - 1) / APUS_BLOCK_COLUMNS;
    const size_t last_width = column_end - column_begin - (block_count - 1) * APUS_BLOCK_COLUMNS;
    const size_t panel = tiling->blocks_max[(rows + tile_count - 1) / tile_count];
    size_t k = 0;
    do {
        const size_t k_count = depth - k < depth_block ? depth - k : depth_block;
        for (size_t block = 0; block < block_count; block += panel) {
            const size_t blocks = block_count - block < panel ? block_count - block : panel;
            const size_t column = column_begin + block * APUS_BLOCK_COLUMNS;
            for (size_t i = 0; i < tile_count; i++) {
                const size_t row = rows * i / tile_count;
                const apus_gemm_tile t = {
                    .depth = k_count,
                    .x = x + row * x_stride + k,
                    .x_stride = x_stride,
                    .packed = packed + column * depth + k * APUS_BLOCK_COLUMNS,
                    .block_stride = depth * APUS_BLOCK_COLUMNS,
                    .y = y + row * y_stride + column,
                    .y_stride = y_stride,
                    .last_width = block + blocks == block_count ? last_width : APUS_BLOCK_COLUMNS,
                    .resumes = k > 0,
                };
                run_row_tile(tiling, t, rows * (i + 1) / tile_count - row, blocks);
            }
        }
        k += k_count;
    } while (k < depth);
}

#endif

#if APUS_X86

// AVX-512: a block is one register; at most 24 accumulators, blocks of weights in registers, x broadcast.

APUS_INLINE APUS_AVX512 void tile_avx512(const apus_gemm_tile *t, const size_t rows, const size_t blocks) {
    const __mmask16 last = apus_mask16(t->last_width);
    __m512 sums[8][8];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t b = 0; b < blocks; b++) {
            const __mmask16 mask = b + 1 == blocks ? last : 0xFFFF;
            sums[r][b] = t->resumes ? _mm512_maskz_loadu_ps(mask, t->y + r * t->y_stride + b * 16)
                                    : _mm512_setzero_ps();
        }
    }
    const float *x = t->x;
    const float *w = t->packed;
    const size_t x_stride = t->x_stride;
    const size_t block_stride = t->block_stride;
    const size_t depth = t->depth;
    for (size_t k = 0; k < depth; k++) {
        __m512 weights[8];
#pragma clang loop unroll(full)
        for (size_t b = 0; b < blocks; b++) {
            weights[b] = _mm512_load_ps(w + b * block_stride + k * 16);
        }
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            const __m512 value = _mm512_set1_ps(x[r * x_stride + k]);
#pragma clang loop unroll(full)
            for (size_t b = 0; b < blocks; b++) {
                sums[r][b] = _mm512_fmadd_ps(value, weights[b], sums[r][b]);
            }
        }
    }
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t b = 0; b < blocks; b++) {
            const __mmask16 mask = b + 1 == blocks ? last : 0xFFFF;
            _mm512_mask_storeu_ps(t->y + r * t->y_stride + b * 16, mask, sums[r][b]);
        }
    }
}

#define TILE(isa, attribute, rows, blocks)                                  \
    static attribute void tile_##isa##_##rows##x##blocks(const apus_gemm_tile *t) {   \
        tile_##isa(t, rows, blocks);                                        \
    }

#define TILES_512(rows)             \
    TILE(avx512, APUS_AVX512, rows, 1) \
    TILE(avx512, APUS_AVX512, rows, 2)

TILES_512(1) TILES_512(2) TILES_512(3) TILES_512(4) TILES_512(5) TILES_512(6) TILES_512(7) TILES_512(8)
TILE(avx512, APUS_AVX512, 1, 4)
TILE(avx512, APUS_AVX512, 2, 4)
TILE(avx512, APUS_AVX512, 3, 4)
TILE(avx512, APUS_AVX512, 4, 4)
TILE(avx512, APUS_AVX512, 5, 4)
TILE(avx512, APUS_AVX512, 6, 4)
TILE(avx512, APUS_AVX512, 1, 8)
TILE(avx512, APUS_AVX512, 2, 8)
TILE(avx512, APUS_AVX512, 3, 6)
TILE(avx512, APUS_AVX512, 4, 6)
TILE(avx512, APUS_AVX512, 7, 3)
TILE(avx512, APUS_AVX512, 8, 3)

static apus_gemm_tile_function function_avx512(size_t rows, size_t blocks) {
#define ROWS_512(rows) {[1] = tile_avx512_##rows##x1, [2] = tile_avx512_##rows##x2
    static const apus_gemm_tile_function functions[9][9] = {
        [1] = ROWS_512(1), [4] = tile_avx512_1x4, [8] = tile_avx512_1x8},
        [2] = ROWS_512(2), [4] = tile_avx512_2x4, [8] = tile_avx512_2x8},
        [3] = ROWS_512(3), [4] = tile_avx512_3x4, [6] = tile_avx512_3x6},
        [4] = ROWS_512(4), [4] = tile_avx512_4x4, [6] = tile_avx512_4x6},
        [5] = ROWS_512(5), [4] = tile_avx512_5x4},
        [6] = ROWS_512(6), [4] = tile_avx512_6x4},
        [7] = ROWS_512(7), [3] = tile_avx512_7x3},
        [8] = ROWS_512(8), [3] = tile_avx512_8x3},
    };
    return functions[rows][blocks];
}

void apus_packed_gemm_avx512(size_t rows, size_t depth, const float *x, size_t x_stride, const float *packed,
                             size_t column_begin, size_t column_end, float *y, size_t y_stride) {
    static const size_t blocks_max[9] = {0, 8, 8, 6, 6, 4, 4, 3, 3};
    static const apus_gemm_tiling tiling = {.rows_max = 8, .blocks_max = blocks_max, .function = function_avx512};
    apus_run_gemm_tiles(&tiling, rows, depth, x, x_stride, packed, column_begin, column_end, y, y_stride);
}

// AVX2: a block is two registers; at most 12 accumulators.

// Loads or stores one block of y; the last block of a matrix may be narrower than its registers.
APUS_INLINE APUS_AVX2 void load_block(const float *y, size_t width, __m256 sums[2]) {
    sums[0] = apus_load8(y, width);
    sums[1] = width > 8 ? apus_load8(y + 8, width - 8) : _mm256_setzero_ps();
}

APUS_INLINE APUS_AVX2 void store_block(float *y, size_t width, const __m256 sums[2]) {
    apus_store8(y, width, sums[0]);
    if (width > 8) {
        apus_store8(y + 8, width - 8, sums[1]);
    }
}

APUS_INLINE APUS_AVX2 void tile_avx2(const apus_gemm_tile *t, const size_t rows, const size_t blocks) {
    __m256 sums[6][4][2];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t b = 0; b < blocks; b++) {
            sums[r][b][0] = sums[r][b][1] = _mm256_setzero_ps();
            if (t->resumes) {
                load_block(t->y + r * t->y_stride + b * 16, b + 1 == blocks ? t->last_width : 16, sums[r][b]);
            }
        }
    }
    const float *x = t->x;
    const float *w = t->packed;
    const size_t x_stride = t->x_stride;
    const size_t block_stride = t->block_stride;
    const size_t depth = t->depth;
    for (size_t k = 0; k < depth; k++) {
#pragma clang loop unroll(full)
        for (size_t b = 0; b < blocks; b++) {
            const __m256 low = _mm256_load_ps(w + b * block_stride + k * 16);
            const __m256 high = _mm256_load_ps(w + b * block_stride + k * 16 + 8);
#pragma clang loop unroll(full)
            for (size_t r = 0; r < rows; r++) {
                const __m256 value = _mm256_set1_ps(x[r * x_stride + k]);
                sums[r][b][0] = _mm256_fmadd_ps(value, low, sums[r][b][0]);
                sums[r][b][1] = _mm256_fmadd_ps(value, high, sums[r][b][1]);
            }
        }
    }
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t b = 0; b < blocks; b++) {
            store_block(t->y + r * t->y_stride + b * 16, b + 1 == blocks ? t->last_width : 16, sums[r][b]);
        }
    }
}

TILE(avx2, APUS_AVX2, 1, 1)
TILE(avx2, APUS_AVX2, 1, 2)
TILE(avx2, APUS_AVX2, 1, 4)
TILE(avx2, APUS_AVX2, 2, 1)
TILE(avx2, APUS_AVX2, 2, 2)
TILE(avx2, APUS_AVX2, 3, 1)
TILE(avx2, APUS_AVX2, 3, 2)
TILE(avx2, APUS_AVX2, 4, 1)
TILE(avx2, APUS_AVX2, 5, 1)
TILE(avx2, APUS_AVX2, 6, 1)

static apus_gemm_tile_function function_avx2(size_t rows, size_t blocks) {
    static const apus_gemm_tile_function functions[7][5] = {
        [1] = {[1] = tile_avx2_1x1, [2] = tile_avx2_1x2, [4] = tile_avx2_1x4},
        [2] = {[1] = tile_avx2_2x1, [2] = tile_avx2_2x2},
        [3] = {[1] = tile_avx2_3x1, [2] = tile_avx2_3x2},
        [4] = {[1] = tile_avx2_4x1},
        [5] = {[1] = tile_avx2_5x1},
        [6] = {[1] = tile_avx2_6x1},
    };
    return functions[rows][blocks];
}

void apus_packed_gemm_avx2(size_t rows, size_t depth, const float *x, size_t x_stride, const float *packed,
                           size_t column_begin, size_t column_end, float *y, size_t y_stride) {
    static const size_t blocks_max[7] = {0, 4, 2, 2, 1, 1, 1};
    static const apus_gemm_tiling tiling = {.rows_max = 6, .blocks_max = blocks_max, .function = function_avx2};
    apus_run_gemm_tiles(&tiling, rows, depth, x, x_stride, packed, column_begin, column_end, y, y_stride);
}

#endif
