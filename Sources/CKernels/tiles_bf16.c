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

APUS_INLINE APUS_AVX2 void half_block_avx2(const apus_tile *t, const size_t rows, const uint8_t *w, float *y,
                                           size_t width) {
    const __m256i mask = apus_mask8(width);
    const __m256i upper = _mm256_set1_epi32((int)0xFFFF0000);
    const size_t depth = t->group * t->group_count;
    __m256 sums[6];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
        sums[r] = t->resumes ? _mm256_maskload_ps(y + r * t->y_stride, mask) : _mm256_setzero_ps();
    }
    for (size_t k = 0; k < depth; k += 4) {
        const __m256i pair = _mm256_loadu_si256((const __m256i *)w);
        const __m256 odd = _mm256_castsi256_ps(_mm256_and_si256(pair, upper));
        const __m256 even = _mm256_castsi256_ps(_mm256_slli_epi32(pair, 16));
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            const uint32_t x = pair_at(t->x + r * t->x_stride + k);
            sums[r] = _mm256_fmadd_ps(_mm256_castsi256_ps(_mm256_set1_epi32((int)(x & 0xFFFF0000))), odd, sums[r]);
            sums[r] = _mm256_fmadd_ps(_mm256_castsi256_ps(_mm256_set1_epi32((int)(x << 16))), even, sums[r]);
        }
        w += t->w_step;
    }
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
        _mm256_maskstore_ps(y + r * t->y_stride, mask, sums[r]);
    }
}

APUS_INLINE APUS_AVX2 void tile_avx2(const apus_tile *t, const size_t rows, const size_t blocks) {
    for (size_t h = 0; h < 2 * blocks; h++) {
        const size_t columns = (blocks - 1) * APUS_BLOCK_COLUMNS + t->last_width;
        if (h * 8 >= columns) {
            return;
        }
        half_block_avx2(t, rows, t->w + h * 32, t->y + h * 8, columns - h * 8 < 8 ? columns - h * 8 : 8);
    }
}

#define TILE(isa, attribute, rows, blocks)                                          \
    static attribute void tile_##isa##_##rows##x##blocks(const apus_tile *tile) {   \
        tile_##isa(tile, rows, blocks);                                             \
    }
#define TILES(isa, attribute)                                                       \
    TILE(isa, attribute, 1, 1) TILE(isa, attribute, 2, 1) TILE(isa, attribute, 3, 1) \
    TILE(isa, attribute, 4, 1) TILE(isa, attribute, 5, 1) TILE(isa, attribute, 6, 1) \
    TILE(isa, attribute, 1, 4) TILE(isa, attribute, 2, 4) TILE(isa, attribute, 3, 4) \
    TILE(isa, attribute, 4, 4) TILE(isa, attribute, 5, 4) TILE(isa, attribute, 6, 4)
#define TILING(isa)                                                                             \
    {6,                                                                                         \
     {NULL, tile_##isa##_1x1, tile_##isa##_2x1, tile_##isa##_3x1, tile_##isa##_4x1, tile_##isa##_5x1, \
      tile_##isa##_6x1, NULL},                                                                  \
     {NULL, tile_##isa##_1x4, tile_##isa##_2x4, tile_##isa##_3x4, tile_##isa##_4x4, tile_##isa##_5x4, \
      tile_##isa##_6x4, NULL}}

TILES(bf16, APUS_BF16)
TILES(avx512, APUS_AVX512)
TILES(avx2, APUS_AVX2)

const apus_tiling apus_bf16_tiling = TILING(bf16);
const apus_tiling apus_bf16_tiling_avx512 = TILING(avx512);
const apus_tiling apus_bf16_tiling_avx2 = TILING(avx2);

#endif
