// The tiles of products with quantised weights; what they compute is described in packed_int8.c and packed_int4.c.

#include "packed_tiles.h"

#if APUS_X86 || APUS_NEON

// k in a range when a panel is used by several row tiles: it stays in the L2 cache with the rows.
enum { DEPTH_RANGE = 2048 };

// Runs one row tile over the blocks of a panel.
static void run_panel(const apus_tiling *tiling, apus_tile tile, size_t rows, size_t blocks, size_t width) {
    if (blocks == APUS_PANEL_BLOCKS) {
        tile.last_width = width - (APUS_PANEL_BLOCKS - 1) * APUS_BLOCK_COLUMNS;
        tiling->four[rows](&tile);
        return;
    }
    for (size_t b = 0; b < blocks; b++) {
        tile.last_width = b + 1 == blocks ? width - b * APUS_BLOCK_COLUMNS : APUS_BLOCK_COLUMNS;
        tiling->one[rows](&tile);
        tile.w += 64;
        tile.scales += tile.scales == NULL ? 0 : APUS_BLOCK_COLUMNS;
        tile.minimums += tile.minimums == NULL ? 0 : APUS_BLOCK_COLUMNS;
        tile.y += APUS_BLOCK_COLUMNS;
    }
}

void apus_run_tiles(const apus_packed_product *job, const apus_tiling *tiling, int kind) {
    if (job->rows == 0) {
        return;
    }
    const size_t tile_count = (job->rows + tiling->rows_max - 1) / tiling->rows_max;
    const size_t groups = job->depth / job->group;
    const size_t range = tile_count > 1 ? DEPTH_RANGE / job->group : groups;
    for (size_t n = job->column_begin; n < job->column_end; n += APUS_PANEL_COLUMNS) {
        const apus_column panel = apus_column_at(n, job->column_total, job->depth, job->group);
        const size_t width = job->column_end - n < APUS_PANEL_COLUMNS ? job->column_end - n : APUS_PANEL_COLUMNS;
        size_t g = 0;
        do {
            const size_t k = g * job->group;
            const size_t scale = apus_scale_index(panel, g);
            const size_t count = groups - g < range ? groups - g : range;
            const size_t shift = kind == APUS_NIBBLES ? 1 : 0;
            const size_t begin = (panel.panel + k * panel.blocks * APUS_BLOCK_COLUMNS) >> shift;
            const size_t size = (count * job->group * panel.blocks * APUS_BLOCK_COLUMNS) >> shift;
            for (size_t i = 0; i < tile_count; i++) {
                const size_t row = job->rows * i / tile_count;
                const apus_tile tile = {
                    .group = job->group,
                    .group_count = count,
                    .x = job->x + row * job->depth + k,
                    .x_stride = job->depth,
                    .x_scales = kind == APUS_PAIRS ? NULL : job->x_scales + row * groups + g,
                    .x_sums = kind == APUS_PAIRS ? NULL : job->x_sums + row * groups + g,
                    .x_scale_stride = groups,
                    .w = job->packed + begin,
                    .w_step = panel.blocks * 64,
                    .scales = kind == APUS_PAIRS ? NULL : job->scales + scale,
                    .minimums = kind == APUS_NIBBLES ? job->minimums + scale : NULL,
                    .scale_step = panel.blocks * APUS_BLOCK_COLUMNS,
                    .y = job->y + row * job->y_stride + n,
                    .y_stride = job->y_stride,
                    .resumes = g > 0,
                    // The next range, or the next panel: they lie one after the other. A single row tile reads them so
                    // evenly that the processor fetches them by itself.
                    .next = job->packed + begin + (tile_count > 1 ? size + size * i / tile_count : 0),
                    .next_step = tile_count > 1 ? panel.blocks * 64 / tile_count : 0,
                };
                run_panel(tiling, tile, job->rows * (i + 1) / tile_count - row, panel.blocks, width);
            }
            g += range;
        } while (g < groups);
    }
}

#endif

#if APUS_X86

// AVX-512 VNNI: a block is one register; up to 24 integer accumulators.

