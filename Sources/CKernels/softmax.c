// Softmax of one row, in place.
//
//   x[i] = exp(x[i] - max) / sum over j of exp(x[j] - max)
//
// x: [size], size >= 1. Subtracting the maximum keeps every exponential in 0 ... 1.
// Accumulator: float64 in the reference; one float32 a lane in the variants, element i in lane i mod 8 or 16.

#include "vector_neon.h"

#include <math.h>

void apus_softmax_ref(size_t size, float *x) {
    float maximum = x[0];
    for (size_t i = 1; i < size; i++) {
        maximum = x[i] > maximum ? x[i] : maximum;
    }
    double sum = 0;
    for (size_t i = 0; i < size; i++) {
        x[i] = expf(x[i] - maximum);
        sum += x[i];
    }
    const float factor = (float)(1 / sum);
    for (size_t i = 0; i < size; i++) {
        x[i] *= factor;
    }
}

#if APUS_X86

APUS_AVX2 void apus_softmax_avx2(size_t size, float *x) {
    __m256 maxima = _mm256_set1_ps(x[0]);
    for (size_t i = 0; i < size; i += 8) {
        const __m256i mask = apus_mask8(size - i < 8 ? size - i : 8);
        const __m256 v = _mm256_maskload_ps(x + i, mask);
        maxima = _mm256_blendv_ps(maxima, _mm256_max_ps(maxima, v), _mm256_castsi256_ps(mask));
    }
    const __m256 maximum = _mm256_set1_ps(apus_max8(maxima));
    __m256 sums = _mm256_setzero_ps();
    for (size_t i = 0; i < size; i += 8) {
        const __m256i mask = apus_mask8(size - i < 8 ? size - i : 8);
        const __m256 e = apus_exp8(_mm256_sub_ps(_mm256_maskload_ps(x + i, mask), maximum));
        apus_store8(x + i, size - i, e);
        sums = _mm256_add_ps(sums, _mm256_and_ps(e, _mm256_castsi256_ps(mask)));
    }
    const __m256 factor = _mm256_set1_ps(1 / apus_sum8(sums));
    for (size_t i = 0; i < size; i += 8) {
        const size_t count = size - i;
        apus_store8(x + i, count, _mm256_mul_ps(apus_load8(x + i, count), factor));
    }
}

APUS_AVX512 void apus_softmax_avx512(size_t size, float *x) {
    __m512 maxima = _mm512_set1_ps(x[0]);
    for (size_t i = 0; i < size; i += 16) {
        const __mmask16 mask = apus_mask16(size - i < 16 ? size - i : 16);
        maxima = _mm512_mask_max_ps(maxima, mask, maxima, _mm512_maskz_loadu_ps(mask, x + i));
    }
    const __m512 maximum = _mm512_set1_ps(apus_max16(maxima));
    __m512 sums = _mm512_setzero_ps();
    for (size_t i = 0; i < size; i += 16) {
        const __mmask16 mask = apus_mask16(size - i < 16 ? size - i : 16);
        const __m512 e = apus_exp16(_mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + i), maximum));
        _mm512_mask_storeu_ps(x + i, mask, e);
        sums = _mm512_mask_add_ps(sums, mask, sums, e);
    }
    const __m512 factor = _mm512_set1_ps(1 / apus_sum16(sums));
    for (size_t i = 0; i < size; i += 16) {
        const __mmask16 mask = apus_mask16(size - i < 16 ? size - i : 16);
        _mm512_mask_storeu_ps(x + i, mask, _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + i), factor));
    }
}

#endif

#if APUS_NEON

void apus_softmax_neon(size_t size, float *x) {
    float32x4_t maxima = vdupq_n_f32(x[0]);
    for (size_t i = 0; i < size; i += 4) {
        const size_t count = apus_count4(size, i);
        maxima = vmaxq_f32(maxima, vbslq_f32(apus_mask4(count), apus_load4(x + i, count), maxima));
    }
    const float32x4_t maximum = vdupq_n_f32(vmaxvq_f32(maxima));
    float32x4_t sums[2] = {vdupq_n_f32(0), vdupq_n_f32(0)};
    for (size_t i = 0; i < size; i += 8) {
        for (size_t h = 0; h < 2; h++) {
            float *at = x + i + h * 4;
            const size_t count = apus_count4(size, i + h * 4);
            const float32x4_t e = apus_exp4(vsubq_f32(apus_load4(at, count), maximum));
            apus_store4(at, count, e);
            sums[h] = vaddq_f32(sums[h], vbslq_f32(apus_mask4(count), e, vdupq_n_f32(0)));
        }
    }
    const float factor = 1 / apus_sum4x2(sums[0], sums[1]);
    for (size_t i = 0; i < size; i += 4) {
        const size_t count = apus_count4(size, i);
        apus_store4(x + i, count, vmulq_n_f32(apus_load4(x + i, count), factor));
    }
}

#endif
