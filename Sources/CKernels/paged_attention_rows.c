// Attention of several neighbouring tokens of one sequence: paged_attention.c for each of them, with the same bits.
//
// Row r has its queries query_row_stride floats behind those of the row before, its output likewise, and attends to one
// position more. What differs is only that keys and values are read once for many query vectors: a tile of twelve, in
// registers, for the scores, and of six for the outputs. Every sum takes its terms in the same order as there.
//
// The window moves on with the rows: each row has its own first position.
//
// Scratch: first.scores [APUS_ATTENTION_TILE, score_stride], score_stride at least the positions of the last row;
// packed_queries [head_size, APUS_ATTENTION_TILE].

#include "paged_cache.h"

// The job of one row.
APUS_INLINE apus_attention job_of_row(const apus_attention_rows *job, size_t row) {
    apus_attention one = job->first;
    one.queries += row * job->query_row_stride;
    one.output += row * job->output_row_stride;
    one.position_count += row;
    return one;
}

void apus_paged_attention_rows_ref(const apus_attention_rows *job) {
    for (size_t row = 0; row < job->row_count; row++) {
        const apus_attention one = job_of_row(job, row);
        apus_paged_attention_ref(&one);
    }
}

#if APUS_X86

void apus_paged_attention_rows_avx2(const apus_attention_rows *job) {
    for (size_t row = 0; row < job->row_count; row++) {
        const apus_attention one = job_of_row(job, row);
        apus_paged_attention_avx2(&one);
    }
}

// AVX-512. A query vector is one head of one row; vector v is head v mod query_count of row v / query_count.

enum { TILE = APUS_ATTENTION_TILE, MIX = TILE / 2 };

// Scores of a tile of query vectors for one or two runs.
APUS_INLINE APUS_AVX512 void score_tile(const apus_attention *a, const float *queries, const apus_cache_run *runs,
                                        const size_t count, const int type) {
    __m512 sums[TILE][2];
    __mmask16 masks[2];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < count; r++) {
        masks[r] = apus_mask16(runs[r].count);
    }
#pragma clang loop unroll(full)
    for (size_t q = 0; q < TILE; q++) {
        sums[q][0] = sums[q][1] = _mm512_setzero_ps();
    }
    for (size_t i = 0; i < a->head_size; i++) {
        __m512 keys[2];
#pragma clang loop unroll(full)
        for (size_t r = 0; r < count; r++) {
            keys[r] = apus_cache_elements16(runs[r].keys, i * a->tokens_per_page, masks[r], type);
        }
#pragma clang loop unroll(full)
        for (size_t q = 0; q < TILE; q++) {
            const __m512 query = _mm512_set1_ps(queries[i * TILE + q]);
#pragma clang loop unroll(full)
            for (size_t r = 0; r < count; r++) {
                sums[q][r] = _mm512_fmadd_ps(query, keys[r], sums[q][r]);
            }
        }
    }
    const __m512 scale = _mm512_set1_ps(a->scale);
#pragma clang loop unroll(full)
    for (size_t q = 0; q < TILE; q++) {
#pragma clang loop unroll(full)
        for (size_t r = 0; r < count; r++) {
            __m512 scores = _mm512_mul_ps(sums[q][r], scale);
            if (type == APUS_CACHE_INT8) {
                scores = _mm512_mul_ps(scores, apus_cache_scales16(runs[r].key_scales, masks[r]));
            }
            _mm512_mask_storeu_ps(a->scores + q * a->score_stride + runs[r].position, masks[r], scores);
        }
    }
}

// A place where the weighted values of one query vector are added up.
typedef struct mixture {
    const float *weights;  // by position
    float *output;
    size_t position_begin;
    size_t position_count;
} mixture;

// Adds positions [begin, end) to `vectors` registers of `count` outputs, from element `offset`.
APUS_INLINE APUS_AVX512 void add_values(const apus_attention *a, const mixture *mixtures, size_t begin, size_t end,
                                        size_t offset, const size_t count, const size_t vectors, __mmask16 last,
                                        __m512 sums[MIX][4], const int type) {
    for (size_t p = begin; p < end;) {
        const uint8_t *values = apus_cache_values(a, p, type);
        const size_t length = apus_cache_run_at(a, p, end, a->tokens_per_page, type).count;
        for (size_t i = 0; i < length; i++) {
            __m512 value[4];
#pragma clang loop unroll(full)
            for (size_t v = 0; v < vectors; v++) {
                value[v] = apus_cache_elements16(values, i * a->head_size + offset + v * 16,
                                                 v + 1 == vectors ? last : 0xFFFF, type);
            }
#pragma clang loop unroll(full)
            for (size_t m = 0; m < count; m++) {
                const __m512 weight = _mm512_set1_ps(mixtures[m].weights[p + i]);
#pragma clang loop unroll(full)
                for (size_t v = 0; v < vectors; v++) {
                    sums[m][v] = _mm512_fmadd_ps(weight, value[v], sums[m][v]);
                }
            }
        }
        p += length;
    }
}