APUS_INLINE APUS_VNNI __m512i broadcast_vnni(const int8_t *x) {
    int32_t four;
    memcpy(&four, x, sizeof four);
    return _mm512_set1_epi32(four);
}

// The integer sums of one group.
APUS_INLINE APUS_VNNI void group_vnni(const apus_tile *t, const int8_t *x, const uint8_t *w, const uint8_t *next,
                                      const size_t rows, const size_t blocks, const int kind, __m512i sums[6][4]) {
    const __m512i low = _mm512_set1_epi8(15);
    const size_t group = t->group, x_stride = t->x_stride, w_step = t->w_step, next_step = t->next_step;
    if (kind == APUS_NIBBLES) {
        for (size_t k = 0; k < group; k += 8) {
#pragma clang loop unroll(full)
            for (size_t b = 0; b < blocks; b++) {
                const __m512i both = _mm512_loadu_si512(w + b * 64);
                const __m512i first = _mm512_and_si512(both, low);
                const __m512i second = _mm512_and_si512(_mm512_srli_epi16(both, 4), low);
#pragma clang loop unroll(full)
                for (size_t r = 0; r < rows; r++) {
                    sums[r][b] = _mm512_dpbusd_epi32(sums[r][b], first, broadcast_vnni(x + r * x_stride + k));
                    sums[r][b] = _mm512_dpbusd_epi32(sums[r][b], second, broadcast_vnni(x + r * x_stride + k + 4));
                }
            }
            apus_fetch(next, next_step);
            w += w_step;
            next += next_step;
        }
        return;
    }
    for (size_t k = 0; k < group; k += 4) {
        __m512i weights[4];
#pragma clang loop unroll(full)
        for (size_t b = 0; b < blocks; b++) {
            weights[b] = _mm512_loadu_si512(w + b * 64);
        }
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            const __m512i value = broadcast_vnni(x + r * x_stride + k);
#pragma clang loop unroll(full)
            for (size_t b = 0; b < blocks; b++) {
                sums[r][b] = _mm512_dpbusd_epi32(sums[r][b], weights[b], value);
            }
        }
        apus_fetch(next, next_step);
        w += w_step;
        next += next_step;
    }
}

APUS_INLINE APUS_VNNI void tile_vnni(const apus_tile *t, const size_t rows, const size_t blocks, const int kind) {
    const __mmask16 last = apus_mask16(t->last_width);
    __m512 totals[6][4];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t b = 0; b < blocks; b++) {
            totals[r][b] = t->resumes ? _mm512_maskz_loadu_ps(b + 1 == blocks ? last : 0xFFFF,
                                                              t->y + r * t->y_stride + b * 16)
                                      : _mm512_setzero_ps();
        }
    }
    const int8_t *x = t->x;
    const uint8_t *w = t->w, *next = t->next;
    const size_t steps = t->group / (kind == APUS_NIBBLES ? 8 : 4);
    for (size_t g = 0; g < t->group_count; g++) {
        __m512i sums[6][4];
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            // What 128 too much in every weight adds to the sum.
            const int32_t excess = kind == APUS_BYTES ? -128 * t->x_sums[r * t->x_scale_stride + g] : 0;
#pragma clang loop unroll(full)
            for (size_t b = 0; b < blocks; b++) {
                sums[r][b] = _mm512_set1_epi32(excess);
            }
        }
        group_vnni(t, x, w, next, rows, blocks, kind, sums);
        x += t->group;
        w += steps * t->w_step;
        next += steps * t->next_step;
#pragma clang loop unroll(full)
        for (size_t b = 0; b < blocks; b++) {
            const size_t index = g * t->scale_step + b * 16;
            const __m512 scale = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(t->scales + index)));
            __m512 minimum = _mm512_setzero_ps();
            if (kind != APUS_BYTES) {
                minimum = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(t->minimums + index)));
            }
