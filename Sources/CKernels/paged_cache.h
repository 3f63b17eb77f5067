// The pages of a cache of keys and values: where things lie in them, and their numbers in single precision.
//
// Layout of one page, for one layer and one key/value head; T = tokens_per_page, H = head_size:
//   keys         [H][T]  elements; transposed, so that one vector holds the scores of neighbouring positions and needs
//                        no sum across lanes
//   values       [T][H]  elements
//   key scales   [T]     half precision, of int8 only: a key is its element times the scale of its slot
//   value scales [T]     the same
// Nothing lies between them. Position p is slot p mod T of page pages[p / T].
//
// `type` is a constant wherever these functions are inlined, so that each format has code of its own. Whatever the
// format, an element becomes the same float32 in every tier.
#pragma once

#include "half.h"

APUS_INLINE size_t apus_cache_element_size(const int type) {
    return type == APUS_CACHE_FLOAT32 ? 4 : type == APUS_CACHE_BFLOAT16 ? 2 : 1;
}

// Bytes of the keys of one page, which are as many as those of the values.
APUS_INLINE size_t apus_cache_half(size_t head_size, size_t tokens_per_page, const int type) {
    return head_size * tokens_per_page * apus_cache_element_size(type);
}

APUS_INLINE const uint8_t *apus_cache_page(const apus_attention *a, size_t position) {
    return (const uint8_t *)a->cache + (size_t)a->pages[position / a->tokens_per_page] * a->page_stride;
}

// The key of a position: its element i is element i * tokens_per_page from here.
APUS_INLINE const uint8_t *apus_cache_keys(const apus_attention *a, size_t position, const int type) {
    return apus_cache_page(a, position) + position % a->tokens_per_page * apus_cache_element_size(type);
}

// The value of a position, and behind it those of the rest of the page.
APUS_INLINE const uint8_t *apus_cache_values(const apus_attention *a, size_t position, const int type) {
    return apus_cache_page(a, position) + apus_cache_half(a->head_size, a->tokens_per_page, type) +
           position % a->tokens_per_page * a->head_size * apus_cache_element_size(type);
}

// Scales of an int8 page from a position on; those of the values are tokens_per_page behind.
APUS_INLINE const uint16_t *apus_cache_key_scales(const apus_attention *a, size_t position) {
    const uint8_t *scales = apus_cache_page(a, position) +
                            2 * apus_cache_half(a->head_size, a->tokens_per_page, APUS_CACHE_INT8);
    return (const uint16_t *)scales + position % a->tokens_per_page;
}

APUS_INLINE const uint16_t *apus_cache_value_scales(const apus_attention *a, size_t position) {
    return apus_cache_key_scales(a, position) + a->tokens_per_page;
}

// Element `index` behind `base`.
APUS_INLINE float apus_cache_element(const uint8_t *base, size_t index, const int type) {
    switch (type) {
    case APUS_CACHE_FLOAT32: return ((const float *)base)[index];
    case APUS_CACHE_BFLOAT16: return apus_float_of_bfloat(((const uint16_t *)base)[index]);
    default: return (float)((const int8_t *)base)[index];
    }
}

// Positions from `position` on, at most `width`, that lie in one page before `end`.
typedef struct apus_cache_run {
    const uint8_t *keys;
    const uint16_t *key_scales;  // of int8
    size_t position;
    size_t count;
} apus_cache_run;

APUS_INLINE apus_cache_run apus_cache_run_at(const apus_attention *a, size_t position, size_t end, size_t width,
                                             const int type) {
    const size_t left = a->tokens_per_page - position % a->tokens_per_page;
    size_t count = left < width ? left : width;
    count = count < end - position ? count : end - position;
    return (apus_cache_run){
        .keys = apus_cache_keys(a, position, type),
        .key_scales = type == APUS_CACHE_INT8 ? apus_cache_key_scales(a, position) : NULL,
        .position = position,
        .count = count,
    };
}

// The next runs of positions, at most four: independent chains, so that several hide the latency.
APUS_INLINE size_t apus_cache_next_runs(const apus_attention *a, size_t *position, size_t width, apus_cache_run *runs,
                                        const int type) {
    size_t count = 0;
    while (count < 4 && *position < a->position_count) {
        runs[count] = apus_cache_run_at(a, *position, a->position_count, width, type);
        *position += runs[count++].count;
    }
    return count;
}

#if APUS_X86

// Sixteen elements behind `base` from `index` on; zeros, and not read, outside the mask.
APUS_INLINE APUS_AVX512 __m512 apus_cache_elements16(const uint8_t *base, size_t index, __mmask16 mask,
                                                     const int type) {
    if (type == APUS_CACHE_FLOAT32) {
        return _mm512_maskz_loadu_ps(mask, (const float *)base + index);
    }
    if (type == APUS_CACHE_BFLOAT16) {
        const __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, (const uint16_t *)base + index));
        return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
    }
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, base + index)));
}

APUS_INLINE APUS_AVX512 __m512 apus_cache_scales16(const uint16_t *scales, __mmask16 mask) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, scales));
}

// Eight numbers of two bytes, of which `count` are there; zeros, and not read, behind them.
APUS_INLINE APUS_AVX2 __m128i apus_cache_words8(const uint16_t *from, size_t count) {
    if (count >= 8) {
        return _mm_loadu_si128((const __m128i *)from);
    }
    uint16_t words[8] = {0};
    memcpy(words, from, count * sizeof *words);
    return _mm_loadu_si128((const __m128i *)words);
}

// Eight elements behind `base` from `index` on, of which `count` are there; zeros, and not read, behind them.
APUS_INLINE APUS_AVX2 __m256 apus_cache_elements8(const uint8_t *base, size_t index, size_t count, const int type) {
    if (type == APUS_CACHE_FLOAT32) {
        return apus_load8((const float *)base + index, count);
    }
    if (type == APUS_CACHE_BFLOAT16) {
        const __m256i wide = _mm256_cvtepu16_epi32(apus_cache_words8((const uint16_t *)base + index, count));
        return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
    }
    uint8_t bytes[8] = {0};
    memcpy(bytes, base + index, count >= 8 ? 8 : count);
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)bytes)));
}

APUS_INLINE APUS_AVX2 __m256 apus_cache_scales8(const uint16_t *scales, size_t count) {
    return _mm256_cvtph_ps(apus_cache_words8(scales, count));
}

// Multiplies the weights of positions [begin, end) by the scales of their values, once for all elements of a value.
APUS_INLINE APUS_AVX512 void apus_cache_scale_weights_avx512(const apus_attention *a, size_t begin, size_t end,
                                                             float *weights) {
    for (size_t p = begin; p < end;) {
        const apus_cache_run run = apus_cache_run_at(a, p, end, 16, APUS_CACHE_INT8);
        const __mmask16 mask = apus_mask16(run.count);
        const __m512 scales = apus_cache_scales16(apus_cache_value_scales(a, p), mask);
        _mm512_mask_storeu_ps(weights + p, mask, _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, weights + p), scales));
        p += run.count;
    }
}

APUS_INLINE APUS_AVX2 void apus_cache_scale_weights_avx2(const apus_attention *a, size_t begin, size_t end,
                                                         float *weights) {
    for (size_t p = begin; p < end;) {
        const apus_cache_run run = apus_cache_run_at(a, p, end, 8, APUS_CACHE_INT8);
        const __m256 scales = apus_cache_scales8(apus_cache_value_scales(a, p), run.count);
        apus_store8(weights + p, run.count, _mm256_mul_ps(apus_load8(weights + p, run.count), scales));
        p += run.count;
    }
}

#endif
