// The NEON variants of paged_attention.c and paged_attention_rows.c: up to four query heads at once, which then share
// the loads of keys and values. The softmax puts position p in lane (p - begin) mod 8.

#include "paged_cache.h"
#include "vector_neon.h"

#if APUS_NEON

enum { RUNS = 4, HEADS = 4, VECTORS = 4 };

// Four elements behind `base` from `index` on, of which `count` are there; zeros, and not read, behind them.
APUS_INLINE float32x4_t elements4(const uint8_t *base, size_t index, size_t count, const int type) {
    if (type == APUS_CACHE_FLOAT32) {
        return apus_load4((const float *)base + index, count);
    }
    if (type == APUS_CACHE_BFLOAT16) {
        uint16_t words[4] = {0};
        memcpy(words, (const uint16_t *)base + index, count >= 4 ? sizeof words : count * sizeof *words);
        return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(words), 16));
    }
    int8_t bytes[8] = {0};
    memcpy(bytes, base + index, count >= 4 ? 4 : count);
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vld1_s8(bytes)))));
}

// Four scales, likewise.
APUS_INLINE float32x4_t scales4(const uint16_t *scales, size_t count) {
    uint16_t words[4] = {0};
    memcpy(words, scales, count >= 4 ? sizeof words : count * sizeof *words);
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(words)));
}

// Scores of `heads` heads from head g on. When `whole`, all runs are there and have four positions.
APUS_INLINE void score_runs(const apus_attention *a, size_t g, const size_t heads, const apus_cache_run *runs,
                            size_t count, const bool whole, const int type) {
    const float *queries = a->queries + g * a->query_stride;
    float32x4_t sums[HEADS][RUNS];
    for (size_t h = 0; h < heads; h++) {
        for (size_t r = 0; r < RUNS; r++) {
            sums[h][r] = vdupq_n_f32(0);
        }
    }
    for (size_t i = 0; i < a->head_size; i++) {
        float32x4_t keys[RUNS];
#pragma clang loop unroll(full)
        for (size_t r = 0; r < RUNS; r++) {
            const size_t there = whole ? 4 : r < count ? runs[r].count : 0;
            keys[r] = elements4(runs[r].keys, i * a->tokens_per_page, there, type);
        }
#pragma clang loop unroll(full)
        for (size_t h = 0; h < heads; h++) {
            const float32x4_t query = vdupq_n_f32(queries[h * a->query_stride + i]);
#pragma clang loop unroll(full)
            for (size_t r = 0; r < RUNS; r++) {
                sums[h][r] = vfmaq_f32(sums[h][r], query, keys[r]);
            }
        }
    }
    for (size_t h = 0; h < heads; h++) {
        for (size_t r = 0; r < count; r++) {
            float *scores = a->scores + (g + h) * a->score_stride + runs[r].position;
            float32x4_t score = vmulq_n_f32(sums[h][r], a->scale);
            if (type == APUS_CACHE_INT8) {
                score = vmulq_f32(score, scales4(runs[r].key_scales, runs[r].count));
            }
            apus_store4(scores, runs[r].count, score);
        }
    }
}

APUS_INLINE void score_heads(const apus_attention *a, size_t g, const size_t heads, const int type) {
    for (size_t position = apus_attention_begin(a); position < a->position_count;) {
        apus_cache_run runs[RUNS] = {{0}};
        const size_t count = apus_cache_next_runs(a, &position, 4, runs, type);
        bool whole = count == RUNS;
        for (size_t r = 0; r < count; r++) {
            whole = whole && runs[r].count == 4;
        }
        if (whole) {
            score_runs(a, g, heads, runs, RUNS, true, type);
        } else {
            score_runs(a, g, heads, runs, count, false, type);
        }
    }
}