#pragma clang loop unroll(full)
            for (size_t r = 0; r < rows; r++) {
                const float x_scale = t->x_scales[r * t->x_scale_stride + g];
                const __m512 factor = _mm512_mul_ps(scale, _mm512_set1_ps(x_scale));
                totals[r][b] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[r][b]), factor, totals[r][b]);
                if (kind != APUS_BYTES) {
                    const __m512 sum = _mm512_set1_ps(x_scale * (float)t->x_sums[r * t->x_scale_stride + g]);
                    totals[r][b] = _mm512_fmadd_ps(minimum, sum, totals[r][b]);
                }
            }
        }
    }
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t b = 0; b < blocks; b++) {
            _mm512_mask_storeu_ps(t->y + r * t->y_stride + b * 16, b + 1 == blocks ? last : 0xFFFF, totals[r][b]);
        }
    }
}

#define TILE(isa, attribute, rows, blocks, kind)                                              \
    static attribute void tile_##isa##_##rows##x##blocks##_##kind(const apus_tile *tile) {    \
        tile_##isa(tile, rows, blocks, kind);                                                 \
    }
#define TILES_VNNI(rows)                   \
    TILE(vnni, APUS_VNNI, rows, 1, 0)      \
    TILE(vnni, APUS_VNNI, rows, 4, 0)      \
    TILE(vnni, APUS_VNNI, rows, 1, 1)      \
    TILE(vnni, APUS_VNNI, rows, 4, 1)

TILES_VNNI(1) TILES_VNNI(2) TILES_VNNI(3) TILES_VNNI(4) TILES_VNNI(5) TILES_VNNI(6)

#define ROWS_VNNI(blocks, kind)                                                                          \
    {NULL, tile_vnni_1x##blocks##_##kind, tile_vnni_2x##blocks##_##kind, tile_vnni_3x##blocks##_##kind,   \
     tile_vnni_4x##blocks##_##kind, tile_vnni_5x##blocks##_##kind, tile_vnni_6x##blocks##_##kind, NULL}

const apus_tiling apus_int8_tiling_vnni = {6, ROWS_VNNI(1, 0), ROWS_VNNI(4, 0)};
const apus_tiling apus_int4_tiling_vnni = {6, ROWS_VNNI(1, 1), ROWS_VNNI(4, 1)};

// AVX2: a block is two registers; the products of bytes are added in pairs of 16 bits, which they cannot exceed.

APUS_INLINE APUS_AVX2 __m256i broadcast_avx2(const int8_t *x) {
    int32_t four;
    memcpy(&four, x, sizeof four);
    return _mm256_set1_epi32(four);
}

// Adds the products of four neighbouring k of eight columns.
APUS_INLINE APUS_AVX2 __m256i add_products_avx2(__m256i sum, __m256i w, __m256i x, const int kind) {
    if (kind == APUS_BYTES) {
        // |w| <= 128 as an unsigned byte, and the sign goes to x, |x| <= 127: a pair is at most 32512.
        const __m256i value = _mm256_xor_si256(w, _mm256_set1_epi8((char)0x80));
        w = _mm256_abs_epi8(value);
        x = _mm256_sign_epi8(x, value);
    }
    const __m256i pairs = _mm256_maddubs_epi16(w, x);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

APUS_INLINE APUS_AVX2 void group_avx2(const apus_tile *t, const int8_t *x, const uint8_t *w, const size_t rows,
                                      const int kind, __m256i sums[4][2]) {
    const __m256i low = _mm256_set1_epi8(15);
    const size_t step = kind == APUS_NIBBLES ? 8 : 4;
    for (size_t k = 0; k < t->group; k += step) {
#pragma clang loop unroll(full)
        for (size_t h = 0; h < 2; h++) {
            const __m256i bytes = _mm256_loadu_si256((const __m256i *)(w + h * 32));
#pragma clang loop unroll(full)
            for (size_t r = 0; r < rows; r++) {
                const int8_t *values = x + r * t->x_stride + k;
                if (kind == APUS_NIBBLES) {
                    const __m256i second = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), low);
                    sums[r][h] = add_products_avx2(sums[r][h], _mm256_and_si256(bytes, low), broadcast_avx2(values),
                                                   kind);
                    sums[r][h] = add_products_avx2(sums[r][h], second, broadcast_avx2(values + 4), kind);
                } else {
                    sums[r][h] = add_products_avx2(sums[r][h], bytes, broadcast_avx2(values), kind);
                }
            }
        }
        w += t->w_step;
    }
}

