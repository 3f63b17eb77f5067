// Product of quantised activations and weights of four bits.
//
//   y[m, n] = sum over g of (sum over k in g of q[m, k] * w[k, n]) * (scale[g, n] * x_scale[m, g])
//                         + minimum[g, n] * (x_scale[m, g] * x_sum[m, g])
//
// w in 0 ... 15 stands for w * scale + minimum. q, x_scale and x_sum: see quantize_rows.c. The integer sum is exact;
// then one float32 accumulator takes g = 0, 1, 2, ... in turn, each by two fused multiply-adds in the order above. So
// an output has the same bits in any batch, on any number of threads, and on every tier.
//
// packed: [ceil(N / 64)][depth / 8][blocks][16][4] bytes: as in packed_int8.c, but k ... k + 3 in the low halves of the
// bytes and k + 4 ... k + 7 in the high ones.
// scales, minimums: [ceil(N / 64)][depth / group][blocks][16], half precision.

#include "packed_tiles.h"

APUS_INLINE unsigned nibble_shift(size_t k) {
    return k & 4;
}

// A product is rounded before it is added to, so that every tier chooses the same levels.
#pragma STDC FP_CONTRACT OFF

// The level of a weight.
APUS_INLINE float level_of(float value, float factor, float minimum) {
    float level = (value - minimum) * factor;
    level = level > 0 ? level : 0;
    return apus_round(level < 15 ? level : 15);
}

// The squared error of a group when its weights are minimum + scale * (0 ... 15).
APUS_INLINE float group_error(size_t count, const float *values, float scale, float minimum) {
    enum { SUMS = 16 };
    const float factor = scale > 0 ? 1.0f / scale : 0;
    // Sixteen sums, so that the compiler may use vectors.
    float totals[SUMS] = {0};
    size_t k = 0;
    for (; k + SUMS <= count; k += SUMS) {
        for (size_t i = 0; i < SUMS; i++) {
            const float error = minimum + level_of(values[k + i], factor, minimum) * scale - values[k + i];
            totals[i] += error * error;
        }
    }
    for (; k < count; k++) {
        const float error = minimum + level_of(values[k], factor, minimum) * scale - values[k];
        totals[0] += error * error;
    }
    for (size_t width = SUMS / 2; width > 0; width /= 2) {
        for (size_t i = 0; i < width; i++) {
            totals[i] += totals[i + width];
        }
    }
    return totals[0];
}

// Chooses scale and minimum of a group: the range of its weights, or a narrower one when that errs less. A few large
// weights would otherwise leave few levels for all others.
APUS_INLINE void choose_levels(size_t count, const float *values, uint16_t *scale, uint16_t *minimum) {
    float low = values[0], high = values[0];
    for (size_t k = 1; k < count; k++) {
        low = values[k] < low ? values[k] : low;
        high = values[k] > high ? values[k] : high;
    }
    float least = INFINITY;
    for (int step = 0; step < 8; step++) {
        const float kept = 1.0f - 0.04f * (float)step;
        const uint16_t half_minimum = apus_half_of_float(low * kept);
        const uint16_t half_scale = apus_half_of_float((high - low) * kept / 15.0f);
        const float error =
            group_error(count, values, apus_float_of_half(half_scale), apus_float_of_half(half_minimum));
        if (error < least) {
            least = error;
            *scale = half_scale;
            *minimum = half_minimum;
        }
    }
}

// One group of a column; what is beyond `count` becomes any weight, because the activations there are zeros.
APUS_INLINE void pack_group(size_t count, size_t group, const float *values, apus_column column, size_t g,
                            uint8_t *packed, uint16_t *scales, uint16_t *minimums) {
    uint16_t half_scale = 0, half_minimum = 0;
    choose_levels(count, values, &half_scale, &half_minimum);
    const float scale = apus_float_of_half(half_scale), minimum = apus_float_of_half(half_minimum);
    const float factor = scale > 0 ? 1.0f / scale : 0;
    scales[apus_scale_index(column, g)] = half_scale;
    minimums[apus_scale_index(column, g)] = half_minimum;
    uint8_t levels[APUS_GROUP_MAX] = {0};
    for (size_t k = 0; k < count; k++) {
        levels[k] = (uint8_t)level_of(values[k], factor, minimum);
    }
    for (size_t k = 0; k < group; k += 8) {
        for (size_t i = 0; i < 4; i++) {
            packed[apus_nibble_index(column, g * group + k + i)] = (uint8_t)(levels[k + i] | levels[k + 4 + i] << 4);
        }
    }
}

APUS_INLINE void pack_columns(size_t column_count, size_t depth, size_t group, const float *weights,
                              size_t column_stride, size_t depth_stride, size_t column_begin, size_t column_total,
                              uint8_t *packed, uint16_t *scales, uint16_t *minimums) {
    const size_t group_count = (depth + group - 1) / group;
    for (size_t c = 0; c < column_count; c++) {
        const apus_column column = apus_column_at(column_begin + c, column_total, group_count * group, group);
        for (size_t g = 0; g < group_count; g++) {
            const size_t begin = g * group;
            const size_t count = depth - begin < group ? depth - begin : group;
            const float *values = weights + c * column_stride + begin * depth_stride;
            float gathered[APUS_GROUP_MAX];
            for (size_t k = 0; depth_stride != 1 && k < count; k++) {
                gathered[k] = values[k * depth_stride];
            }
            values = depth_stride == 1 ? values : gathered;
            if (count == 64 && group == 64) {
                pack_group(64, 64, values, column, g, packed, scales, minimums);
            } else {
                pack_group(count, group, values, column, g, packed, scales, minimums);
            }
        }
    }
}

