// Attention of one token over a paged cache, for the query heads that share one key/value head.
//
//   s[g, p] = cap(scale * sum over i of query[g, i] * K[p, i])       p in begin ..< position_count
//   output[g, i] = sum over p of softmax(s[g])[p] * V[p, i]
//   begin = position_count - window, or 0 where window is 0 or reaches further
//   cap(v) = soft_cap * tanh(v / soft_cap), or v where soft_cap is 0
//
// K and V are what the pages hold, in single precision; paged_cache.h says where. Of int8 pages the elements are summed
// as they stand, and the scale of the position is multiplied to the sum of a score, or to the weight of a value.
//
// scores is scratch; output does not overlap anything else.
// Accumulators: float32. A score takes i = 0, 1, 2, ... in turn; an output takes p = begin, begin + 1, ... in turn; the
// softmax puts position p in lane (p - begin) mod 8 or 16. So the bits depend neither on the size of a page nor on what
// else is computed.
// paged_attention_avx2.c holds the variant for AVX2.
// Source: Kwon et al. 2023, equation 4.

#include "paged_cache.h"

// Scores and weights of one query head.
APUS_INLINE void weigh_ref(const apus_attention *a, size_t begin, const float *query, float *scores, const int type) {
    for (size_t p = begin; p < a->position_count; p++) {
        const uint8_t *keys = apus_cache_keys(a, p, type);
        float sum = 0;
        for (size_t i = 0; i < a->head_size; i++) {
            sum += query[i] * apus_cache_element(keys, i * a->tokens_per_page, type);
        }
        scores[p] = sum * a->scale;
        if (type == APUS_CACHE_INT8) {
            scores[p] *= apus_float_of_half(*apus_cache_key_scales(a, p));
        }
    }
    if (a->soft_cap > 0) {
        apus_soft_cap_ref(a->position_count - begin, a->soft_cap, scores + begin);
    }
    apus_softmax_ref(a->position_count - begin, scores + begin);
    if (type == APUS_CACHE_INT8) {
        for (size_t p = begin; p < a->position_count; p++) {
            scores[p] *= apus_float_of_half(*apus_cache_value_scales(a, p));
        }
    }
}

APUS_INLINE void attend_ref(const apus_attention *a, const int type) {
    const size_t begin = apus_attention_begin(a);
    for (size_t g = 0; g < a->query_count; g++) {
        float *scores = a->scores + g * a->score_stride;
        float *output = a->output + g * a->output_stride;
        weigh_ref(a, begin, a->queries + g * a->query_stride, scores, type);
        for (size_t i = 0; i < a->head_size; i++) {
            output[i] = 0;
        }
        for (size_t p = begin; p < a->position_count; p++) {
            const uint8_t *values = apus_cache_values(a, p, type);
            for (size_t i = 0; i < a->head_size; i++) {
                output[i] += scores[p] * apus_cache_element(values, i, type);
            }
        }
    }
}

void apus_paged_attention_ref(const apus_attention *job) {
    const apus_attention a = *job;
    switch (a.element_type) {
    case APUS_CACHE_FLOAT32: attend_ref(&a, APUS_CACHE_FLOAT32); break;
    case APUS_CACHE_BFLOAT16: attend_ref(&a, APUS_CACHE_BFLOAT16); break;
    default: attend_ref(&a, APUS_CACHE_INT8); break;
    }
}

#if APUS_X86

// AVX-512

// Scores of `queries` heads from g on; an element of a key is read and converted once for all of them.
APUS_INLINE APUS_AVX512 void score_runs_avx512(const apus_attention *a, size_t g, const size_t queries,
                                               const apus_cache_run *runs, const size_t count, const int type) {
    const float *query = a->queries + g * a->query_stride;
    __m512 sums[4][4];
    __mmask16 masks[4];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < count; r++) {
        masks[r] = apus_mask16(runs[r].count);
#pragma clang loop unroll(full)
        for (size_t q = 0; q < queries; q++) {
            sums[q][r] = _mm512_setzero_ps();
        }
    }
    for (size_t i = 0; i < a->head_size; i++) {
        __m512 keys[4];
#pragma clang loop unroll(full)
        for (size_t r = 0; r < count; r++) {
            keys[r] = apus_cache_elements16(runs[r].keys, i * a->tokens_per_page, masks[r], type);
        }
#pragma clang loop unroll(full)
        for (size_t q = 0; q < queries; q++) {
            const __m512 value = _mm512_set1_ps(query[q * a->query_stride + i]);
#pragma clang loop unroll(full)
            for (size_t r = 0; r < count; r++) {
                sums[q][r] = _mm512_fmadd_ps(value, keys[r], sums[q][r]);
            }
        }
    }
    const __m512 scale = _mm512_set1_ps(a->scale);
#pragma clang loop unroll(full)
    for (size_t r = 0; r < count; r++) {
#pragma clang loop unroll(full)
        for (size_t q = 0; q < queries; q++) {
            __m512 scores = _mm512_mul_ps(sums[q][r], scale);
            if (type == APUS_CACHE_INT8) {
                scores = _mm512_mul_ps(scores, apus_cache_scales16(runs[r].key_scales, masks[r]));
            }
            _mm512_mask_storeu_ps(a->scores + (g + q) * a->score_stride + runs[r].position, masks[r], scores);
        }
    }
}