// The outputs of `heads` heads from head g on: elements `begin` and on, `vectors` registers of them, the last of which
// has `last` elements.
APUS_INLINE void mix(const apus_attention *a, size_t g, const size_t heads, size_t begin, const size_t vectors,
                     const size_t last, const int type) {
    const float *scores = a->scores + g * a->score_stride;
    float32x4_t sums[HEADS][VECTORS];
#pragma clang loop unroll(full)
    for (size_t h = 0; h < heads; h++) {
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++) {
            sums[h][v] = vdupq_n_f32(0);
        }
    }
    for (size_t p = apus_attention_begin(a); p < a->position_count;) {
        const uint8_t *values = apus_cache_values(a, p, type);
        const size_t rest = a->position_count - p, left = a->tokens_per_page - p % a->tokens_per_page;
        const size_t count = rest < left ? rest : left;
        for (size_t slot = 0; slot < count; slot++) {
            float32x4_t value[VECTORS];
#pragma clang loop unroll(full)
            for (size_t v = 0; v < vectors; v++) {
                const size_t index = slot * a->head_size + begin + v * 4;
                value[v] = elements4(values, index, v + 1 == vectors ? last : 4, type);
            }
#pragma clang loop unroll(full)
            for (size_t h = 0; h < heads; h++) {
                const float32x4_t weight = vdupq_n_f32(scores[h * a->score_stride + p + slot]);
#pragma clang loop unroll(full)
                for (size_t v = 0; v < vectors; v++) {
                    sums[h][v] = vfmaq_f32(sums[h][v], weight, value[v]);
                }
            }
        }
        p += count;
    }
#pragma clang loop unroll(full)
    for (size_t h = 0; h < heads; h++) {
        float *output = a->output + (g + h) * a->output_stride + begin;
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++) {
            apus_store4(output + v * 4, v + 1 == vectors ? last : 4, sums[h][v]);
        }
    }
}

APUS_INLINE void attend_heads(const apus_attention *a, size_t g, const size_t heads, const int type) {
    const size_t first = apus_attention_begin(a);
    score_heads(a, g, heads, type);
    for (size_t h = 0; h < heads; h++) {
        float *scores = a->scores + (g + h) * a->score_stride;
        if (a->soft_cap > 0) {
            apus_soft_cap_neon(a->position_count - first, a->soft_cap, scores + first);
        }
        apus_softmax_neon(a->position_count - first, scores + first);
        for (size_t p = first; type == APUS_CACHE_INT8 && p < a->position_count;) {
            const apus_cache_run run = apus_cache_run_at(a, p, a->position_count, 4, type);
            const float32x4_t weights = apus_load4(scores + p, run.count);
            apus_store4(scores + p, run.count, vmulq_f32(weights, scales4(apus_cache_value_scales(a, p), run.count)));
            p += run.count;
        }
    }
    size_t begin = 0;
    for (; begin + 4 * VECTORS <= a->head_size; begin += 4 * VECTORS) {
        mix(a, g, heads, begin, VECTORS, 4, type);
    }
    for (; begin < a->head_size; begin += 4) {
        mix(a, g, heads, begin, 1, apus_count4(a->head_size, begin), type);
    }
}

APUS_INLINE void attend(const apus_attention *a, const int type) {
    size_t g = 0;
    for (; g + HEADS <= a->query_count; g += HEADS) {
        attend_heads(a, g, HEADS, type);
    }
    for (; g < a->query_count; g++) {
        attend_heads(a, g, 1, type);
    }
}

void apus_paged_attention_neon(const apus_attention *job) {
    const apus_attention a = *job;
    switch (a.element_type) {
    case APUS_CACHE_FLOAT32: attend(&a, APUS_CACHE_FLOAT32); break;
    case APUS_CACHE_BFLOAT16: attend(&a, APUS_CACHE_BFLOAT16); break;
    default: attend(&a, APUS_CACHE_INT8); break;
    }
}

void apus_paged_attention_rows_neon(const apus_attention_rows *job) {
    for (size_t row = 0; row < job->row_count; row++) {
        apus_attention one = job->first;
        one.queries += row * job->query_row_stride;
        one.output += row * job->output_row_stride;
        one.position_count += row;
        apus_paged_attention_neon(&one);
    }
}

#endif
