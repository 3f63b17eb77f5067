// Half precision (IEEE 754 binary16) and brain floating point to single precision.
//
//   y[i] = x[i], exactly; infinities and NaNs stay what they are
//
// x: [size] little-endian bit patterns.   y: [size]; does not overlap x. No accumulator.

#include "half.h"

void apus_float16_to_float32_ref(size_t size, const uint16_t *x, float *y) {
    for (size_t i = 0; i < size; i++) {
        y[i] = apus_float_of_half(x[i]);
    }
}

void apus_bfloat16_to_float32_ref(size_t size, const uint16_t *x, float *y) {
    for (size_t i = 0; i < size; i++) {
        y[i] = apus_float_of_bfloat(x[i]);
    }
}

#if APUS_X86

APUS_AVX2 void apus_float16_to_float32_avx2(size_t size, const uint16_t *x, float *y) {
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        _mm256_storeu_ps(y + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(x + i))));
    }
    apus_float16_to_float32_ref(size - i, x + i, y + i);
}

APUS_AVX2 void apus_bfloat16_to_float32_avx2(size_t size, const uint16_t *x, float *y) {
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(x + i)));
        _mm256_storeu_si256((__m256i *)(y + i), _mm256_slli_epi32(wide, 16));
    }
    apus_bfloat16_to_float32_ref(size - i, x + i, y + i);
}

APUS_AVX512 void apus_float16_to_float32_avx512(size_t size, const uint16_t *x, float *y) {
    for (size_t i = 0; i < size; i += 16) {
        const __mmask16 mask = apus_mask16(size - i < 16 ? size - i : 16);
        _mm512_mask_storeu_ps(y + i, mask, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, x + i)));
    }
}

APUS_AVX512 void apus_bfloat16_to_float32_avx512(size_t size, const uint16_t *x, float *y) {
    for (size_t i = 0; i < size; i += 16) {
        const __mmask16 mask = apus_mask16(size - i < 16 ? size - i : 16);
        const __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, x + i));
        _mm512_mask_storeu_epi32(y + i, mask, _mm512_slli_epi32(wide, 16));
    }
}

#endif

#if APUS_NEON

void apus_float16_to_float32_neon(size_t size, const uint16_t *x, float *y) {
    size_t i = 0;
    for (; i + 4 <= size; i += 4) {
        vst1q_f32(y + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(x + i))));
    }
    apus_float16_to_float32_ref(size - i, x + i, y + i);
}

void apus_bfloat16_to_float32_neon(size_t size, const uint16_t *x, float *y) {
    size_t i = 0;
    for (; i + 4 <= size; i += 4) {
        vst1q_f32(y + i, vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(x + i), 16)));
    }
    apus_bfloat16_to_float32_ref(size - i, x + i, y + i);
}

#endif
