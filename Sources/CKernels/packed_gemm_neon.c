// The NEON tiles of packed_gemm.c: a block is four registers; at most 24 accumulators.

#include "gemm_tiles.h"

#if APUS_NEON

APUS_INLINE void tile_neon(const apus_gemm_tile *t, const size_t rows, const size_t blocks) {
    const size_t width = (blocks - 1) * APUS_BLOCK_COLUMNS + t->last_width;
    float32x4_t sums[6][16];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t q = 0; q < 4 * blocks; q++) {
            sums[r][q] = vdupq_n_f32(0);
            if (t->resumes) {
                sums[r][q] = apus_load4(t->y + r * t->y_stride + q * 4, apus_count4(width, q * 4));
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
            const float32x4x4_t weights = vld1q_f32_x4(w + b * block_stride + k * 16);
#pragma clang loop unroll(full)
            for (size_t r = 0; r < rows; r++) {
                const float32x4_t value = vdupq_n_f32(x[r * x_stride + k]);
#pragma clang loop unroll(full)
                for (size_t q = 0; q < 4; q++) {
                    sums[r][b * 4 + q] = vfmaq_f32(sums[r][b * 4 + q], value, weights.val[q]);
                }
            }
        }
    }
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t q = 0; q < 4 * blocks; q++) {
            apus_store4(t->y + r * t->y_stride + q * 4, apus_count4(width, q * 4), sums[r][q]);
        }
    }
}

#define TILE(rows, blocks)                                            \
    static void tile_##rows##x##blocks(const apus_gemm_tile *t) {     \
        tile_neon(t, rows, blocks);                                   \
    }

TILE(1, 1) TILE(1, 2) TILE(1, 4) TILE(2, 1) TILE(2, 2) TILE(3, 1) TILE(3, 2) TILE(4, 1) TILE(5, 1) TILE(6, 1)

static apus_gemm_tile_function function_neon(size_t rows, size_t blocks) {
    static const apus_gemm_tile_function functions[7][5] = {
        [1] = {[1] = tile_1x1, [2] = tile_1x2, [4] = tile_1x4},
        [2] = {[1] = tile_2x1, [2] = tile_2x2},
        [3] = {[1] = tile_3x1, [2] = tile_3x2},
        [4] = {[1] = tile_4x1},
        [5] = {[1] = tile_5x1},
        [6] = {[1] = tile_6x1},
    };
    return functions[rows][blocks];
}

void apus_packed_gemm_neon(size_t rows, size_t depth, const float *x, size_t x_stride, const float *packed,
                           size_t column_begin, size_t column_end, float *y, size_t y_stride) {
    static const size_t blocks_max[7] = {0, 4, 2, 2, 1, 1, 1};
    static const apus_gemm_tiling tiling = {.rows_max = 6, .blocks_max = blocks_max, .function = function_neon};
    apus_run_gemm_tiles(&tiling, rows, depth, x, x_stride, packed, column_begin, column_end, y, y_stride);
}

#endif
