// Inner product.
//
//   sum over i of x[i] * y[i]
//
// x, y: [size]; may be the same. Accumulator: float64 in the reference; in the variants one float32 a lane, element i
// in lane i mod 8 or 16.

#include "vector_neon.h"

float apus_dot_ref(size_t size, const float *x, const float *y) {
    double sum = 0;
    for (size_t i = 0; i < size; i++) {
        sum += (double)x[i] * y[i];
    }
    return (float)sum;
}

#if APUS_X86

APUS_AVX2 float apus_dot_avx2(size_t size, const float *x, const float *y) {
    __m256 sums = _mm256_setzero_ps();
    for (size_t i = 0; i < size; i += 8) {
        const size_t count = size - i;
        sums = _mm256_fmadd_ps(apus_load8(x + i, count), apus_load8(y + i, count), sums);
    }
    return apus_sum8(sums);
}

APUS_AVX512 float apus_dot_avx512(size_t size, const float *x, const float *y) {
    __m512 sums = _mm512_setzero_ps();
    for (size_t i = 0; i < size; i += 16) {
        const __mmask16 mask = apus_mask16(size - i < 16 ? size - i : 16);
        sums = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, x + i), _mm512_maskz_loadu_ps(mask, y + i), sums);
    }
    return apus_sum16(sums);
}

#endif

#if APUS_NEON

float apus_dot_neon(size_t size, const float *x, const float *y) {
    float32x4_t sums[2] = {vdupq_n_f32(0), vdupq_n_f32(0)};
    for (size_t i = 0; i < size; i += 8) {
        for (size_t h = 0; h < 2; h++) {
            const size_t count = apus_count4(size, i + h * 4);
            sums[h] = vfmaq_f32(sums[h], apus_load4(x + i + h * 4, count), apus_load4(y + i + h * 4, count));
        }
    }
    return apus_sum4x2(sums[0], sums[1]);
}

#endif
