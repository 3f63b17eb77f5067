// The gate of GeGLU, with the Gaussian error linear unit by its hyperbolic tangent.
//
//   y[i] = gate[i] / 2 * (1 + tanh(sqrt(2 / pi) * (gate[i] + 0.044715 * gate[i]^3))) * up[i]
//
// gate, up, y: [size]; y may be gate or up itself. No accumulator.
// Source: Shazeer 2020, equation 6; Hendrycks and Gimpel 2016, section 2.

#include "vector_tanh.h"

#include <math.h>

void apus_gelu_tanh_mul_ref(size_t size, const float *gate, const float *up, float *y) {
    for (size_t i = 0; i < size; i++) {
        const float g = gate[i];
        y[i] = 0.5f * g * (1 + tanhf(APUS_GELU_FACTOR * (g + APUS_GELU_CUBE * g * g * g))) * up[i];
    }
}

#if APUS_X86

APUS_AVX2 void apus_gelu_tanh_mul_avx2(size_t size, const float *gate, const float *up, float *y) {
    for (size_t i = 0; i < size; i += 8) {
        const size_t count = size - i;
        const __m256 gelu = apus_gelu_tanh8(apus_load8(gate + i, count));
        apus_store8(y + i, count, _mm256_mul_ps(gelu, apus_load8(up + i, count)));
    }
}

APUS_AVX512 void apus_gelu_tanh_mul_avx512(size_t size, const float *gate, const float *up, float *y) {
    for (size_t i = 0; i < size; i += 16) {
        const __mmask16 mask = apus_mask16(size - i < 16 ? size - i : 16);
        const __m512 gelu = apus_gelu_tanh16(_mm512_maskz_loadu_ps(mask, gate + i));
        _mm512_mask_storeu_ps(y + i, mask, _mm512_mul_ps(gelu, _mm512_maskz_loadu_ps(mask, up + i)));
    }
}

#endif

#if APUS_NEON

void apus_gelu_tanh_mul_neon(size_t size, const float *gate, const float *up, float *y) {
    for (size_t i = 0; i < size; i += 4) {
        const size_t count = apus_count4(size, i);
        const float32x4_t gelu = apus_gelu_tanh4(apus_load4(gate + i, count));
        apus_store4(y + i, count, vmulq_f32(gelu, apus_load4(up + i, count)));
    }
}

#endif
