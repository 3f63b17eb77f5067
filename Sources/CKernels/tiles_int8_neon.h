// The tiles of tiles_int8_neon.c for the instruction set ISA, for whose functions ATTRIBUTE stands. Included once for
// each: a function without the attribute cannot call the intrinsics of the set, even where it is to be inlined.

#define JOIN_NAMES(name, isa) name##_##isa
#define EXPAND_NAMES(name, isa) JOIN_NAMES(name, isa)
#define OF_ISA(name) EXPAND_NAMES(name, ISA)

// The integer sums of one group. One row takes a whole panel at once: the weights are then read as one stream.
APUS_INLINE ATTRIBUTE void OF_ISA(sum_group)(const apus_tile *t, const int8_t *x, const uint8_t *w, const size_t rows,
                                             const size_t quarters, const int kind, int32x4_t sums[4][16]) {
    const uint8x16_t low = vdupq_n_u8(15);
    const size_t group = t->group, x_stride = t->x_stride, w_step = t->w_step;
    for (size_t k = 0; k < group; k += kind == APUS_NIBBLES ? 8 : 4) {
        int8x16_t first[4], second[4];
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            first[r] = broadcast_neon(x + r * x_stride + k);
            second[r] = kind == APUS_NIBBLES ? broadcast_neon(x + r * x_stride + k + 4) : first[r];
        }
#pragma clang loop unroll(full)
        for (size_t q = 0; q < quarters; q++) {
            if (kind == APUS_NIBBLES) {
                const uint8x16_t both = vld1q_u8(w + q * 16);
                const int8x16_t lows = vreinterpretq_s8_u8(vandq_u8(both, low));
                const int8x16_t highs = vreinterpretq_s8_u8(vshrq_n_u8(both, 4));
#pragma clang loop unroll(full)
                for (size_t r = 0; r < rows; r++) {
                    sums[r][q] = OF_ISA(add_products)(sums[r][q], lows, first[r]);
                    sums[r][q] = OF_ISA(add_products)(sums[r][q], highs, second[r]);
                }
            } else {
                const int8x16_t weights = signed_bytes_neon(w + q * 16);
#pragma clang loop unroll(full)
                for (size_t r = 0; r < rows; r++) {
                    sums[r][q] = OF_ISA(add_products)(sums[r][q], weights, first[r]);
                }
            }
        }
        w += w_step;
    }
}

APUS_INLINE ATTRIBUTE void OF_ISA(tile)(const apus_tile *t, const size_t rows, const size_t blocks, const int kind) {
    float32x4_t totals[4][16];
    apus_load_totals(t, rows, blocks, totals);
    const int8_t *x = t->x;
    const uint8_t *w = t->w;
    for (size_t g = 0; g < t->group_count; g++) {
        int32x4_t sums[4][16];
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
            for (size_t q = 0; q < 4 * blocks; q++) {
                sums[r][q] = vdupq_n_s32(0);
            }
        }
        OF_ISA(sum_group)(t, x, w, rows, 4 * blocks, kind, sums);
        add_group_neon(t, g, rows, 4 * blocks, kind, sums, totals);
        x += t->group;
        w += t->group / (kind == APUS_NIBBLES ? 8 : 4) * t->w_step;
    }
    apus_store_totals(t, rows, blocks, totals);
}

#define TILE_OF(isa, rows, kind)                                                                 \
    static ATTRIBUTE void EXPAND_NAMES(tile_##rows##_##kind, isa)(const apus_tile *t) {           \
        OF_ISA(tile)(t, rows, 1, kind);                                                          \
    }                                                                                            \
    static ATTRIBUTE void EXPAND_NAMES(panel_##rows##_##kind, isa)(const apus_tile *t) {          \
        if (rows == 1) {                                                                         \
            OF_ISA(tile)(t, 1, APUS_PANEL_BLOCKS, kind);                                          \
            return;                                                                              \
        }                                                                                        \
        for (size_t b = 0; b < APUS_PANEL_BLOCKS; b++) {                                          \
            const apus_tile block = apus_block_of_tile(t, b);                                     \
            OF_ISA(tile)(&block, rows, 1, kind);                                                  \
        }                                                                                        \
    }

TILE_OF(ISA, 1, 0) TILE_OF(ISA, 2, 0) TILE_OF(ISA, 3, 0) TILE_OF(ISA, 4, 0)
TILE_OF(ISA, 1, 1) TILE_OF(ISA, 2, 1) TILE_OF(ISA, 3, 1) TILE_OF(ISA, 4, 1)

#define TILING_OF(kind)                                                                          \
    {4,                                                                                          \
     {NULL, OF_ISA(tile_1_##kind), OF_ISA(tile_2_##kind), OF_ISA(tile_3_##kind), OF_ISA(tile_4_##kind), NULL}, \
     {NULL, OF_ISA(panel_1_##kind), OF_ISA(panel_2_##kind), OF_ISA(panel_3_##kind), OF_ISA(panel_4_##kind), NULL}}

const apus_tiling OF_ISA(apus_int8_tiling) = TILING_OF(0);
const apus_tiling OF_ISA(apus_int4_tiling) = TILING_OF(1);

#undef JOIN_NAMES
#undef EXPAND_NAMES
#undef OF_ISA
#undef TILE_OF
#undef TILING_OF
