// The NEON tiles of packed_bf16.c: a bf16 is the upper half of a float32. A tile's w and x are bytes: a step of four is
// a pair of k.
//
// The instructions of FEAT_BF16 are not used: BFDOT and BFMMLA round a sum of products to odd and take subnormals for
// zeros, or not, as the processor has it (FEAT_EBF16). These tiles give the bits of the reference.
// Source: Arm Architecture Reference Manual for A-profile, BFDOT (vector).

#include "tiles_neon.h"

#if APUS_NEON

APUS_INLINE void tile_neon(const apus_tile *t, const size_t rows, const size_t blocks) {
    float32x4_t sums[4][16];
    apus_load_totals(t, rows, blocks, sums);
    const uint32x4_t upper = vdupq_n_u32(0xFFFF0000);
    const size_t depth = t->group * t->group_count, x_stride = t->x_stride, w_step = t->w_step;
    const uint8_t *w = t->w;
    for (size_t k = 0; k < depth; k += 4) {
        float32x4_t odd_x[4], even_x[4];
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            uint32_t pair;
            memcpy(&pair, t->x + r * x_stride + k, sizeof pair);
            const uint32x4_t x = vdupq_n_u32(pair);
            odd_x[r] = vreinterpretq_f32_u32(vandq_u32(x, upper));
            even_x[r] = vreinterpretq_f32_u32(vshlq_n_u32(x, 16));
        }
#pragma clang loop unroll(full)
        for (size_t q = 0; q < 4 * blocks; q++) {
            const uint32x4_t pair = vreinterpretq_u32_u8(vld1q_u8(w + q * 16));
            const float32x4_t odd = vreinterpretq_f32_u32(vandq_u32(pair, upper));
            const float32x4_t even = vreinterpretq_f32_u32(vshlq_n_u32(pair, 16));
#pragma clang loop unroll(full)
            for (size_t r = 0; r < rows; r++) {
                sums[r][q] = vfmaq_f32(sums[r][q], odd_x[r], odd);
                sums[r][q] = vfmaq_f32(sums[r][q], even_x[r], even);
            }
        }
        w += w_step;
    }
    apus_store_totals(t, rows, blocks, sums);
}

// One row takes a whole panel at once: the weights are then read as one stream.
#define TILE(rows)                                                  \
    static void tile_##rows(const apus_tile *t) {                   \
        tile_neon(t, rows, 1);                                      \
    }                                                               \
    static void panel_##rows(const apus_tile *t) {                  \
        if (rows == 1) {                                            \
            tile_neon(t, 1, APUS_PANEL_BLOCKS);                     \
            return;                                                 \
        }                                                           \
        for (size_t b = 0; b < APUS_PANEL_BLOCKS; b++) {            \
            const apus_tile block = apus_block_of_tile(t, b);       \
            tile_neon(&block, rows, 1);                             \
        }                                                           \
    }

TILE(1) TILE(2) TILE(3) TILE(4)

const apus_tiling apus_bf16_tiling_neon = {
    4, {NULL, tile_1, tile_2, tile_3, tile_4, NULL}, {NULL, panel_1, panel_2, panel_3, panel_4, NULL}};

#endif
