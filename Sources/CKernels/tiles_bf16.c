// The tiles of packed_bf16.c. A tile's w and x are bytes: a step of four is a pair of k.

#include "packed_tiles.h"

#if APUS_X86

APUS_INLINE APUS_AVX512 void load_tile_512(const apus_tile *t, const size_t rows, const size_t blocks,
                                           __m512 sums[6][4]) {
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t b = 0; b < blocks; b++) {
            const __mmask16 mask = b + 1 == blocks ? apus_mask16(t->last_width) : 0xFFFF;
            sums[r][b] = t->resumes ? _mm512_maskz_loadu_ps(mask, t->y + r * t->y_stride + b * 16)
                                    : _mm512_setzero_ps();
        }
    }
}

APUS_INLINE APUS_AVX512 void store_tile_512(const apus_tile *t, const size_t rows, const size_t blocks,
                                            __m512 sums[6][4]) {
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t b = 0; b < blocks; b++) {
            const __mmask16 mask = b + 1 == blocks ? apus_mask16(t->last_width) : 0xFFFF;
            _mm512_mask_storeu_ps(t->y + r * t->y_stride + b * 16, mask, sums[r][b]);
        }
    }
}

APUS_INLINE uint32_t pair_at(const int8_t *x) {
    uint32_t pair;
    memcpy(&pair, x, sizeof pair);
    return pair;
}

// AVX-512 BF16

APUS_INLINE APUS_BF16 void tile_bf16(const apus_tile *t, const size_t rows, const size_t blocks) {
    __m512 sums[6][4];
    load_tile_512(t, rows, blocks, sums);
    const size_t depth = t->group * t->group_count, x_stride = t->x_stride, w_step = t->w_step;
    const int8_t *x = t->x;
    const uint8_t *w = t->w, *next = t->next;
    for (size_t k = 0; k < depth; k += 4) {
        __m512i weights[4];
#pragma clang loop unroll(full)
        for (size_t b = 0; b < blocks; b++) {
            weights[b] = _mm512_loadu_si512(w + b * 64);
        }
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            const __m512i value = _mm512_set1_epi32((int)pair_at(x + r * x_stride + k));
#pragma clang loop unroll(full)
            for (size_t b = 0; b < blocks; b++) {
                sums[r][b] = _mm512_dpbf16_ps(sums[r][b], (__m512bh)value, (__m512bh)weights[b]);
            }
        }
        apus_fetch(next, t->next_step);
        w += w_step;
        next += t->next_step;
    }
    store_tile_512(t, rows, blocks, sums);
}

// AVX-512 without BF16: a bf16 is the upper half of a float32.

APUS_INLINE APUS_AVX512 void tile_avx512(const apus_tile *t, const size_t rows, const size_t blocks) {
    __m512 sums[6][4];
    load_tile_512(t, rows, blocks, sums);
    const __m512i upper = _mm512_set1_epi32((int)0xFFFF0000);
    const size_t depth = t->group * t->group_count;
    const uint8_t *w = t->w;
    for (size_t k = 0; k < depth; k += 4) {
#pragma clang loop unroll(full)
        for (size_t b = 0; b < blocks; b++) {
            const __m512i pair = _mm512_loadu_si512(w + b * 64);
            const __m512 odd = _mm512_castsi512_ps(_mm512_and_si512(pair, upper));
            const __m512 even = _mm512_castsi512_ps(_mm512_slli_epi32(pair, 16));
#pragma clang loop unroll(full)
            for (size_t r = 0; r < rows; r++) {
                const uint32_t x = pair_at(t->x + r * t->x_stride + k);
                sums[r][b] = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_set1_epi32((int)(x & 0xFFFF0000))), odd,
                                             sums[r][b]);
                sums[r][b] = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_set1_epi32((int)(x << 16))), even, sums[r][b]);
            }
        }
        w += t->w_step;
    }
    store_tile_512(t, rows, blocks, sums);
}

// AVX2

// Eight times four bytes, the same four in each lane.
APUS_INLINE APUS_AVX2 __m256i broadcast_avx2(const int8_t *x) {
    return _mm256_set1_epi32((int)pair_at(x));
}

