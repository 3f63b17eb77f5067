// Attention of one token over a paged cache, for the query heads that share one key/value head.
//
//   s[g, p] = cap(scale * sum over i of query[g, i] * K[p, i])       p in begin ..< position_count
//   output[g, i] = sum over p of softmax(s[g])[p] * V[p, i]
//   begin = position_count - window, or 0 where window is 0 or reaches further
//   cap(v) = soft_cap * tanh(v / soft_cap), or v where soft_cap is 0
//
// Layout of one page, for one layer and head; position p is slot p mod T of page pages[p / T], T = tokens_per_page:
//   keys   at cache + page * page_stride                : [head_size][T], transposed, so that one vector holds the
//                                                         scores of neighbouring positions and needs no sum across
//                                                         lanes
//   values at cache + page * page_stride + value_offset : [T][head_size]
//
// scores is scratch; output does not overlap anything else.
// Accumulators: float32. A score takes i = 0, 1, 2, ... in turn; an output takes p = begin, begin + 1, ... in turn; the
// softmax puts position p in lane (p - begin) mod 8 or 16. So the bits depend neither on the size of a page nor on what
// else is computed.
// Source: Kwon et al. 2023, equation 4.

#include "tiers.h"

void apus_paged_attention_ref(const apus_attention *job) {
    const apus_attention a = *job;
    const size_t begin = apus_attention_begin(&a);
    for (size_t g = 0; g < a.query_count; g++) {
        const float *query = a.queries + g * a.query_stride;
        float *scores = a.scores + g * a.score_stride;
        float *output = a.output + g * a.output_stride;
        for (size_t p = begin; p < a.position_count; p++) {
            const float *keys = a.cache + (size_t)a.pages[p / a.tokens_per_page] * a.page_stride;
            float sum = 0;
            for (size_t i = 0; i < a.head_size; i++) {
                sum += query[i] * keys[i * a.tokens_per_page + p % a.tokens_per_page];
            }
            scores[p] = sum * a.scale;
        }
        if (a.soft_cap > 0) {
            apus_soft_cap_ref(a.position_count - begin, a.soft_cap, scores + begin);
        }
        apus_softmax_ref(a.position_count - begin, scores + begin);
        for (size_t i = 0; i < a.head_size; i++) {
            output[i] = 0;
        }
        for (size_t p = begin; p < a.position_count; p++) {
            const float *values =
                a.cache + (size_t)a.pages[p / a.tokens_per_page] * a.page_stride + a.value_offset;
            for (size_t i = 0; i < a.head_size; i++) {
                output[i] += scores[p] * values[p % a.tokens_per_page * a.head_size + i];
            }
        }
    }
}

#if APUS_X86

// AVX-512

// Scores of up to `vectors` runs of up to 16 positions; runs are independent chains, so several hide the latency.
typedef struct run {
    const float *keys;  // at the run's first slot
    size_t position;
    size_t count;
} run;

// The runs of positions [position, ...) that do not cross a page, at most `limit` of them.
static size_t next_runs(const apus_attention *a, size_t *position, size_t width, size_t limit, run *runs) {
    size_t count = 0;
    while (count < limit && *position < a->position_count) {
        const size_t slot = *position % a->tokens_per_page;
        size_t length = a->tokens_per_page - slot;
        length = length < width ? length : width;
        length = length < a->position_count - *position ? length : a->position_count - *position;
        const float *page = a->cache + (size_t)a->pages[*position / a->tokens_per_page] * a->page_stride;
        runs[count++] = (run){.keys = page + slot, .position = *position, .count = length};
        *position += length;
    }
    return count;
}

