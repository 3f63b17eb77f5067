// Keeps values within -cap ... cap without a corner, in place.
//
//   x[i] = cap * tanh(x[i] / cap)
//
// x: [size].   cap > 0. No accumulator.
// Source: Gemma Team 2024 (Gemma 2), section 2, "logit soft-capping".

#include "vector_tanh.h"

#include <math.h>

void apus_soft_cap_ref(size_t size, float cap, float *x) {
    for (size_t i = 0; i < size; i++) {
        x[i] = cap * tanhf(x[i] / cap);
    }
}

#if APUS_X86

APUS_AVX2 void apus_soft_cap_avx2(size_t size, float cap, float *x) {
    const __m256 caps = _mm256_set1_ps(cap);
    for (size_t i = 0; i < size; i += 8) {
        const size_t count = size - i;
        const __m256 t = apus_tanh8(_mm256_div_ps(apus_load8(x + i, count), caps));
        apus_store8(x + i, count, _mm256_mul_ps(caps, t));
    }
}

APUS_AVX512 void apus_soft_cap_avx512(size_t size, float cap, float *x) {
    const __m512 caps = _mm512_set1_ps(cap);
    for (size_t i = 0; i < size; i += 16) {
        const __mmask16 mask = apus_mask16(size - i < 16 ? size - i : 16);
        const __m512 t = apus_tanh16(_mm512_div_ps(_mm512_maskz_loadu_ps(mask, x + i), caps));
        _mm512_mask_storeu_ps(x + i, mask, _mm512_mul_ps(caps, t));
    }
}

#endif

#if APUS_NEON

void apus_soft_cap_neon(size_t size, float cap, float *x) {
    const float32x4_t caps = vdupq_n_f32(cap);
    for (size_t i = 0; i < size; i += 4) {
        const size_t count = apus_count4(size, i);
        const float32x4_t t = apus_tanh4(vdivq_f32(apus_load4(x + i, count), caps));
        apus_store4(x + i, count, vmulq_f32(caps, t));
    }
}

#endif
