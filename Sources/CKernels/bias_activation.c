// What follows a matrix product: bias and activation, in place.
//
//   y[m, i] = f(y[m, i] + bias[i])      f: identity, max(v, 0), v / (1 + exp(-v)), gelu by tanh,
//                                          or gelu by the error function
//
// y: [rows, size], rows y_stride apart.   bias: [size], or NULL for none. No accumulator.

#include "vector_erfc.h"
#include "vector_tanh.h"

#include <math.h>

static float activate(float v, int activation) {
    switch (activation) {
    case APUS_ACTIVATION_RELU:
        return v < 0 ? 0 : v;  // a NaN passes through
    case APUS_ACTIVATION_SILU:
        return v / (1 + expf(-v));
    case APUS_ACTIVATION_GELU_TANH:
        return 0.5f * v * (1 + tanhf(APUS_GELU_FACTOR * (v + APUS_GELU_CUBE * v * v * v)));
    case APUS_ACTIVATION_GELU:
        return 0.5f * v * erfcf(-v * APUS_SQRT_HALF);
    default:
        return v;
    }
}

void apus_bias_activation_ref(size_t rows, size_t size, const float *bias, int activation, float *y,
                              size_t y_stride) {
    for (size_t m = 0; m < rows; m++) {
        for (size_t i = 0; i < size; i++) {
            float *v = y + m * y_stride + i;
            *v = activate(bias == NULL ? *v : *v + bias[i], activation);
        }
    }
}

#if APUS_X86

APUS_INLINE APUS_AVX2 __m256 activate8(__m256 v, int activation) {
    switch (activation) {
    case APUS_ACTIVATION_RELU:
        return _mm256_max_ps(_mm256_setzero_ps(), v);
    case APUS_ACTIVATION_SILU:
        return _mm256_div_ps(
            v, _mm256_add_ps(_mm256_set1_ps(1), apus_exp8(_mm256_sub_ps(_mm256_setzero_ps(), v))));
    case APUS_ACTIVATION_GELU_TANH:
        return apus_gelu_tanh8(v);
    case APUS_ACTIVATION_GELU:
        return apus_gelu8(v);
    default:
        return v;
    }
}

APUS_AVX2 void apus_bias_activation_avx2(size_t rows, size_t size, const float *bias, int activation, float *y,
                                         size_t y_stride) {
    for (size_t m = 0; m < rows; m++) {
        float *row = y + m * y_stride;
        for (size_t i = 0; i < size; i += 8) {
            const size_t count = size - i;
            __m256 v = apus_load8(row + i, count);
            if (bias != NULL) {
                v = _mm256_add_ps(v, apus_load8(bias + i, count));
            }
            apus_store8(row + i, count, activate8(v, activation));
        }
    }
}

APUS_INLINE APUS_AVX512 __m512 activate16(__m512 v, int activation) {
    switch (activation) {
    case APUS_ACTIVATION_RELU:
        return _mm512_max_ps(_mm512_setzero_ps(), v);
    case APUS_ACTIVATION_SILU:
        return _mm512_div_ps(
            v, _mm512_add_ps(_mm512_set1_ps(1), apus_exp16(_mm512_sub_ps(_mm512_setzero_ps(), v))));
    case APUS_ACTIVATION_GELU_TANH:
        return apus_gelu_tanh16(v);
    case APUS_ACTIVATION_GELU:
        return apus_gelu16(v);
    default:
        return v;
    }
}

APUS_AVX512 void apus_bias_activation_avx512(size_t rows, size_t size, const float *bias, int activation, float *y,
                                             size_t y_stride) {
    for (size_t m = 0; m < rows; m++) {
        float *row = y + m * y_stride;
        for (size_t i = 0; i < size; i += 16) {
            const __mmask16 mask = apus_mask16(size - i < 16 ? size - i : 16);
            __m512 v = _mm512_maskz_loadu_ps(mask, row + i);
            if (bias != NULL) {
                v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(mask, bias + i));
            }
            _mm512_mask_storeu_ps(row + i, mask, activate16(v, activation));
        }
    }
}

#endif

#if APUS_NEON

APUS_INLINE float32x4_t activate4(float32x4_t v, int activation) {
    switch (activation) {
    case APUS_ACTIVATION_RELU:
        return vmaxq_f32(vdupq_n_f32(0), v);
    case APUS_ACTIVATION_SILU:
        return vdivq_f32(v, vaddq_f32(vdupq_n_f32(1), apus_exp4(vnegq_f32(v))));
    case APUS_ACTIVATION_GELU_TANH:
        return apus_gelu_tanh4(v);
    case APUS_ACTIVATION_GELU:
        return apus_gelu4(v);
    default:
        return v;
    }
}

void apus_bias_activation_neon(size_t rows, size_t size, const float *bias, int activation, float *y,
                               size_t y_stride) {
    for (size_t m = 0; m < rows; m++) {
        float *row = y + m * y_stride;
        for (size_t i = 0; i < size; i += 4) {
            const size_t count = apus_count4(size, i);
            float32x4_t v = apus_load4(row + i, count);
            if (bias != NULL) {
                v = vaddq_f32(v, apus_load4(bias + i, count));
            }
            apus_store4(row + i, count, activate4(v, activation));
        }
    }
}

#endif
