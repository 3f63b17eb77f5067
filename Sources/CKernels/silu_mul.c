// The gate of SwiGLU.
//
//   y[i] = gate[i] / (1 + exp(-gate[i])) * up[i]
//
// gate, up, y: [size]; y may be gate or up itself. No accumulator.
// Source: Shazeer 2020, equation 6.

#include "vector_neon.h"

#include <math.h>

void apus_silu_mul_ref(size_t size, const float *gate, const float *up, float *y) {
    for (size_t i = 0; i < size; i++) {
        y[i] = gate[i] / (1 + expf(-gate[i])) * up[i];
    }
}

#if APUS_X86

APUS_AVX2 void apus_silu_mul_avx2(size_t size, const float *gate, const float *up, float *y) {
    const __m256 one = _mm256_set1_ps(1);
    for (size_t i = 0; i < size; i += 8) {
        const size_t count = size - i;
        const __m256 g = apus_load8(gate + i, count);
        const __m256 e = apus_exp8(_mm256_sub_ps(_mm256_setzero_ps(), g));
        const __m256 silu = _mm256_div_ps(g, _mm256_add_ps(one, e));
        apus_store8(y + i, count, _mm256_mul_ps(silu, apus_load8(up + i, count)));
    }
}

APUS_AVX512 void apus_silu_mul_avx512(size_t size, const float *gate, const float *up, float *y) {
    const __m512 one = _mm512_set1_ps(1);
    for (size_t i = 0; i < size; i += 16) {
        const __mmask16 mask = apus_mask16(size - i < 16 ? size - i : 16);
        const __m512 g = _mm512_maskz_loadu_ps(mask, gate + i);
        const __m512 e = apus_exp16(_mm512_sub_ps(_mm512_setzero_ps(), g));
        const __m512 silu = _mm512_div_ps(g, _mm512_add_ps(one, e));
        _mm512_mask_storeu_ps(y + i, mask, _mm512_mul_ps(silu, _mm512_maskz_loadu_ps(mask, up + i)));
    }
}

#endif

#if APUS_NEON

void apus_silu_mul_neon(size_t size, const float *gate, const float *up, float *y) {
    for (size_t i = 0; i < size; i += 4) {
        const size_t count = apus_count4(size, i);
        const float32x4_t g = apus_load4(gate + i, count);
        const float32x4_t silu = vdivq_f32(g, vaddq_f32(vdupq_n_f32(1), apus_exp4(vnegq_f32(g))));
        apus_store4(y + i, count, vmulq_f32(silu, apus_load4(up + i, count)));
    }
}

#endif