void apus_pack_int4_ref(size_t column_count, size_t depth, size_t group, const float *weights, size_t column_stride,
                        size_t depth_stride, size_t column_begin, size_t column_total, uint8_t *packed,
                        uint16_t *scales, uint16_t *minimums) {
    pack_columns(column_count, depth, group, weights, column_stride, depth_stride, column_begin, column_total, packed,
                 scales, minimums);
}

#if APUS_X86

// For these instruction sets the compiler finds the vectors in the reference.
APUS_AVX2 void apus_pack_int4_avx2(size_t column_count, size_t depth, size_t group, const float *weights,
                                   size_t column_stride, size_t depth_stride, size_t column_begin,
                                   size_t column_total, uint8_t *packed, uint16_t *scales, uint16_t *minimums) {
    pack_columns(column_count, depth, group, weights, column_stride, depth_stride, column_begin, column_total, packed,
                 scales, minimums);
}

APUS_AVX512 void apus_pack_int4_avx512(size_t column_count, size_t depth, size_t group, const float *weights,
                                       size_t column_stride, size_t depth_stride, size_t column_begin,
                                       size_t column_total, uint8_t *packed, uint16_t *scales, uint16_t *minimums) {
    pack_columns(column_count, depth, group, weights, column_stride, depth_stride, column_begin, column_total, packed,
                 scales, minimums);
}

#elif APUS_NEON

// The compiler finds the vectors in the reference.
void apus_pack_int4_neon(size_t column_count, size_t depth, size_t group, const float *weights, size_t column_stride,
                         size_t depth_stride, size_t column_begin, size_t column_total, uint8_t *packed,
                         uint16_t *scales, uint16_t *minimums) {
    pack_columns(column_count, depth, group, weights, column_stride, depth_stride, column_begin, column_total, packed,
                 scales, minimums);
}

#endif

void apus_unpack_int4(size_t depth, size_t group, size_t column, size_t column_total, const uint8_t *packed,
                      const uint16_t *scales, const uint16_t *minimums, float *weights) {
    const size_t padded = (depth + group - 1) / group * group;
    const apus_column at = apus_column_at(column, column_total, padded, group);
    for (size_t k = 0; k < depth; k++) {
        const float scale = apus_float_of_half(scales[apus_scale_index(at, k / group)]);
        const float minimum = apus_float_of_half(minimums[apus_scale_index(at, k / group)]);
        const unsigned level = packed[apus_nibble_index(at, k)] >> nibble_shift(k) & 15;
        weights[k] = (float)level * scale + minimum;
    }
}

void apus_int4_gemm_ref(const apus_packed_product *job) {
    const size_t group_count = job->depth / job->group;
    for (size_t n = job->column_begin; n < job->column_end; n++) {
        const apus_column column = apus_column_at(n, job->column_total, job->depth, job->group);
        for (size_t m = 0; m < job->rows; m++) {
            float sum = 0;
            for (size_t g = 0; g < group_count; g++) {
                int32_t whole = 0;
                for (size_t k = g * job->group; k < (g + 1) * job->group; k++) {
                    const int32_t level = job->packed[apus_nibble_index(column, k)] >> nibble_shift(k) & 15;
                    whole += (int32_t)job->x[m * job->depth + k] * level;
                }
                const float x_scale = job->x_scales[m * group_count + g];
                const float scale = apus_float_of_half(job->scales[apus_scale_index(column, g)]);
                const float minimum = apus_float_of_half(job->minimums[apus_scale_index(column, g)]);
                sum = fmaf((float)whole, scale * x_scale, sum);
                sum = fmaf(minimum, x_scale * (float)job->x_sums[m * group_count + g], sum);
            }
            job->y[m * job->y_stride + n] = sum;
        }
    }
}

#if APUS_X86

APUS_VNNI void apus_int4_gemm_vnni(const apus_packed_product *job) {
    apus_run_tiles(job, &apus_int4_tiling_vnni, APUS_NIBBLES);
}

APUS_AVX2 void apus_int4_gemm_avx2(const apus_packed_product *job) {
    apus_run_tiles(job, &apus_int4_tiling_avx2, APUS_NIBBLES);
}

#endif

#if APUS_NEON

void apus_int4_gemm_neon(const apus_packed_product *job) {
    apus_run_tiles(job, &apus_int4_tiling_neon, APUS_NIBBLES);
}

void apus_int4_gemm_neon_dot(const apus_packed_product *job) {
    apus_run_tiles(job, &apus_int4_tiling_neon_dot, APUS_NIBBLES);
}

#endif
