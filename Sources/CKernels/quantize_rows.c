// Quantises rows of activations to eight bits, group by group.
//
//   scale[m, g] = max |x| / 127 over the group
//   q[m, k]     = x[m, k] * (127 / max |x|), to the nearest, ties to even
//   sum[m, g]   = sum of q over the group
//
// x: [rows, depth], rows x_stride apart. q: [rows, padded], rows padded apart, where padded is depth rounded up to
// whole groups of 32, 64 or 128, the rest zeros. scale, sum: [rows, padded / group]. A group of zeros has the scale 0.
// Every tier gives the same bits.

#include "packed_tiles.h"

// One group of `count` values, of which the group has `group`.
APUS_INLINE void quantize_group(size_t count, size_t group, const float *x, int8_t *q, float *scale, int32_t *sum) {
    float largest = 0;
    for (size_t k = 0; k < count; k++) {
        const float magnitude = fabsf(x[k]);
        largest = magnitude > largest ? magnitude : largest;
    }
    const float factor = largest > 0 ? 127.0f / largest : 0;
    *scale = largest / 127.0f;
    int32_t total = 0;
    for (size_t k = 0; k < group; k++) {
        const float scaled = k < count ? rintf(x[k] * factor) : 0;
        // Also keeps what is not a number out of the conversion.
        q[k] = scaled >= -127 ? (scaled <= 127 ? (int8_t)scaled : 127) : -127;
        total += q[k];
    }
    *sum = total;
}

APUS_INLINE void quantize_all(size_t rows, size_t depth, size_t group, const float *x, size_t x_stride, int8_t *q,
                              float *scales, int32_t *sums) {
    const size_t group_count = (depth + group - 1) / group;
    for (size_t m = 0; m < rows; m++) {
        for (size_t g = 0; g < group_count; g++) {
            const size_t begin = g * group;
            const size_t count = depth - begin < group ? depth - begin : group;
            quantize_group(count, group, x + m * x_stride + begin, q + (m * group_count + g) * group,
                           scales + m * group_count + g, sums + m * group_count + g);
        }
    }
}

void apus_quantize_rows_ref(size_t rows, size_t depth, size_t group, const float *x, size_t x_stride, int8_t *q,
                            float *scales, int32_t *sums) {
    quantize_all(rows, depth, group, x, x_stride, q, scales, sums);
}

#if APUS_X86

// A group of `vectors` times 16 values, the first `count` of which are there.
APUS_INLINE APUS_AVX512 void quantize_group_avx512(const float *x, size_t count, const size_t vectors, int8_t *q,
                                                   float *scale, int32_t *sum) {
    __m512 values[8];
    __m512 largest = _mm512_setzero_ps();
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
        const size_t left = count > v * 16 ? count - v * 16 : 0;
        values[v] = _mm512_maskz_loadu_ps(apus_mask16(left < 16 ? left : 16), x + v * 16);
        // The maximum of a NaN and a number is the second operand: a NaN is passed over, as in the reference.
        largest = _mm512_max_ps(_mm512_abs_ps(values[v]), largest);
    }
    const float maximum = apus_max16(largest);
    const __m512 factor = _mm512_set1_ps(maximum > 0 ? 127.0f / maximum : 0);
    __m512i total = _mm512_setzero_si512();
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
        // Max and min give their second operand for a NaN, so it becomes -127 here too. The conversion rounds.
        __m512 scaled = _mm512_max_ps(_mm512_mul_ps(values[v], factor), _mm512_set1_ps(-127.0f));
        const __m512i whole = _mm512_cvtps_epi32(_mm512_min_ps(scaled, _mm512_set1_ps(127.0f)));
        total = _mm512_add_epi32(total, whole);
        _mm_storeu_si128((__m128i *)(q + v * 16), _mm512_cvtepi32_epi8(whole));
    }
    *scale = maximum / 127.0f;
    *sum = _mm512_reduce_add_epi32(total);
}

