// The vector hyperbolic tangent, and the Gaussian error linear unit by it.
#pragma once

#include "vector_neon.h"

// sqrt(2 / pi), and the coefficient of the cube.
// Source: Hendrycks and Gimpel 2016, section 2.
#define APUS_GELU_FACTOR 0.7978845608f
#define APUS_GELU_CUBE 0.044715f

// tanh x, relative error below 3e-7: below 0.625 the odd polynomial, so that nothing cancels; above it
// 1 - 2 / (e^2|x| + 1) with the sign of x. A NaN stays one.
// Source of the polynomial: Moshier, Cephes (1989), single precision tanh.
#define APUS_TANH_SMALL 0.625f
#define APUS_TANH_C9 -5.70498872745e-3f
#define APUS_TANH_C7 2.06390887954e-2f
#define APUS_TANH_C5 -5.37397155531e-2f
#define APUS_TANH_C3 1.33314422036e-1f
#define APUS_TANH_C1 -3.33332819422e-1f

#if APUS_X86

APUS_INLINE APUS_AVX512 __m512 apus_tanh16(__m512 x) {
    const __m512 sign = _mm512_and_ps(x, _mm512_set1_ps(-0.0f)), size = _mm512_abs_ps(x);
    const __m512 e = apus_exp16(_mm512_add_ps(size, size));
    const __m512 one = _mm512_set1_ps(1);
    const __m512 large =
        _mm512_sub_ps(one, _mm512_div_ps(_mm512_set1_ps(2), _mm512_add_ps(e, one)));
    const __m512 z = _mm512_mul_ps(x, x);
    __m512 p = _mm512_set1_ps(APUS_TANH_C9);
    p = _mm512_fmadd_ps(p, z, _mm512_set1_ps(APUS_TANH_C7));
    p = _mm512_fmadd_ps(p, z, _mm512_set1_ps(APUS_TANH_C5));
    p = _mm512_fmadd_ps(p, z, _mm512_set1_ps(APUS_TANH_C3));
    p = _mm512_fmadd_ps(p, z, _mm512_set1_ps(APUS_TANH_C1));
    const __m512 small = _mm512_fmadd_ps(_mm512_mul_ps(p, z), x, x);
    const __mmask16 is_small = _mm512_cmp_ps_mask(size, _mm512_set1_ps(APUS_TANH_SMALL), _CMP_LT_OQ);
    return _mm512_mask_blend_ps(is_small, _mm512_or_ps(large, sign), small);
}

APUS_INLINE APUS_AVX2 __m256 apus_tanh8(__m256 x) {
    const __m256 sign_bit = _mm256_set1_ps(-0.0f);
    const __m256 sign = _mm256_and_ps(x, sign_bit), size = _mm256_andnot_ps(sign_bit, x);
    const __m256 e = apus_exp8(_mm256_add_ps(size, size));
    const __m256 one = _mm256_set1_ps(1);
    const __m256 large =
        _mm256_sub_ps(one, _mm256_div_ps(_mm256_set1_ps(2), _mm256_add_ps(e, one)));
    const __m256 z = _mm256_mul_ps(x, x);
    __m256 p = _mm256_set1_ps(APUS_TANH_C9);
    p = _mm256_fmadd_ps(p, z, _mm256_set1_ps(APUS_TANH_C7));
    p = _mm256_fmadd_ps(p, z, _mm256_set1_ps(APUS_TANH_C5));
    p = _mm256_fmadd_ps(p, z, _mm256_set1_ps(APUS_TANH_C3));
    p = _mm256_fmadd_ps(p, z, _mm256_set1_ps(APUS_TANH_C1));
    const __m256 small = _mm256_fmadd_ps(_mm256_mul_ps(p, z), x, x);
    const __m256 is_small = _mm256_cmp_ps(size, _mm256_set1_ps(APUS_TANH_SMALL), _CMP_LT_OQ);
    return _mm256_blendv_ps(_mm256_or_ps(large, sign), small, is_small);
}

// x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
APUS_INLINE APUS_AVX512 __m512 apus_gelu_tanh16(__m512 x) {
    const __m512 cube = _mm512_mul_ps(_mm512_mul_ps(x, x), x);
    const __m512 inner = _mm512_fmadd_ps(_mm512_set1_ps(APUS_GELU_CUBE), cube, x);
    const __m512 t = apus_tanh16(_mm512_mul_ps(_mm512_set1_ps(APUS_GELU_FACTOR), inner));
    return _mm512_mul_ps(_mm512_mul_ps(_mm512_set1_ps(0.5f), x), _mm512_add_ps(_mm512_set1_ps(1), t));
}

APUS_INLINE APUS_AVX2 __m256 apus_gelu_tanh8(__m256 x) {
    const __m256 cube = _mm256_mul_ps(_mm256_mul_ps(x, x), x);
    const __m256 inner = _mm256_fmadd_ps(_mm256_set1_ps(APUS_GELU_CUBE), cube, x);
    const __m256 t = apus_tanh8(_mm256_mul_ps(_mm256_set1_ps(APUS_GELU_FACTOR), inner));
    return _mm256_mul_ps(_mm256_mul_ps(_mm256_set1_ps(0.5f), x), _mm256_add_ps(_mm256_set1_ps(1), t));
}

#endif

#if APUS_NEON

APUS_INLINE float32x4_t apus_tanh4(float32x4_t x) {
    const uint32x4_t sign_bit = vdupq_n_u32(0x80000000);
    const float32x4_t size = vabsq_f32(x), one = vdupq_n_f32(1);
    const float32x4_t e = apus_exp4(vaddq_f32(size, size));
    const float32x4_t large = vsubq_f32(one, vdivq_f32(vdupq_n_f32(2), vaddq_f32(e, one)));
    const float32x4_t z = vmulq_f32(x, x);
    float32x4_t p = vdupq_n_f32(APUS_TANH_C9);
    p = vfmaq_f32(vdupq_n_f32(APUS_TANH_C7), p, z);
    p = vfmaq_f32(vdupq_n_f32(APUS_TANH_C5), p, z);
    p = vfmaq_f32(vdupq_n_f32(APUS_TANH_C3), p, z);
    p = vfmaq_f32(vdupq_n_f32(APUS_TANH_C1), p, z);
    const float32x4_t small = vfmaq_f32(x, vmulq_f32(p, z), x);
    const uint32x4_t is_small = vcltq_f32(size, vdupq_n_f32(APUS_TANH_SMALL));
    return vbslq_f32(is_small, small, vbslq_f32(sign_bit, x, large));
}

APUS_INLINE float32x4_t apus_gelu_tanh4(float32x4_t x) {
    const float32x4_t cube = vmulq_f32(vmulq_f32(x, x), x);
    const float32x4_t inner = vfmaq_f32(x, vdupq_n_f32(APUS_GELU_CUBE), cube);
    const float32x4_t t = apus_tanh4(vmulq_f32(vdupq_n_f32(APUS_GELU_FACTOR), inner));
    return vmulq_f32(vmulq_f32(vdupq_n_f32(0.5f), x), vaddq_f32(vdupq_n_f32(1), t));
}

#endif