// One block; `t->w` and so on point at it.
APUS_INLINE APUS_AVX2 void block_avx2(const apus_tile *t, const size_t rows, const size_t width, const int kind) {
    const size_t widths[2] = {width, width > 8 ? width - 8 : 0};
    __m256 totals[4][2];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t h = 0; h < 2; h++) {
            totals[r][h] = t->resumes ? apus_load8(t->y + r * t->y_stride + h * 8, widths[h])
                                      : _mm256_setzero_ps();
        }
    }
    const int8_t *x = t->x;
    const uint8_t *w = t->w;
    for (size_t g = 0; g < t->group_count; g++) {
        __m256i sums[4][2];
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            sums[r][0] = sums[r][1] = _mm256_setzero_si256();
        }
        group_avx2(t, x, w, rows, kind, sums);
        x += t->group;
        w += t->group / (kind == APUS_NIBBLES ? 8 : 4) * t->w_step;
#pragma clang loop unroll(full)
        for (size_t h = 0; h < 2; h++) {
            const size_t index = g * t->scale_step + h * 8;
            const __m256 scale = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(t->scales + index)));
            __m256 minimum = _mm256_setzero_ps();
            if (kind != APUS_BYTES) {
                minimum = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(t->minimums + index)));
            }
#pragma clang loop unroll(full)
            for (size_t r = 0; r < rows; r++) {
                const float x_scale = t->x_scales[r * t->x_scale_stride + g];
                const __m256 factor = _mm256_mul_ps(scale, _mm256_set1_ps(x_scale));
                totals[r][h] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[r][h]), factor, totals[r][h]);
                if (kind != APUS_BYTES) {
                    const __m256 sum = _mm256_set1_ps(x_scale * (float)t->x_sums[r * t->x_scale_stride + g]);
                    totals[r][h] = _mm256_fmadd_ps(minimum, sum, totals[r][h]);
                }
            }
        }
    }
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t h = 0; h < 2; h++) {
            apus_store8(t->y + r * t->y_stride + h * 8, widths[h], totals[r][h]);
        }
    }
}

APUS_INLINE APUS_AVX2 void tile_avx2(const apus_tile *t, const size_t rows, const size_t blocks, const int kind) {
    apus_tile block = *t;
    for (size_t b = 0; b < blocks; b++) {
        block_avx2(&block, rows, b + 1 == blocks ? t->last_width : APUS_BLOCK_COLUMNS, kind);
        block.w += 64;
        block.scales += APUS_BLOCK_COLUMNS;
        block.minimums += block.minimums == NULL ? 0 : APUS_BLOCK_COLUMNS;
        block.y += APUS_BLOCK_COLUMNS;
    }
}

#define TILES_AVX2(rows)                   \
    TILE(avx2, APUS_AVX2, rows, 1, 0)      \
    TILE(avx2, APUS_AVX2, rows, 4, 0)      \
    TILE(avx2, APUS_AVX2, rows, 1, 1)      \
    TILE(avx2, APUS_AVX2, rows, 4, 1)

TILES_AVX2(1) TILES_AVX2(2) TILES_AVX2(3) TILES_AVX2(4)

#define ROWS_AVX2(blocks, kind)                                                                          \
    {NULL, tile_avx2_1x##blocks##_##kind, tile_avx2_2x##blocks##_##kind, tile_avx2_3x##blocks##_##kind,   \
     tile_avx2_4x##blocks##_##kind, NULL, NULL, NULL}

const apus_tiling apus_int8_tiling_avx2 = {4, ROWS_AVX2(1, 0), ROWS_AVX2(4, 0)};
const apus_tiling apus_int4_tiling_avx2 = {4, ROWS_AVX2(1, 1), ROWS_AVX2(4, 1)};

#endif