APUS_INLINE APUS_AVX512 void score_runs_avx512(const apus_attention *a, const run *runs, const size_t count) {
    for (size_t g = 0; g < a->query_count; g++) {
        const float *query = a->queries + g * a->query_stride;
        __m512 sums[4];
        __mmask16 masks[4];
#pragma clang loop unroll(full)
        for (size_t r = 0; r < count; r++) {
            sums[r] = _mm512_setzero_ps();
            masks[r] = apus_mask16(runs[r].count);
        }
        for (size_t i = 0; i < a->head_size; i++) {
            const __m512 value = _mm512_set1_ps(query[i]);
#pragma clang loop unroll(full)
            for (size_t r = 0; r < count; r++) {
                const __m512 keys = _mm512_maskz_loadu_ps(masks[r], runs[r].keys + i * a->tokens_per_page);
                sums[r] = _mm512_fmadd_ps(value, keys, sums[r]);
            }
        }
        const __m512 scale = _mm512_set1_ps(a->scale);
#pragma clang loop unroll(full)
        for (size_t r = 0; r < count; r++) {
            float *scores = a->scores + g * a->score_stride + runs[r].position;
            _mm512_mask_storeu_ps(scores, masks[r], _mm512_mul_ps(sums[r], scale));
        }
    }
}

// Adds the weighted values of all positions to `vectors` vectors of one output, from element `begin`.
APUS_INLINE APUS_AVX512 void mix_avx512(const apus_attention *a, size_t g, size_t begin, const size_t vectors) {
    const size_t left = a->head_size - begin;
    const __mmask16 last = apus_mask16(left < vectors * 16 ? left - (vectors - 1) * 16 : 16);
    const float *scores = a->scores + g * a->score_stride;
    __m512 sums[4];
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
        sums[v] = _mm512_setzero_ps();
    }
    for (size_t p = apus_attention_begin(a); p < a->position_count;) {
        const size_t first = p % a->tokens_per_page;
        const float *values = a->cache + (size_t)a->pages[p / a->tokens_per_page] * a->page_stride + a->value_offset +
                              first * a->head_size + begin;
        const size_t rest = a->position_count - p;
        const size_t count = rest < a->tokens_per_page - first ? rest : a->tokens_per_page - first;
        for (size_t slot = 0; slot < count; slot++) {
            const __m512 weight = _mm512_set1_ps(scores[p + slot]);
#pragma clang loop unroll(full)
            for (size_t v = 0; v < vectors; v++) {
                const __mmask16 mask = v + 1 == vectors ? last : 0xFFFF;
                const __m512 value = _mm512_maskz_loadu_ps(mask, values + slot * a->head_size + v * 16);
                sums[v] = _mm512_fmadd_ps(weight, value, sums[v]);
            }
        }
        p += count;
    }
    float *output = a->output + g * a->output_stride + begin;
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
        _mm512_mask_storeu_ps(output + v * 16, v + 1 == vectors ? last : 0xFFFF, sums[v]);
    }
}

APUS_AVX512 void apus_paged_attention_avx512(const apus_attention *job) {
    const apus_attention a = *job;
    const size_t first = apus_attention_begin(&a);
    size_t position = first;
    while (position < a.position_count) {
        run runs[4];
        switch (next_runs(&a, &position, 16, 4, runs)) {
        case 1: score_runs_avx512(&a, runs, 1); break;
        case 2: score_runs_avx512(&a, runs, 2); break;
        case 3: score_runs_avx512(&a, runs, 3); break;
        default: score_runs_avx512(&a, runs, 4); break;
        }
    }
    for (size_t g = 0; g < a.query_count; g++) {
        float *scores = a.scores + g * a.score_stride + first;
        if (a.soft_cap > 0) {
            apus_soft_cap_avx512(a.position_count - first, a.soft_cap, scores);
        }
        apus_softmax_avx512(a.position_count - first, scores);
        for (size_t begin = 0; begin < a.head_size; begin += 64) {
            const size_t left = a.head_size - begin;
            switch (left >= 64 ? 4 : (left + 15) / 16) {
            case 1: mix_avx512(&a, g, begin, 1); break;
            case 2: mix_avx512(&a, g, begin, 2); break;
            case 3: mix_avx512(&a, g, begin, 3); break;
            default: mix_avx512(&a, g, begin, 4); break;
            }
        }
    }
}

// AVX2

