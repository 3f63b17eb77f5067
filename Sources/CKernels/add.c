// Addition in place, for residual connections.
//
//   y[i] += x[i]
//
// x, y: [size]; they do not overlap. No accumulator.

#include "vector_neon.h"

void apus_add_ref(size_t size, const float *x, float *y) {
    for (size_t i = 0; i < size; i++) {
        y[i] += x[i];
    }
}

#if APUS_X86

APUS_AVX2 void apus_add_avx2(size_t size, const float *x, float *y) {
    for (size_t i = 0; i < size; i += 8) {
        const size_t count = size - i;
        const __m256 v = _mm256_add_ps(apus_load8(y + i, count), apus_load8(x + i, count));
        apus_store8(y + i, count, v);
    }
}

APUS_AVX512 void apus_add_avx512(size_t size, const float *x, float *y) {
    for (size_t i = 0; i < size; i += 16) {
        const __mmask16 mask = apus_mask16(size - i < 16 ? size - i : 16);
        const __m512 v = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, y + i), _mm512_maskz_loadu_ps(mask, x + i));
        _mm512_mask_storeu_ps(y + i, mask, v);
    }
}

#endif

#if APUS_NEON

void apus_add_neon(size_t size, const float *x, float *y) {
    for (size_t i = 0; i < size; i += 4) {
        const size_t count = apus_count4(size, i);
        apus_store4(y + i, count, vaddq_f32(apus_load4(y + i, count), apus_load4(x + i, count)));
    }
}

#endif
