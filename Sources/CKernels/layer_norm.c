// Layer normalisation.
//
//   y[m, i] = (x[m, i] - mean[m]) / sqrt(variance[m] + epsilon) * weight[i] + bias[i]
//
// mean and variance are those of x[m, ...]; the variance is the mean of the squared deviations, from a second pass over
// the row, so that nothing cancels.
//
// x: [rows, size], rows x_stride apart.   weight: [size].   bias: [size], or NULL for none.
// y: [rows, size], rows y_stride apart; may be x itself.   size >= 1.
// Accumulators: float64 in the reference, one float32 a lane in the variants.
// Source: Ba, Kiros and Hinton 2016, equation 3.

#include "vector_neon.h"

#include <math.h>

void apus_layer_norm_ref(size_t rows, size_t size, const float *x, size_t x_stride, const float *weight,
                         const float *bias, float epsilon, float *y, size_t y_stride) {
    for (size_t m = 0; m < rows; m++) {
        const float *row = x + m * x_stride;
        float *out = y + m * y_stride;
        double sum = 0;
        for (size_t i = 0; i < size; i++) {
            sum += row[i];
        }
        const double mean = sum / (double)size;
        double squares = 0;
        for (size_t i = 0; i < size; i++) {
            squares += (row[i] - mean) * (row[i] - mean);
        }
        const float factor = (float)(1 / sqrt(squares / (double)size + epsilon));
        for (size_t i = 0; i < size; i++) {
            const float normal = (float)(row[i] - mean) * factor * weight[i];
            out[i] = bias == NULL ? normal : normal + bias[i];
        }
    }
}

#if APUS_X86

APUS_AVX2 void apus_layer_norm_avx2(size_t rows, size_t size, const float *x, size_t x_stride, const float *weight,
                                    const float *bias, float epsilon, float *y, size_t y_stride) {
    for (size_t m = 0; m < rows; m++) {
        const float *row = x + m * x_stride;
        float *out = y + m * y_stride;
        __m256 sums = _mm256_setzero_ps();
        for (size_t i = 0; i < size; i += 8) {
            sums = _mm256_add_ps(sums, apus_load8(row + i, size - i));
        }
        const __m256 mean = _mm256_set1_ps(apus_sum8(sums) / (float)size);
        __m256 squares = _mm256_setzero_ps();
        for (size_t i = 0; i < size; i += 8) {
            const __m256i mask = apus_mask8(size - i < 8 ? size - i : 8);
            const __m256 v = _mm256_and_ps(
                _mm256_sub_ps(_mm256_maskload_ps(row + i, mask), mean), _mm256_castsi256_ps(mask));
            squares = _mm256_fmadd_ps(v, v, squares);
        }
        const __m256 factor = _mm256_set1_ps(1 / sqrtf(apus_sum8(squares) / (float)size + epsilon));
        for (size_t i = 0; i < size; i += 8) {
            const size_t count = size - i;
            __m256 v = _mm256_mul_ps(_mm256_sub_ps(apus_load8(row + i, count), mean), factor);
            v = _mm256_mul_ps(v, apus_load8(weight + i, count));
            if (bias != NULL) {
                v = _mm256_add_ps(v, apus_load8(bias + i, count));
            }
            apus_store8(out + i, count, v);
        }
    }
}

APUS_AVX512 void apus_layer_norm_avx512(size_t rows, size_t size, const float *x, size_t x_stride,
                                        const float *weight, const float *bias, float epsilon, float *y,
                                        size_t y_stride) {
    for (size_t m = 0; m < rows; m++) {
        const float *row = x + m * x_stride;
        float *out = y + m * y_stride;
        __m512 sums = _mm512_setzero_ps();
        for (size_t i = 0; i < size; i += 16) {
            sums = _mm512_add_ps(sums, _mm512_maskz_loadu_ps(apus_mask16(size - i < 16 ? size - i : 16), row + i));
        }
        const __m512 mean = _mm512_set1_ps(apus_sum16(sums) / (float)size);
        __m512 squares = _mm512_setzero_ps();
        for (size_t i = 0; i < size; i += 16) {
            const __mmask16 mask = apus_mask16(size - i < 16 ? size - i : 16);
            const __m512 v = _mm512_maskz_sub_ps(mask, _mm512_maskz_loadu_ps(mask, row + i), mean);
            squares = _mm512_fmadd_ps(v, v, squares);
        }
        const __m512 factor = _mm512_set1_ps(1 / sqrtf(apus_sum16(squares) / (float)size + epsilon));
        for (size_t i = 0; i < size; i += 16) {
            const __mmask16 mask = apus_mask16(size - i < 16 ? size - i : 16);
            __m512 v = _mm512_mul_ps(_mm512_sub_ps(_mm512_maskz_loadu_ps(mask, row + i), mean), factor);
            v = _mm512_mul_ps(v, _mm512_maskz_loadu_ps(mask, weight + i));
            if (bias != NULL) {
                v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(mask, bias + i));
            }
            _mm512_mask_storeu_ps(out + i, mask, v);
        }
    }
}

#endif

#if APUS_NEON

// The sum over one row of x - shift, or of its square.
APUS_INLINE float sum_row_neon(size_t size, const float *row, float shift, const bool squared) {
    float32x4_t sums[2] = {vdupq_n_f32(0), vdupq_n_f32(0)};
    for (size_t i = 0; i < size; i += 8) {
        for (size_t h = 0; h < 2; h++) {
            const size_t count = apus_count4(size, i + h * 4);
            const float32x4_t difference = vsubq_f32(apus_load4(row + i + h * 4, count), vdupq_n_f32(shift));
            const float32x4_t v = vbslq_f32(apus_mask4(count), difference, vdupq_n_f32(0));
            sums[h] = squared ? vfmaq_f32(sums[h], v, v) : vaddq_f32(sums[h], v);
        }
    }
    return apus_sum4x2(sums[0], sums[1]);
}

void apus_layer_norm_neon(size_t rows, size_t size, const float *x, size_t x_stride, const float *weight,
                          const float *bias, float epsilon, float *y, size_t y_stride) {
    for (size_t m = 0; m < rows; m++) {
        const float *row = x + m * x_stride;
        float *out = y + m * y_stride;
        const float mean = sum_row_neon(size, row, 0, false) / (float)size;
        const float factor = 1 / sqrtf(sum_row_neon(size, row, mean, true) / (float)size + epsilon);
        for (size_t i = 0; i < size; i += 4) {
            const size_t count = apus_count4(size, i);
            float32x4_t v = vmulq_n_f32(vsubq_f32(apus_load4(row + i, count), vdupq_n_f32(mean)), factor);
            v = vmulq_f32(v, apus_load4(weight + i, count));
            if (bias != NULL) {
                v = vaddq_f32(v, apus_load4(bias + i, count));
            }
            apus_store4(out + i, count, v);
        }
    }
}

#endif
