// What the kernel files share: target attributes, the declaration of every variant, and the vector exponential.
#pragma once

#include "CKernels.h"

#include <stdbool.h>

#define APUS_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
#include <immintrin.h>
#define APUS_X86 1
#define APUS_AVX2 __attribute__((target("avx2,fma,f16c")))
#define APUS_AVX512 __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")))
#define APUS_VNNI __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define APUS_BF16 __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))
#elif defined(__aarch64__)
#include <arm_neon.h>
#define APUS_NEON 1
#define APUS_NEON_DOT __attribute__((target("dotprod")))
#endif

// A product and a sum are two roundings unless the code says fused: else compilers for processors that always have the
// fused instruction would change the bits of what has to be the same everywhere.
#pragma STDC FP_CONTRACT OFF

// Declares the variants of one kernel.
#define APUS_DECLARE(result, name, ...)    \
    result apus_##name##_ref(__VA_ARGS__); \
    result apus_##name##_avx2(__VA_ARGS__); \
    result apus_##name##_avx512(__VA_ARGS__); \
    result apus_##name##_neon(__VA_ARGS__);

APUS_DECLARE(void, packed_gemm, size_t rows, size_t depth, const float *x, size_t x_stride, const float *packed,
             size_t column_begin, size_t column_end, float *y, size_t y_stride)
APUS_DECLARE(void, rms_norm, size_t rows, size_t size, const float *x, size_t x_stride, const float *weight,
             float epsilon, float *y, size_t y_stride)
APUS_DECLARE(void, layer_norm, size_t rows, size_t size, const float *x, size_t x_stride, const float *weight,
             const float *bias, float epsilon, float *y, size_t y_stride)
APUS_DECLARE(void, softmax, size_t size, float *x)
APUS_DECLARE(void, soft_cap, size_t size, float cap, float *x)
APUS_DECLARE(void, silu_mul, size_t size, const float *gate, const float *up, float *y)
APUS_DECLARE(void, gelu_tanh_mul, size_t size, const float *gate, const float *up, float *y)
APUS_DECLARE(void, rope, size_t head_size, const float *cosines, const float *sines, float *x)
APUS_DECLARE(float, dot, size_t size, const float *x, const float *y)
APUS_DECLARE(void, axpy, size_t size, float a, const float *x, float *y)
APUS_DECLARE(void, add, size_t size, const float *x, float *y)
APUS_DECLARE(void, bias_activation, size_t rows, size_t size, const float *bias, int activation, float *y,
             size_t y_stride)
APUS_DECLARE(void, float16_to_float32, size_t size, const uint16_t *x, float *y)
APUS_DECLARE(void, bfloat16_to_float32, size_t size, const uint16_t *x, float *y)
APUS_DECLARE(void, paged_attention, const apus_attention *job)
APUS_DECLARE(void, paged_attention_rows, const apus_attention_rows *job)
APUS_DECLARE(void, cache_store, const apus_cache_token *job)
APUS_DECLARE(void, quantize_rows, size_t rows, size_t depth, size_t group, const float *x, size_t x_stride, int8_t *q,
             float *scales, int32_t *sums)
APUS_DECLARE(void, round_rows, size_t rows, size_t depth, const float *x, size_t x_stride, uint16_t *rounded)
APUS_DECLARE(void, pack_int4, size_t column_count, size_t depth, size_t group, const float *weights,
             size_t column_stride, size_t depth_stride, size_t column_begin, size_t column_total, uint8_t *packed,
             uint16_t *scales, uint16_t *minimums)
APUS_DECLARE(void, bf16_gemm, const apus_packed_product *job)
APUS_DECLARE(void, int8_gemm, const apus_packed_product *job)
APUS_DECLARE(void, int4_gemm, const apus_packed_product *job)
void apus_int8_gemm_vnni(const apus_packed_product *job);
void apus_int4_gemm_vnni(const apus_packed_product *job);
void apus_bf16_gemm_bf16(const apus_packed_product *job);
void apus_int8_gemm_neon_dot(const apus_packed_product *job);
void apus_int4_gemm_neon_dot(const apus_packed_product *job);

// The first position attended to.
APUS_INLINE size_t apus_attention_begin(const apus_attention *a) {
    return a->window > 0 && a->window < a->position_count ? a->position_count - a->window : 0;
}

// e^x, relative error below 2e-7 on -87 ... 88 and clamped outside: x = n ln 2 + r with |r| <= ln 2 / 2, and e^r by a
// polynomial of degree 6 (Taylor terms; the seventh is below 1.2e-7 of the sum). A NaN stays one.
#define APUS_EXP_MIN -87.0f
#define APUS_EXP_MAX 88.0f
#define APUS_LOG2E 1.44269504f
#define APUS_LN2_HIGH 0.693359375f      // exact in 9 bits, so n * high is exact
#define APUS_LN2_LOW -2.12194440e-4f

#if APUS_X86

// The low `count` (at most 16) lanes.
APUS_INLINE APUS_AVX512 __mmask16 apus_mask16(size_t count) {
    return (__mmask16)((1u << count) - 1u);
}

// The low `count` (at most 8) lanes, for maskload and maskstore.
APUS_INLINE APUS_AVX2 __m256i apus_mask8(size_t count) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lanes);
}

// The first `count` values, or eight if there are more; zeros behind them.
//
// Why not always with a mask: storing with one takes Zen 2 and 3 over ten cycles.
APUS_INLINE APUS_AVX2 __m256 apus_load8(const float *x, size_t count) {
    return count >= 8 ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, apus_mask8(count));
}

APUS_INLINE APUS_AVX2 void apus_store8(float *x, size_t count, __m256 v) {
    if (count >= 8) {
        _mm256_storeu_ps(x, v);
    } else {
        _mm256_maskstore_ps(x, apus_mask8(count), v);
    }
}

// Sums the lanes pairwise, in one fixed order.
APUS_INLINE APUS_AVX2 float apus_sum8(__m256 v) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    half = _mm_add_ss(half, _mm_movehdup_ps(half));
    return _mm_cvtss_f32(half);
}

APUS_INLINE APUS_AVX2 float apus_max8(__m256 v) {
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    half = _mm_max_ss(half, _mm_movehdup_ps(half));
    return _mm_cvtss_f32(half);
}

APUS_INLINE APUS_AVX512 float apus_sum16(__m512 v) {
    return apus_sum8(_mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)));
}

APUS_INLINE APUS_AVX512 float apus_max16(__m512 v) {
    return apus_max8(_mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)));
}

APUS_INLINE APUS_AVX512 __m512 apus_exp16(__m512 x) {
    x = _mm512_max_ps(_mm512_set1_ps(APUS_EXP_MIN), _mm512_min_ps(_mm512_set1_ps(APUS_EXP_MAX), x));
    const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(APUS_LOG2E)), 0);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(APUS_LN2_HIGH), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(APUS_LN2_LOW), r);
    __m512 p = _mm512_set1_ps(1.0f / 720);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 120));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 24));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 6));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, n);
}

APUS_INLINE APUS_AVX2 __m256 apus_exp8(__m256 x) {
    x = _mm256_max_ps(_mm256_set1_ps(APUS_EXP_MIN), _mm256_min_ps(_mm256_set1_ps(APUS_EXP_MAX), x));
    const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(APUS_LOG2E)), 0);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(APUS_LN2_HIGH), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(APUS_LN2_LOW), r);
    __m256 p = _mm256_set1_ps(1.0f / 720);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 120));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 24));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 6));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    // 2^n by its exponent bits: n lies in -126 ... 127.
    const __m256i power = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(p, _mm256_castsi256_ps(power));
}

#endif
