// What the tiles of packed_gemm.c share; packed_gemm_neon.c holds those for NEON.
#pragma once

#include "vector_neon.h"

// One call of a tile function: `rows` rows times `blocks` column blocks over one range of k.
typedef struct apus_gemm_tile {
    size_t depth;         // of this range of k
    const float *x;       // at its first k
    size_t x_stride;
    const float *packed;  // first block, at its first k
    size_t block_stride;  // whole depth * 16
    float *y;             // at the first column
    size_t y_stride;
    size_t last_width;    // columns of the last block
    bool resumes;         // whether y holds the sums of the k before
} apus_gemm_tile;

typedef void (*apus_gemm_tile_function)(const apus_gemm_tile *t);

// The tile functions of one instruction set and how tiles are cut.
typedef struct apus_gemm_tiling {
    size_t rows_max;
    const size_t *blocks_max;                     // by rows
    apus_gemm_tile_function (*function)(size_t rows, size_t blocks);  // blocks is blocks_max[rows], 4, 2 or 1
} apus_gemm_tiling;

// Cuts the product into tiles: depth blocks, then panels of column blocks, then rows, so that a panel of weights comes
// from memory once however many rows there are.
void apus_run_gemm_tiles(const apus_gemm_tiling *tiling, size_t rows, size_t depth, const float *x, size_t x_stride,
                         const float *packed, size_t column_begin, size_t column_end, float *y, size_t y_stride);
