// What the products of packed bf16, int8 and int4 weights share: where a weight lies, number formats, tiles.
#pragma once

#include "half.h"

enum {
    // Columns whose weights lie together: four blocks, so that a tile reads one stream.
    APUS_PANEL_BLOCKS = APUS_PANEL_COLUMNS / APUS_BLOCK_COLUMNS,
};

// Blocks in the panel that begins at column n.
APUS_INLINE size_t apus_panel_blocks(size_t n, size_t column_total) {
    const size_t columns = column_total - n < APUS_PANEL_COLUMNS ? column_total - n : APUS_PANEL_COLUMNS;
    return (columns + APUS_BLOCK_COLUMNS - 1) / APUS_BLOCK_COLUMNS;
}

// Where the weights of one column lie.
typedef struct apus_column {
    size_t panel;   // weights before its panel
    size_t scale;   // scales before its panel
    size_t blocks;  // of its panel
    size_t place;   // block * 16 + lane: which of the panel's columns it is
} apus_column;

APUS_INLINE apus_column apus_column_at(size_t n, size_t column_total, size_t depth, size_t group) {
    const size_t first = n / APUS_PANEL_COLUMNS * APUS_PANEL_COLUMNS;
    return (apus_column){first * depth, first * (depth / group), apus_panel_blocks(first, column_total), n - first};
}

// Index of the weight k, one byte each, four neighbouring k side by side.
APUS_INLINE size_t apus_byte_index(apus_column column, size_t k) {
    return column.panel + k / 4 * column.blocks * 64 + column.place * 4 + k % 4;
}

// Index of the byte that holds the weight k of four bits in one of its halves.
APUS_INLINE size_t apus_nibble_index(apus_column column, size_t k) {
    return column.panel / 2 + k / 8 * column.blocks * 64 + column.place * 4 + k % 4;
}

// Index of the scale of group g.
APUS_INLINE size_t apus_scale_index(apus_column column, size_t g) {
    return column.scale + g * column.blocks * APUS_BLOCK_COLUMNS + column.place;
}

// The nearest whole number, ties to even, of |value| < 2^22. The compiler finds vectors in it on every processor.
APUS_INLINE float apus_round(float value) {
    const float shift = 0x1.8p23f;
    return (value + shift) - shift;
}

// The largest group of quantised weights.
enum { APUS_GROUP_MAX = 128 };

// How weights are stored.
enum {
    APUS_BYTES = 0,    // int8: byte - 128
    APUS_NIBBLES = 1,  // int4: two k-steps in the halves of one byte, and a minimum
    APUS_PAIRS = 2,    // bf16: two k side by side in four bytes
};

// One call of a tile function: some rows times one or four column blocks over one range of groups.
typedef struct apus_tile {
    size_t group;             // k in a group
    size_t group_count;       // of this range
    const int8_t *x;          // at the first row and k
    size_t x_stride;
    const float *x_scales;    // at the first row and group
    const int32_t *x_sums;
    size_t x_scale_stride;
    const uint8_t *w;         // at the first k and block
    size_t w_step;            // bytes from four k to the next (of nibbles: from eight)
    const uint16_t *scales;   // at the first group and block
    const uint16_t *minimums;
    size_t scale_step;        // scales from a group to the next
    float *y;                 // at the first row and column
    size_t y_stride;
    size_t last_width;        // columns of the last block
    bool resumes;             // whether y holds the sums of the groups before
    const uint8_t *next;      // the part of the following weights that this row tile fetches into the cache
    size_t next_step;         // bytes of it with each step of w
} apus_tile;

#if APUS_X86
// Fetches `step` bytes, at most two lines. The first row tile that reads a panel waits for memory, the others do not;
// when each of them fetches a part of what comes next, reading and arithmetic take place at the same time.
APUS_INLINE void apus_fetch(const uint8_t *next, size_t step) {
    _mm_prefetch((const char *)next, _MM_HINT_T1);
    _mm_prefetch((const char *)next + step / 2, _MM_HINT_T1);
}
#endif

typedef void (*apus_tile_function)(const apus_tile *tile);

// The tile functions of one instruction set for one kind of storage.
typedef struct apus_tiling {
    size_t rows_max;
    apus_tile_function one[8];   // one block, by rows
    apus_tile_function four[8];  // a whole panel, by rows
} apus_tiling;

// Cuts a product into tiles: panels of columns, ranges of k that stay in the cache, rows.
void apus_run_tiles(const apus_packed_product *job, const apus_tiling *tiling, int kind);

#if APUS_X86
extern const apus_tiling apus_int8_tiling_vnni, apus_int8_tiling_avx2;
extern const apus_tiling apus_int4_tiling_vnni, apus_int4_tiling_avx2;
extern const apus_tiling apus_bf16_tiling, apus_bf16_tiling_avx512, apus_bf16_tiling_avx2;
#elif APUS_NEON
extern const apus_tiling apus_int8_tiling_neon, apus_int8_tiling_neon_dot;
extern const apus_tiling apus_int4_tiling_neon, apus_int4_tiling_neon_dot;
extern const apus_tiling apus_bf16_tiling_neon;
#endif