// Neighbouring halves of blocks: they share the conversion of x as the rows share that of the weights. With eight
// accumulators everything stays in registers.
APUS_INLINE APUS_AVX2 void halves_avx2(const apus_tile *t, const size_t rows, const size_t halves) {
    const size_t width = (halves / 2 - 1) * APUS_BLOCK_COLUMNS + t->last_width;
    const __m256i upper = _mm256_set1_epi32((int)0xFFFF0000);
    const size_t depth = t->group * t->group_count, x_stride = t->x_stride, w_step = t->w_step;
    __m256 sums[4][8];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t h = 0; h < halves; h++) {
            const size_t count = width > h * 8 ? width - h * 8 : 0;
            sums[r][h] = t->resumes ? apus_load8(t->y + r * t->y_stride + h * 8, count) : _mm256_setzero_ps();
        }
    }
    const uint8_t *w = t->w;
    for (size_t k = 0; k < depth; k += 4) {
        __m256 odd[8], even[8];
#pragma clang loop unroll(full)
        for (size_t h = 0; h < halves; h++) {
            const __m256i pair = _mm256_loadu_si256((const __m256i *)(w + h * 32));
            odd[h] = _mm256_castsi256_ps(_mm256_and_si256(pair, upper));
            even[h] = _mm256_castsi256_ps(_mm256_slli_epi32(pair, 16));
        }
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            const __m256i x = broadcast_avx2(t->x + r * x_stride + k);
            const __m256 odd_x = _mm256_castsi256_ps(_mm256_and_si256(x, upper));
            const __m256 even_x = _mm256_castsi256_ps(_mm256_slli_epi32(x, 16));
#pragma clang loop unroll(full)
            for (size_t h = 0; h < halves; h++) {
                sums[r][h] = _mm256_fmadd_ps(odd_x, odd[h], sums[r][h]);
                sums[r][h] = _mm256_fmadd_ps(even_x, even[h], sums[r][h]);
            }
        }
        w += w_step;
    }
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t h = 0; h < halves; h++) {
            apus_store8(t->y + r * t->y_stride + h * 8, width > h * 8 ? width - h * 8 : 0, sums[r][h]);
        }
    }
}

APUS_INLINE APUS_AVX2 void tile_avx2(const apus_tile *t, const size_t rows, const size_t blocks) {
    // One row reads a whole panel at once, two read half of it, more rows one block after the other.
    const size_t step = blocks == 1 ? 1 : rows == 1 ? 4 : rows == 2 ? 2 : 1;
    for (size_t b = 0; b < blocks; b += step) {
        apus_tile part = *t;
        part.w += b * 64;
        part.y += b * APUS_BLOCK_COLUMNS;
        part.last_width = b + step == blocks ? t->last_width : APUS_BLOCK_COLUMNS;
        halves_avx2(&part, rows, 2 * step);
    }
}

#define TILE(isa, attribute, rows, blocks)                                          \
    static attribute void tile_##isa##_##rows##x##blocks(const apus_tile *tile) {   \
        tile_##isa(tile, rows, blocks);                                             \
    }
#define FOUR_ROWS(isa, attribute, blocks)                                            \
    TILE(isa, attribute, 1, blocks) TILE(isa, attribute, 2, blocks)                  \
    TILE(isa, attribute, 3, blocks) TILE(isa, attribute, 4, blocks)
#define SIX_ROWS(isa, attribute, blocks)                                             \
    FOUR_ROWS(isa, attribute, blocks)                                                \
    TILE(isa, attribute, 5, blocks) TILE(isa, attribute, 6, blocks)
#define UP_TO_FOUR(isa, blocks) \
    NULL, tile_##isa##_1x##blocks, tile_##isa##_2x##blocks, tile_##isa##_3x##blocks, tile_##isa##_4x##blocks
#define UP_TO_SIX(isa, blocks) UP_TO_FOUR(isa, blocks), tile_##isa##_5x##blocks, tile_##isa##_6x##blocks

SIX_ROWS(bf16, APUS_BF16, 1)
SIX_ROWS(bf16, APUS_BF16, 4)
SIX_ROWS(avx512, APUS_AVX512, 1)
SIX_ROWS(avx512, APUS_AVX512, 4)
FOUR_ROWS(avx2, APUS_AVX2, 1)
FOUR_ROWS(avx2, APUS_AVX2, 4)

const apus_tiling apus_bf16_tiling = {6, {UP_TO_SIX(bf16, 1)}, {UP_TO_SIX(bf16, 4)}};
const apus_tiling apus_bf16_tiling_avx512 = {6, {UP_TO_SIX(avx512, 1)}, {UP_TO_SIX(avx512, 4)}};
const apus_tiling apus_bf16_tiling_avx2 = {4, {UP_TO_FOUR(avx2, 1)}, {UP_TO_FOUR(avx2, 4)}};

#endif
