// Rotary position embedding of one head, in place, in the half-split layout.
//
//   x[i], x[i + h/2] = x[i] * cos[i] - x[i + h/2] * sin[i],  x[i + h/2] * cos[i] + x[i] * sin[i]    for i in 0 ..< h/2
//
// x: [head_size], head_size even.   cosines, sines: [head_size / 2] of this token's position. No accumulator.
// Source: Su et al. 2021, equation 34; element i is paired with i + h/2 (not with i + 1), as checkpoints of the
// Hugging Face layout expect.

#include "vector_neon.h"

void apus_rope_ref(size_t head_size, const float *cosines, const float *sines, float *x) {
    const size_t half = head_size / 2;
    for (size_t i = 0; i < half; i++) {
        const float first = x[i], second = x[i + half];
        x[i] = first * cosines[i] - second * sines[i];
        x[i + half] = second * cosines[i] + first * sines[i];
    }
}

#if APUS_X86

APUS_AVX2 void apus_rope_avx2(size_t head_size, const float *cosines, const float *sines, float *x) {
    const size_t half = head_size / 2;
    for (size_t i = 0; i < half; i += 8) {
        const size_t count = half - i;
        const __m256 c = apus_load8(cosines + i, count), s = apus_load8(sines + i, count);
        const __m256 first = apus_load8(x + i, count), second = apus_load8(x + half + i, count);
        apus_store8(x + i, count, _mm256_fmsub_ps(first, c, _mm256_mul_ps(second, s)));
        apus_store8(x + half + i, count, _mm256_fmadd_ps(second, c, _mm256_mul_ps(first, s)));
    }
}

APUS_AVX512 void apus_rope_avx512(size_t head_size, const float *cosines, const float *sines, float *x) {
    const size_t half = head_size / 2;
    for (size_t i = 0; i < half; i += 16) {
        const __mmask16 mask = apus_mask16(half - i < 16 ? half - i : 16);
        const __m512 c = _mm512_maskz_loadu_ps(mask, cosines + i), s = _mm512_maskz_loadu_ps(mask, sines + i);
        const __m512 first = _mm512_maskz_loadu_ps(mask, x + i), second = _mm512_maskz_loadu_ps(mask, x + half + i);
        _mm512_mask_storeu_ps(x + i, mask, _mm512_fmsub_ps(first, c, _mm512_mul_ps(second, s)));
        _mm512_mask_storeu_ps(x + half + i, mask, _mm512_fmadd_ps(second, c, _mm512_mul_ps(first, s)));
    }
}

#endif

#if APUS_NEON

void apus_rope_neon(size_t head_size, const float *cosines, const float *sines, float *x) {
    const size_t half = head_size / 2;
    for (size_t i = 0; i < half; i += 4) {
        const size_t count = apus_count4(half, i);
        const float32x4_t c = apus_load4(cosines + i, count), s = apus_load4(sines + i, count);
        const float32x4_t first = apus_load4(x + i, count), second = apus_load4(x + half + i, count);
        apus_store4(x + i, count, vfmaq_f32(vnegq_f32(vmulq_f32(second, s)), first, c));
        apus_store4(x + half + i, count, vfmaq_f32(vmulq_f32(first, s), second, c));
    }
}

#endif