APUS_AVX512 void apus_quantize_rows_avx512(size_t rows, size_t depth, size_t group, const float *x, size_t x_stride,
                                           int8_t *q, float *scales, int32_t *sums) {
    const size_t group_count = (depth + group - 1) / group;
    for (size_t m = 0; m < rows; m++) {
        for (size_t g = 0; g < group_count; g++) {
            const float *values = x + m * x_stride + g * group;
            int8_t *to = q + (m * group_count + g) * group;
            float *scale = scales + m * group_count + g;
            int32_t *sum = sums + m * group_count + g;
            const size_t count = depth - g * group < group ? depth - g * group : group;
            if (group == 128 && count == 128) {
                quantize_group_avx512(values, 128, 8, to, scale, sum);
            } else if (group == 64 && count == 64) {
                quantize_group_avx512(values, 64, 4, to, scale, sum);
            } else if (group == 128) {
                quantize_group_avx512(values, count, 8, to, scale, sum);
            } else if (group == 64) {
                quantize_group_avx512(values, count, 4, to, scale, sum);
            } else {
                quantize_group_avx512(values, count, 2, to, scale, sum);
            }
        }
    }
}

// The reference again, for this instruction set: the compiler finds the vectors in it.
APUS_AVX2 void apus_quantize_rows_avx2(size_t rows, size_t depth, size_t group, const float *x, size_t x_stride,
                                       int8_t *q, float *scales, int32_t *sums) {
    quantize_all(rows, depth, group, x, x_stride, q, scales, sums);
}

#endif

#if APUS_NEON

// A whole group.
APUS_INLINE void quantize_group_neon(size_t group, const float *x, int8_t *q, float *scale, int32_t *sum) {
    float32x4_t maxima = vdupq_n_f32(0);
    for (size_t k = 0; k < group; k += 4) {
        // By comparison, so that a NaN is passed over, as in the reference.
        const float32x4_t magnitude = vabsq_f32(vld1q_f32(x + k));
        maxima = vbslq_f32(vcgtq_f32(magnitude, maxima), magnitude, maxima);
    }
    const float largest = vmaxvq_f32(maxima);
    const float32x4_t factor = vdupq_n_f32(largest > 0 ? 127.0f / largest : 0);
    const float32x4_t low = vdupq_n_f32(-127), high = vdupq_n_f32(127);
    int32x4_t totals = vdupq_n_s32(0);
    for (size_t k = 0; k < group; k += 8) {
        int32x4_t whole[2];
        for (size_t h = 0; h < 2; h++) {
            float32x4_t scaled = vrndnq_f32(vmulq_f32(vld1q_f32(x + k + h * 4), factor));
            scaled = vbslq_f32(vcgeq_f32(scaled, low), scaled, low);
            whole[h] = vcvtq_s32_f32(vminq_f32(scaled, high));
            totals = vaddq_s32(totals, whole[h]);
        }
        vst1_s8(q + k, vmovn_s16(vcombine_s16(vmovn_s32(whole[0]), vmovn_s32(whole[1]))));
    }
    *scale = largest / 127.0f;
    *sum = vaddvq_s32(totals);
}

void apus_quantize_rows_neon(size_t rows, size_t depth, size_t group, const float *x, size_t x_stride, int8_t *q,
                             float *scales, int32_t *sums) {
    const size_t group_count = (depth + group - 1) / group;
    for (size_t m = 0; m < rows; m++) {
        for (size_t g = 0; g < group_count; g++) {
            const float *values = x + m * x_stride + g * group;
            int8_t *to = q + (m * group_count + g) * group;
            float *scale = scales + m * group_count + g;
            int32_t *sum = sums + m * group_count + g;
            const size_t count = depth - g * group < group ? depth - g * group : group;
            if (count == group) {
                quantize_group_neon(group, values, to, scale, sum);
            } else {
                quantize_group(count, group, values, to, scale, sum);
            }
        }
    }
}

#endif