// The outputs of `count` query vectors, `vectors` registers of each.
APUS_INLINE APUS_AVX512 void mix_vectors(const apus_attention *a, const mixture *mixtures, size_t offset,
                                         const size_t count, const size_t vectors, const int type) {
    const size_t left = a->head_size - offset;
    const __mmask16 last = apus_mask16(left < vectors * 16 ? left - (vectors - 1) * 16 : 16);
    __m512 sums[MIX][4];
    // Vectors are in the order of their rows: the last one begins last, the first one ends first.
    const size_t common_begin = mixtures[count - 1].position_begin;
    const size_t common_end =
        mixtures[0].position_count > common_begin ? mixtures[0].position_count : common_begin;
#pragma clang loop unroll(full)
    for (size_t m = 0; m < count; m++) {
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++) {
            sums[m][v] = _mm512_setzero_ps();
        }
    }
#pragma clang loop unroll(full)
    for (size_t m = 0; m < count; m++) {
        const size_t end = mixtures[m].position_count < common_begin ? mixtures[m].position_count : common_begin;
        add_values(a, mixtures + m, mixtures[m].position_begin, end, offset, 1, vectors, last, sums + m, type);
    }
    add_values(a, mixtures, common_begin, common_end, offset, count, vectors, last, sums, type);
#pragma clang loop unroll(full)
    for (size_t m = 0; m < count; m++) {
        add_values(a, mixtures + m, common_end, mixtures[m].position_count, offset, 1, vectors, last, sums + m, type);
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++) {
            _mm512_mask_storeu_ps(mixtures[m].output + offset + v * 16, v + 1 == vectors ? last : 0xFFFF, sums[m][v]);
        }
    }
}

APUS_INLINE APUS_AVX512 void mix(const apus_attention *a, const mixture *mixtures, size_t count, const int type) {
    for (size_t offset = 0; offset < a->head_size; offset += 64) {
        const size_t left = a->head_size - offset;
        const size_t vectors = left >= 64 ? 4 : (left + 15) / 16;
        if (count == MIX && vectors == 4) {
            mix_vectors(a, mixtures, offset, MIX, 4, type);
            continue;
        }
        for (size_t m = 0; m < count; m++) {
            switch (vectors) {
            case 1: mix_vectors(a, mixtures + m, offset, 1, 1, type); break;
            case 2: mix_vectors(a, mixtures + m, offset, 1, 2, type); break;
            case 3: mix_vectors(a, mixtures + m, offset, 1, 3, type); break;
            default: mix_vectors(a, mixtures + m, offset, 1, 4, type); break;
            }
        }
    }
}

// Query vectors [begin, end) of a job, at most a tile of them.
APUS_INLINE APUS_AVX512 void attend_tile(const apus_attention_rows *job, size_t begin, size_t end, const int type) {
    const apus_attention *a = &job->first;
    mixture mixtures[TILE];
    size_t position_count = 0;
    const apus_attention first = job_of_row(job, begin / a->query_count);
    for (size_t q = 0; q < TILE; q++) {
        // Behind the last vector it is computed once more.
        const size_t v = begin + q < end ? begin + q : end - 1;
        const size_t row = v / a->query_count, head = v % a->query_count;
        const float *query = a->queries + row * job->query_row_stride + head * a->query_stride;
        for (size_t i = 0; i < a->head_size; i++) {
            job->packed_queries[i * TILE + q] = query[i];
        }
        const apus_attention one = job_of_row(job, row);
        position_count = one.position_count;
        mixtures[q] = (mixture){a->scores + q * a->score_stride, one.output + head * a->output_stride,
                                apus_attention_begin(&one), position_count};
    }
    for (size_t p = apus_attention_begin(&first); p < position_count;) {
        apus_cache_run runs[2] = {apus_cache_run_at(a, p, position_count, 16, type)};
        p += runs[0].count;
        if (p < position_count) {
            runs[1] = apus_cache_run_at(a, p, position_count, 16, type);
            p += runs[1].count;
            score_tile(a, job->packed_queries, runs, 2, type);
        } else {
            score_tile(a, job->packed_queries, runs, 1, type);
        }
    }
    for (size_t q = 0; q < end - begin; q++) {
        const size_t first_position = mixtures[q].position_begin;
        const size_t count = mixtures[q].position_count - first_position;
        float *scores = a->scores + q * a->score_stride;
        if (a->soft_cap > 0) {
            apus_soft_cap_avx512(count, a->soft_cap, scores + first_position);
        }
        apus_softmax_avx512(count, scores + first_position);
        if (type == APUS_CACHE_INT8) {
            apus_cache_scale_weights_avx512(a, first_position, mixtures[q].position_count, scores);
        }
    }
    for (size_t q = 0; q < end - begin; q += MIX) {
        mix(a, mixtures + q, end - begin - q < MIX ? end - begin - q : MIX, type);
    }
}

APUS_INLINE APUS_AVX512 void attend_rows(const apus_attention_rows *job, const int type) {
    const size_t vectors = job->row_count * job->first.query_count;
    for (size_t begin = 0; begin < vectors; begin += TILE) {
        attend_tile(job, begin, begin + TILE < vectors ? begin + TILE : vectors, type);
    }
}

APUS_AVX512 void apus_paged_attention_rows_avx512(const apus_attention_rows *job) {
    switch (job->first.element_type) {
    case APUS_CACHE_FLOAT32: attend_rows(job, APUS_CACHE_FLOAT32); break;
    case APUS_CACHE_BFLOAT16: attend_rows(job, APUS_CACHE_BFLOAT16); break;
    default: attend_rows(job, APUS_CACHE_INT8); break;
    }
}

#endif
