// paged_attention.c for AVX2: the same sums in the same order, eight lanes wide and two query heads at a time.

#include "paged_cache.h"

#if APUS_X86

// Scores of `queries` heads from g on; an element of a key is read and converted once for all of them.
APUS_INLINE APUS_AVX2 void score_runs(const apus_attention *a, size_t g, const size_t queries,
                                      const apus_cache_run *runs, const size_t count, const int type) {
    const float *query = a->queries + g * a->query_stride;
    __m256 sums[2][4];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < count; r++) {
#pragma clang loop unroll(full)
        for (size_t q = 0; q < queries; q++) {
            sums[q][r] = _mm256_setzero_ps();
        }
    }
    for (size_t i = 0; i < a->head_size; i++) {
        __m256 keys[4];
#pragma clang loop unroll(full)
        for (size_t r = 0; r < count; r++) {
            keys[r] = apus_cache_elements8(runs[r].keys, i * a->tokens_per_page, runs[r].count, type);
        }
#pragma clang loop unroll(full)
        for (size_t q = 0; q < queries; q++) {
            const __m256 value = _mm256_set1_ps(query[q * a->query_stride + i]);
#pragma clang loop unroll(full)
            for (size_t r = 0; r < count; r++) {
                sums[q][r] = _mm256_fmadd_ps(value, keys[r], sums[q][r]);
            }
        }
    }
    const __m256 scale = _mm256_set1_ps(a->scale);
#pragma clang loop unroll(full)
    for (size_t r = 0; r < count; r++) {
#pragma clang loop unroll(full)
        for (size_t q = 0; q < queries; q++) {
            __m256 scores = _mm256_mul_ps(sums[q][r], scale);
            if (type == APUS_CACHE_INT8) {
                scores = _mm256_mul_ps(scores, apus_cache_scales8(runs[r].key_scales, runs[r].count));
            }
            apus_store8(a->scores + (g + q) * a->score_stride + runs[r].position, runs[r].count, scores);
        }
    }
}

// Scores of all heads for up to four runs.
APUS_INLINE APUS_AVX2 void score(const apus_attention *a, const apus_cache_run *runs, const size_t count,
                                 const int type) {
    size_t g = 0;
    for (; g + 2 <= a->query_count; g += 2) {
        score_runs(a, g, 2, runs, count, type);
    }
    if (g < a->query_count) {
        score_runs(a, g, 1, runs, count, type);
    }
}

// Adds up the weighted values of all positions, `vectors` vectors from element `begin`, for `queries` heads from g on.
APUS_INLINE APUS_AVX2 void mix(const apus_attention *a, size_t g, const size_t queries, size_t begin,
                               const size_t vectors, const int type) {
    const size_t left = a->head_size - begin;
    const size_t last = left < vectors * 8 ? left - (vectors - 1) * 8 : 8;
    const float *scores = a->scores + g * a->score_stride;
    __m256 sums[2][4];
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
#pragma clang loop unroll(full)
        for (size_t q = 0; q < queries; q++) {
            sums[q][v] = _mm256_setzero_ps();
        }
    }
    for (size_t p = apus_attention_begin(a); p < a->position_count;) {
        const uint8_t *values = apus_cache_values(a, p, type);
        const size_t count = apus_cache_run_at(a, p, a->position_count, a->tokens_per_page, type).count;
        for (size_t slot = 0; slot < count; slot++) {
            __m256 value[4];
#pragma clang loop unroll(full)
            for (size_t v = 0; v < vectors; v++) {
                value[v] = apus_cache_elements8(values, slot * a->head_size + begin + v * 8,
                                                v + 1 == vectors ? last : 8, type);
            }
#pragma clang loop unroll(full)
            for (size_t q = 0; q < queries; q++) {
                const __m256 weight = _mm256_set1_ps(scores[q * a->score_stride + p + slot]);
#pragma clang loop unroll(full)
                for (size_t v = 0; v < vectors; v++) {
                    sums[q][v] = _mm256_fmadd_ps(weight, value[v], sums[q][v]);
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
            apus_store8(output + v * 8, v + 1 == vectors ? last : 8, sums[q][v]);
        }
    }
}

APUS_INLINE APUS_AVX2 void mix_heads(const apus_attention *a, size_t g, const size_t queries, const int type) {
    for (size_t begin = 0; begin < a->head_size; begin += 32) {
        const size_t left = a->head_size - begin;
        switch (left >= 32 ? 4 : (left + 7) / 8) {
        case 1: mix(a, g, queries, begin, 1, type); break;
        case 2: mix(a, g, queries, begin, 2, type); break;
        case 3: mix(a, g, queries, begin, 3, type); break;
        default: mix(a, g, queries, begin, 4, type); break;
        }
    }
}

APUS_INLINE APUS_AVX2 void attend(const apus_attention *a, const int type) {
    const size_t first = apus_attention_begin(a);
    size_t position = first;
    while (position < a->position_count) {
        apus_cache_run runs[4];
        switch (apus_cache_next_runs(a, &position, 8, runs, type)) {
        case 1: score(a, runs, 1, type); break;
        case 2: score(a, runs, 2, type); break;
        case 3: score(a, runs, 3, type); break;
        default: score(a, runs, 4, type); break;
        }
    }
    for (size_t g = 0; g < a->query_count; g++) {
        float *scores = a->scores + g * a->score_stride;
        if (a->soft_cap > 0) {
            apus_soft_cap_avx2(a->position_count - first, a->soft_cap, scores + first);
        }
        apus_softmax_avx2(a->position_count - first, scores + first);
        if (type == APUS_CACHE_INT8) {
            apus_cache_scale_weights_avx2(a, first, a->position_count, scores);
        }
    }
    size_t g = 0;
    for (; g + 2 <= a->query_count; g += 2) {
        mix_heads(a, g, 2, type);
    }
    if (g < a->query_count) {
        mix_heads(a, g, 1, type);
    }
}

APUS_AVX2 void apus_paged_attention_avx2(const apus_attention *job) {
    const apus_attention a = *job;
    switch (a.element_type) {
    case APUS_CACHE_FLOAT32: attend(&a, APUS_CACHE_FLOAT32); break;
    case APUS_CACHE_BFLOAT16: attend(&a, APUS_CACHE_BFLOAT16); break;
    default: attend(&a, APUS_CACHE_INT8); break;
    }
}

#endif