// Scores of all heads for up to four runs.
APUS_INLINE APUS_AVX512 void score_avx512(const apus_attention *a, const apus_cache_run *runs, const size_t count,
                                          const int type) {
    size_t g = 0;
    for (; g + 4 <= a->query_count; g += 4) {
        score_runs_avx512(a, g, 4, runs, count, type);
    }
    for (; g < a->query_count; g++) {
        score_runs_avx512(a, g, 1, runs, count, type);
    }
}

// Adds up the weighted values of all positions, `vectors` vectors from element `begin`, for `queries` heads from g on.
APUS_INLINE APUS_AVX512 void mix_avx512(const apus_attention *a, size_t g, const size_t queries, size_t begin,
                                        const size_t vectors, const int type) {
    const size_t left = a->head_size - begin;
    const __mmask16 last = apus_mask16(left < vectors * 16 ? left - (vectors - 1) * 16 : 16);
    const float *scores = a->scores + g * a->score_stride;
    __m512 sums[4][4];
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
#pragma clang loop unroll(full)
        for (size_t q = 0; q < queries; q++) {
            sums[q][v] = _mm512_setzero_ps();
        }
    }
    for (size_t p = apus_attention_begin(a); p < a->position_count;) {
        const uint8_t *values = apus_cache_values(a, p, type);
        const size_t count = apus_cache_run_at(a, p, a->position_count, a->tokens_per_page, type).count;
        for (size_t slot = 0; slot < count; slot++) {
            __m512 value[4];
#pragma clang loop unroll(full)
            for (size_t v = 0; v < vectors; v++) {
                value[v] = apus_cache_elements16(values, slot * a->head_size + begin + v * 16,
                                                 v + 1 == vectors ? last : 0xFFFF, type);
            }
#pragma clang loop unroll(full)
            for (size_t q = 0; q < queries; q++) {
                const __m512 weight = _mm512_set1_ps(scores[q * a->score_stride + p + slot]);
#pragma clang loop unroll(full)
                for (size_t v = 0; v < vectors; v++) {
                    sums[q][v] = _mm512_fmadd_ps(weight, value[v], sums[q][v]);
                }
            }
        }
        p += count;
    }
#pragma clang loop unroll(full)
    for (size_t q = 0; q < queries; q++) {
        float *output = a->output + (g + q) * a->output_stride + begin;
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++) {
            _mm512_mask_storeu_ps(output + v * 16, v + 1 == vectors ? last : 0xFFFF, sums[q][v]);
        }
    }
}

APUS_INLINE APUS_AVX512 void mix_heads_avx512(const apus_attention *a, size_t g, const size_t queries,
                                              const int type) {
    for (size_t begin = 0; begin < a->head_size; begin += 64) {
        const size_t left = a->head_size - begin;
        switch (left >= 64 ? 4 : (left + 15) / 16) {
        case 1: mix_avx512(a, g, queries, begin, 1, type); break;
        case 2: mix_avx512(a, g, queries, begin, 2, type); break;
        case 3: mix_avx512(a, g, queries, begin, 3, type); break;
        default: mix_avx512(a, g, queries, begin, 4, type); break;
        }
    }
}

APUS_INLINE APUS_AVX512 void attend_avx512(const apus_attention *a, const int type) {
    const size_t first = apus_attention_begin(a);
    size_t position = first;
    while (position < a->position_count) {
        apus_cache_run runs[4];
        switch (apus_cache_next_runs(a, &position, 16, runs, type)) {
        case 1: score_avx512(a, runs, 1, type); break;
        case 2: score_avx512(a, runs, 2, type); break;
        case 3: score_avx512(a, runs, 3, type); break;
        default: score_avx512(a, runs, 4, type); break;
        }
    }
    for (size_t g = 0; g < a->query_count; g++) {
        float *scores = a->scores + g * a->score_stride;
        if (a->soft_cap > 0) {
            apus_soft_cap_avx512(a->position_count - first, a->soft_cap, scores + first);
        }
        apus_softmax_avx512(a->position_count - first, scores + first);
        if (type == APUS_CACHE_INT8) {
            apus_cache_scale_weights_avx512(a, first, a->position_count, scores);
        }
    }
    size_t g = 0;
    for (; g + 4 <= a->query_count; g += 4) {
        mix_heads_avx512(a, g, 4, type);
    }
    for (; g < a->query_count; g++) {
        mix_heads_avx512(a, g, 1, type);
    }
}

APUS_AVX512 void apus_paged_attention_avx512(const apus_attention *job) {
    const apus_attention a = *job;
    switch (a.element_type) {
    case APUS_CACHE_FLOAT32: attend_avx512(&a, APUS_CACHE_FLOAT32); break;
    case APUS_CACHE_BFLOAT16: attend_avx512(&a, APUS_CACHE_BFLOAT16); break;
    default: attend_avx512(&a, APUS_CACHE_INT8); break;
    }
}

#endif
