// Root mean square normalisation.
//
//   y[m, i] = x[m, i] / sqrt(mean over i of x[m, i]^2 + epsilon) * weight[i]
//
// x: [rows, size], rows x_stride apart.   weight: [size].   y: [rows, size], rows y_stride apart; may be x itself.
// size >= 1. Accumulator: float64 in the reference, one float32 a lane in the variants.
// Source: Zhang and Sennrich 2019, equation 4.

#include "vector_neon.h"

#include <math.h>

void apus_rms_norm_ref(size_t rows, size_t size, const float *x, size_t x_stride, const float *weight, float epsilon,
                       float *y, size_t y_stride) {
    for (size_t m = 0; m < rows; m++) {
        const float *row = x + m * x_stride;
        double squares = 0;
        for (size_t i = 0; i < size; i++) {
            squares += (double)row[i] * row[i];
        }
        const float factor = (float)(1 / sqrt(squares / (double)size + epsilon));
        for (size_t i = 0; i < size; i++) {
            y[m * y_stride + i] = row[i] * factor * weight[i];
        }
    }
}

#if APUS_X86

APUS_AVX2 void apus_rms_norm_avx2(size_t rows, size_t size, const float *x, size_t x_stride, const float *weight,
                                  float epsilon, float *y, size_t y_stride) {
    for (size_t m = 0; m < rows; m++) {
        const float *row = x + m * x_stride;
        float *out = y + m * y_stride;
        __m256 squares = _mm256_setzero_ps();
        for (size_t i = 0; i < size; i += 8) {
            const __m256 v = apus_load8(row + i, size - i);
            squares = _mm256_fmadd_ps(v, v, squares);
        }
        const __m256 factor = _mm256_set1_ps(1 / sqrtf(apus_sum8(squares) / (float)size + epsilon));
        for (size_t i = 0; i < size; i += 8) {
            const size_t count = size - i;
            const __m256 v = _mm256_mul_ps(apus_load8(row + i, count), factor);
            apus_store8(out + i, count, _mm256_mul_ps(v, apus_load8(weight + i, count)));
        }
    }
}

APUS_AVX512 void apus_rms_norm_avx512(size_t rows, size_t size, const float *x, size_t x_stride, const float *weight,
                                      float epsilon, float *y, size_t y_stride) {
    for (size_t m = 0; m < rows; m++) {
        const float *row = x + m * x_stride;
        float *out = y + m * y_stride;
        __m512 squares = _mm512_setzero_ps();
        for (size_t i = 0; i < size; i += 16) {
            const __m512 v = _mm512_maskz_loadu_ps(apus_mask16(size - i < 16 ? size - i : 16), row + i);
            squares = _mm512_fmadd_ps(v, v, squares);
        }
        const __m512 factor = _mm512_set1_ps(1 / sqrtf(apus_sum16(squares) / (float)size + epsilon));
        for (size_t i = 0; i < size; i += 16) {
            const __mmask16 mask = apus_mask16(size - i < 16 ? size - i : 16);
            const __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, row + i), factor);
            _mm512_mask_storeu_ps(out + i, mask, _mm512_mul_ps(v, _mm512_maskz_loadu_ps(mask, weight + i)));
        }
    }
}

#endif

#if APUS_NEON

void apus_rms_norm_neon(size_t rows, size_t size, const float *x, size_t x_stride, const float *weight, float epsilon,
                        float *y, size_t y_stride) {
    for (size_t m = 0; m < rows; m++) {
        const float *row = x + m * x_stride;
        float *out = y + m * y_stride;
        float32x4_t squares[2] = {vdupq_n_f32(0), vdupq_n_f32(0)};
        for (size_t i = 0; i < size; i += 8) {
            for (size_t h = 0; h < 2; h++) {
                const float32x4_t v = apus_load4(row + i + h * 4, apus_count4(size, i + h * 4));
                squares[h] = vfmaq_f32(squares[h], v, v);
            }
        }
        const float factor = 1 / sqrtf(apus_sum4x2(squares[0], squares[1]) / (float)size + epsilon);
        for (size_t i = 0; i < size; i += 4) {
            const size_t count = apus_count4(size, i);
            const float32x4_t v = vmulq_n_f32(apus_load4(row + i, count), factor);
            apus_store4(out + i, count, vmulq_f32(v, apus_load4(weight + i, count)));
        }
    }
}

#endif
