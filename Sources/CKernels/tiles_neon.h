// What the NEON tiles of packed weights share. A block is four registers ("quarters") of four columns.
#pragma once

#include "packed_tiles.h"
#include "vector_neon.h"

#if APUS_NEON

// The outputs of a tile before it, and after it.
APUS_INLINE void apus_load_totals(const apus_tile *t, const size_t rows, const size_t blocks,
                                  float32x4_t totals[4][16]) {
    const size_t width = (blocks - 1) * APUS_BLOCK_COLUMNS + t->last_width;
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t q = 0; q < 4 * blocks; q++) {
            totals[r][q] = vdupq_n_f32(0);
            if (t->resumes) {
                totals[r][q] = apus_load4(t->y + r * t->y_stride + q * 4, apus_count4(width, q * 4));
            }
        }
    }
}

APUS_INLINE void apus_store_totals(const apus_tile *t, const size_t rows, const size_t blocks,
                                   float32x4_t totals[4][16]) {
    const size_t width = (blocks - 1) * APUS_BLOCK_COLUMNS + t->last_width;
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t q = 0; q < 4 * blocks; q++) {
            apus_store4(t->y + r * t->y_stride + q * 4, apus_count4(width, q * 4), totals[r][q]);
        }
    }
}

// The tile of one block of a panel.
APUS_INLINE apus_tile apus_block_of_tile(const apus_tile *t, size_t block) {
    apus_tile one = *t;
    one.w += block * 64;
    one.scales += one.scales == NULL ? 0 : block * APUS_BLOCK_COLUMNS;
    one.minimums += one.minimums == NULL ? 0 : block * APUS_BLOCK_COLUMNS;
    one.y += block * APUS_BLOCK_COLUMNS;
    one.last_width = block + 1 == APUS_PANEL_BLOCKS ? t->last_width : APUS_BLOCK_COLUMNS;
    return one;
}

#endif
