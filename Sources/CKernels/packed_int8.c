// Product of quantised activations and weights of eight bits.
//
//   y[m, n] = sum over g of (sum over k in g of q[m, k] * w[k, n]) * (scale[g, n] * x_scale[m, g])
//
// q and x_scale: see quantize_rows.c. The integer sum is exact; then one float32 accumulator takes g = 0, 1, 2, ... in
// turn, each by one fused multiply-add. So an output has the same bits in any batch, on any number of threads, and on
// every tier.
//
// packed: [ceil(N / 64)][depth / 4][blocks][16][4] bytes w + 128: a panel of 64 columns in up to four blocks of 16, and
// in a block the four neighbouring k of each column side by side, as one instruction multiplies them.
// scales: [ceil(N / 64)][depth / group][blocks][16], half precision.
// depth is the inputs rounded up to whole groups, the weights beyond them zeros; group is a multiple of 32.
// Source: Dettmers et al. 2022, section 2 (absmax quantisation by blocks); Intel SDM, VPDPBUSD.

#include "packed_tiles.h"

// Quantises one group; what is beyond `count` becomes the byte of zero. Scales are rounded to half precision before the
// weights are divided by them.
static uint16_t quantize_weights(size_t count, size_t group, const float *values, uint8_t *bytes) {
    float largest = 0;
    for (size_t k = 0; k < count; k++) {
        const float magnitude = fabsf(values[k]);
        largest = magnitude > largest ? magnitude : largest;
    }
    const uint16_t half = apus_half_of_float(largest / 127.0f);
    const float scale = apus_float_of_half(half);
    const float factor = scale > 0 ? 1.0f / scale : 0;
    for (size_t k = 0; k < count; k++) {
        float scaled = values[k] * factor;
        scaled = scaled > -127 ? scaled : -127;
        scaled = scaled < 127 ? scaled : 127;
        bytes[k] = (uint8_t)((int)apus_round(scaled) + 128);
    }
    memset(bytes + count, 128, group - count);
    return half;
}

void apus_pack_int8(size_t column_count, size_t depth, size_t group, const float *weights, size_t column_stride,
                    size_t depth_stride, size_t column_begin, size_t column_total, uint8_t *packed, uint16_t *scales) {
    const size_t group_count = (depth + group - 1) / group;
    for (size_t c = 0; c < column_count; c++) {
        const apus_column column = apus_column_at(column_begin + c, column_total, group_count * group, group);
        const float *values = weights + c * column_stride;
        for (size_t g = 0; g < group_count; g++) {
            const size_t count = depth - g * group < group ? depth - g * group : group;
            float gathered[APUS_GROUP_MAX];
            uint8_t bytes[APUS_GROUP_MAX];
            for (size_t k = 0; k < count; k++) {
                gathered[k] = values[(g * group + k) * depth_stride];
            }
            scales[apus_scale_index(column, g)] = quantize_weights(count, group, gathered, bytes);
            for (size_t k = 0; k < group; k += 4) {
                memcpy(packed + apus_byte_index(column, g * group + k), bytes + k, 4);
            }
        }
    }
}

void apus_unpack_int8(size_t depth, size_t group, size_t column, size_t column_total, const uint8_t *packed,
                      const uint16_t *scales, float *weights) {
    const size_t padded = (depth + group - 1) / group * group;
    const apus_column at = apus_column_at(column, column_total, padded, group);
    for (size_t k = 0; k < depth; k++) {
        const float scale = apus_float_of_half(scales[apus_scale_index(at, k / group)]);
        weights[k] = (float)((int)packed[apus_byte_index(at, k)] - 128) * scale;
    }
}

void apus_int8_gemm_ref(const apus_packed_product *job) {
    const size_t group_count = job->depth / job->group;
    for (size_t n = job->column_begin; n < job->column_end; n++) {
        const apus_column column = apus_column_at(n, job->column_total, job->depth, job->group);
        for (size_t m = 0; m < job->rows; m++) {
            float sum = 0;
            for (size_t g = 0; g < group_count; g++) {
                int32_t whole = 0;
                for (size_t k = g * job->group; k < (g + 1) * job->group; k++) {
                    whole += (int32_t)job->x[m * job->depth + k] *
                             ((int32_t)job->packed[apus_byte_index(column, k)] - 128);
                }
                const float scale = apus_float_of_half(job->scales[apus_scale_index(column, g)]);
                sum = fmaf((float)whole, scale * job->x_scales[m * group_count + g], sum);
            }
            job->y[m * job->y_stride + n] = sum;
        }
    }
}

#if APUS_X86

APUS_VNNI void apus_int8_gemm_vnni(const apus_packed_product *job) {
    apus_run_tiles(job, &apus_int8_tiling_vnni, APUS_BYTES);
}

APUS_AVX2 void apus_int8_gemm_avx2(const apus_packed_product *job) {
    apus_run_tiles(job, &apus_int8_tiling_avx2, APUS_BYTES);
}

#endif

#if APUS_NEON

void apus_int8_gemm_neon(const apus_packed_product *job) {
    apus_run_tiles(job, &apus_int8_tiling_neon, APUS_BYTES);
}

void apus_int8_gemm_neon_dot(const apus_packed_product *job) {
    apus_run_tiles(job, &apus_int8_tiling_neon_dot, APUS_BYTES);
}

#endif