APUS_INLINE APUS_AVX2 void score_runs_avx2(const apus_attention *a, const run *runs, const size_t count) {
    for (size_t g = 0; g < a->query_count; g++) {
        const float *query = a->queries + g * a->query_stride;
        __m256 sums[4];
        __m256i masks[4];
#pragma clang loop unroll(full)
        for (size_t r = 0; r < count; r++) {
            sums[r] = _mm256_setzero_ps();
            masks[r] = apus_mask8(runs[r].count);
        }
        for (size_t i = 0; i < a->head_size; i++) {
            const __m256 value = _mm256_set1_ps(query[i]);
#pragma clang loop unroll(full)
            for (size_t r = 0; r < count; r++) {
                const __m256 keys = _mm256_maskload_ps(runs[r].keys + i * a->tokens_per_page, masks[r]);
                sums[r] = _mm256_fmadd_ps(value, keys, sums[r]);
            }
        }
        const __m256 scale = _mm256_set1_ps(a->scale);
#pragma clang loop unroll(full)
        for (size_t r = 0; r < count; r++) {
            float *scores = a->scores + g * a->score_stride + runs[r].position;
            _mm256_maskstore_ps(scores, masks[r], _mm256_mul_ps(sums[r], scale));
        }
    }
}

APUS_INLINE APUS_AVX2 void mix_avx2(const apus_attention *a, size_t g, size_t begin, const size_t vectors) {
    const size_t left = a->head_size - begin;
    const __m256i all = apus_mask8(8);
    const __m256i last = apus_mask8(left < vectors * 8 ? left - (vectors - 1) * 8 : 8);
    const float *scores = a->scores + g * a->score_stride;
    __m256 sums[4];
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
        sums[v] = _mm256_setzero_ps();
    }
    for (size_t p = apus_attention_begin(a); p < a->position_count;) {
        const size_t first = p % a->tokens_per_page;
        const float *values = a->cache + (size_t)a->pages[p / a->tokens_per_page] * a->page_stride + a->value_offset +
                              first * a->head_size + begin;
        const size_t rest = a->position_count - p;
        const size_t count = rest < a->tokens_per_page - first ? rest : a->tokens_per_page - first;
        for (size_t slot = 0; slot < count; slot++) {
            const __m256 weight = _mm256_set1_ps(scores[p + slot]);
#pragma clang loop unroll(full)
            for (size_t v = 0; v < vectors; v++) {
                const __m256i mask = v + 1 == vectors ? last : all;
                const __m256 value = _mm256_maskload_ps(values + slot * a->head_size + v * 8, mask);
                sums[v] = _mm256_fmadd_ps(weight, value, sums[v]);
            }
        }
        p += count;
    }
    float *output = a->output + g * a->output_stride + begin;
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
        _mm256_maskstore_ps(output + v * 8, v + 1 == vectors ? last : all, sums[v]);
    }
}

APUS_AVX2 void apus_paged_attention_avx2(const apus_attention *job) {
    const apus_attention a = *job;
    const size_t first = apus_attention_begin(&a);
    size_t position = first;
    while (position < a.position_count) {
        run runs[4];
        switch (next_runs(&a, &position, 8, 4, runs)) {
        case 1: score_runs_avx2(&a, runs, 1); break;
        case 2: score_runs_avx2(&a, runs, 2); break;
        case 3: score_runs_avx2(&a, runs, 3); break;
        default: score_runs_avx2(&a, runs, 4); break;
        }
    }
    for (size_t g = 0; g < a.query_count; g++) {
        float *scores = a.scores + g * a.score_stride + first;
        if (a.soft_cap > 0) {
            apus_soft_cap_avx2(a.position_count - first, a.soft_cap, scores);
        }
        apus_softmax_avx2(a.position_count - first, scores);
        for (size_t begin = 0; begin < a.head_size; begin += 32) {
            const size_t left = a.head_size - begin;
            switch (left >= 32 ? 4 : (left + 7) / 8) {
            case 1: mix_avx2(&a, g, begin, 1); break;
            case 2: mix_avx2(&a, g, begin, 2); break;
            case 3: mix_avx2(&a, g, begin, 3); break;
            default: mix_avx2(&a, g, begin, 4); break;
            }
        }
    }
}

#endif
