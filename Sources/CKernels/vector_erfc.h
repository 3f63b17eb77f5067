// The Gaussian error linear unit by the error function, in vectors.
//
//   gelu(v) = v / 2 * (1 + erf(v / sqrt(2))) = max(v, 0) - |v| / 2 * erfc(|v| / sqrt(2))
//
// The second form adds nothing to 1, so that large negative numbers keep their digits.
#pragma once

#include "vector_neon.h"

#define APUS_SQRT_HALF 0.70710678118654752f

// erfc x = t (a1 + t (a2 + t (a3 + t (a4 + t a5)))) exp(-x^2) with t = 1 / (1 + p x), for x >= 0; absolute error below
// 1.5e-7.
// Source: Abramowitz and Stegun 1964, formula 7.1.26.
#define APUS_ERFC_P 0.3275911f
#define APUS_ERFC_A1 0.254829592f
#define APUS_ERFC_A2 -0.284496736f
#define APUS_ERFC_A3 1.421413741f
#define APUS_ERFC_A4 -1.453152027f
#define APUS_ERFC_A5 1.061405429f

// exp(-v^2 / 2) as 2^(n + f), |f| <= 1/2, and 2^f by its Taylor terms; the one left out is below 1.3e-7 of the sum.
// Source: Cody and Waite 1980, chapter 6 (reduction of the argument).
#define APUS_HALF_LOG2E -0.72134752f
#define APUS_EXP2_MIN -126.0f
#define APUS_EXP2_1 0.693147181f
#define APUS_EXP2_2 0.240226507f
#define APUS_EXP2_3 0.0555041087f
#define APUS_EXP2_4 0.00961812911f
#define APUS_EXP2_5 0.00133335581f
#define APUS_EXP2_6 0.000154035304f

#if APUS_X86

APUS_INLINE APUS_AVX512 __m512 apus_gelu16(__m512 v) {
    const __m512 size = _mm512_abs_ps(v);
    const __m512 one = _mm512_set1_ps(1);
    const __m512 t = _mm512_div_ps(one, _mm512_fmadd_ps(_mm512_set1_ps(APUS_ERFC_P * APUS_SQRT_HALF), size, one));
    __m512 p = _mm512_set1_ps(APUS_ERFC_A5);
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(APUS_ERFC_A4));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(APUS_ERFC_A3));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(APUS_ERFC_A2));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(APUS_ERFC_A1));
    __m512 power = _mm512_mul_ps(_mm512_mul_ps(v, _mm512_set1_ps(APUS_HALF_LOG2E)), v);
    power = _mm512_max_ps(_mm512_set1_ps(APUS_EXP2_MIN), power);
    const __m512 n = _mm512_roundscale_ps(power, 0);
    const __m512 f = _mm512_sub_ps(power, n);
    __m512 e = _mm512_set1_ps(APUS_EXP2_6);
    e = _mm512_fmadd_ps(e, f, _mm512_set1_ps(APUS_EXP2_5));
    e = _mm512_fmadd_ps(e, f, _mm512_set1_ps(APUS_EXP2_4));
    e = _mm512_fmadd_ps(e, f, _mm512_set1_ps(APUS_EXP2_3));
    e = _mm512_fmadd_ps(e, f, _mm512_set1_ps(APUS_EXP2_2));
    e = _mm512_fmadd_ps(e, f, _mm512_set1_ps(APUS_EXP2_1));
    e = _mm512_fmadd_ps(e, f, one);
    const __m512 erfc = _mm512_scalef_ps(_mm512_mul_ps(_mm512_mul_ps(p, t), e), n);
    const __m512 half = _mm512_mul_ps(_mm512_set1_ps(0.5f), size);
    return _mm512_fnmadd_ps(half, erfc, _mm512_max_ps(_mm512_setzero_ps(), v));
}

APUS_INLINE APUS_AVX2 __m256 apus_gelu8(__m256 v) {
    const __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v);
    const __m256 x = _mm256_mul_ps(size, _mm256_set1_ps(APUS_SQRT_HALF));
    const __m256 one = _mm256_set1_ps(1);
    const __m256 t = _mm256_div_ps(one, _mm256_fmadd_ps(_mm256_set1_ps(APUS_ERFC_P), x, one));
    __m256 p = _mm256_set1_ps(APUS_ERFC_A5);
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(APUS_ERFC_A4));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(APUS_ERFC_A3));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(APUS_ERFC_A2));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(APUS_ERFC_A1));
    const __m256 e = apus_exp8(_mm256_fnmadd_ps(x, x, _mm256_setzero_ps()));
    const __m256 erfc = _mm256_mul_ps(_mm256_mul_ps(p, t), e);
    const __m256 half = _mm256_mul_ps(_mm256_set1_ps(0.5f), size);
    return _mm256_fnmadd_ps(half, erfc, _mm256_max_ps(_mm256_setzero_ps(), v));
}

#endif

#if APUS_NEON

APUS_INLINE float32x4_t apus_gelu4(float32x4_t v) {
    const float32x4_t size = vabsq_f32(v), one = vdupq_n_f32(1), zero = vdupq_n_f32(0);
    const float32x4_t x = vmulq_f32(size, vdupq_n_f32(APUS_SQRT_HALF));
    const float32x4_t t = vdivq_f32(one, vfmaq_f32(one, vdupq_n_f32(APUS_ERFC_P), x));
    float32x4_t p = vdupq_n_f32(APUS_ERFC_A5);
    p = vfmaq_f32(vdupq_n_f32(APUS_ERFC_A4), p, t);
    p = vfmaq_f32(vdupq_n_f32(APUS_ERFC_A3), p, t);
    p = vfmaq_f32(vdupq_n_f32(APUS_ERFC_A2), p, t);
    p = vfmaq_f32(vdupq_n_f32(APUS_ERFC_A1), p, t);
    const float32x4_t e = apus_exp4(vfmsq_f32(zero, x, x));
    const float32x4_t erfc = vmulq_f32(vmulq_f32(p, t), e);
    return vfmsq_f32(vmaxq_f32(zero, v), vmulq_f32(vdupq_n_f32(0.5f), size), erfc);
}

#endif
