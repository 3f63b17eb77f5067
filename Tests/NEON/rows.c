// Kernels of rows: norms, what follows a product, activations in fewer bits.

#include "support.h"

static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 257};
enum { SIZE_COUNT = sizeof sizes / sizeof *sizes, ROWS = 3 };

// The floats between rows are NaN before and have to be after.
static bool gaps_are_left(const float *rows, size_t size, size_t stride) {
    for (size_t m = 0; m + 1 < ROWS; m++) {
        for (size_t i = size; i < stride; i++) {
            if (!isnan(rows[m * stride + i])) {
                return false;
            }
        }
    }
    return true;
}

static void check_norms(tier t, size_t size) {
    const size_t stride = size + 3, count = (ROWS - 1) * stride + size;
    float *x = floats(count), *weight = random_floats(size), *bias = random_floats(size);
    for (size_t m = 0; m < ROWS; m++) {
        for (size_t i = 0; i < size; i++) {
            // A mean far from zero, which a variance by the mean of the squares would not survive.
            x[m * stride + i] = next_float() + 20;
        }
    }
    float *expected = floats(count), *y = floats(count);
    apus_rms_norm_ref(ROWS, size, x, stride, weight, 1e-5f, expected, stride);
    t.kernels->rms_norm(ROWS, size, x, stride, weight, 1e-5f, y, stride);
    expect(largest_difference(count, y, expected) < 2e-6f, "%s rms_norm %zu", t.name, size);
    for (int with_bias = 0; with_bias < 2; with_bias++) {
        const float *b = with_bias ? bias : NULL;
        apus_layer_norm_ref(ROWS, size, x, stride, weight, b, 1e-3f, expected, stride);
        t.kernels->layer_norm(ROWS, size, x, stride, weight, b, 1e-3f, y, stride);
        // The mean of values near 20 is known to 2e-6, a deviation is at least 0.03 = sqrt(1e-3).
        expect(largest_difference(count, y, expected) < 1e-4f, "%s layer_norm %zu", t.name, size);
        expect(gaps_are_left(y, size, stride), "%s layer_norm %zu between rows", t.name, size);
    }
    t.kernels->layer_norm(ROWS, size, x, stride, weight, bias, 1e-3f, x, stride);
    expect(same_bits(count, x, y), "%s layer_norm %zu in place", t.name, size);
}

static void check_activations(tier t, size_t size) {
    const size_t stride = size + 2, count = (ROWS - 1) * stride + size;
    const float *bias = random_floats(size);
    for (int activation = APUS_ACTIVATION_NONE; activation <= APUS_ACTIVATION_GELU; activation++) {
        for (int with_bias = 0; with_bias < 2; with_bias++) {
            float *expected = floats(count), *y = floats(count);
            for (size_t m = 0; m < ROWS; m++) {
                for (size_t i = 0; i < size; i++) {
                    y[m * stride + i] = expected[m * stride + i] = next_float() * 4;
                }
            }
            apus_bias_activation_ref(ROWS, size, with_bias ? bias : NULL, activation, expected, stride);
            t.kernels->bias_activation(ROWS, size, with_bias ? bias : NULL, activation, y, stride);
            expect(largest_difference(count, y, expected) < 1e-6f, "%s activation %d of %zu", t.name, activation, size);
            expect(gaps_are_left(y, size, stride), "%s activation %d between rows", t.name, activation);
        }
    }
}

static void check_quantized(tier t, size_t depth, size_t group) {
    const size_t groups = (depth + group - 1) / group, stride = depth + 1;
    float *x = random_floats(ROWS * stride);
    // Ties, a group of zeros, and what is not a number.
    for (size_t k = 0; k < depth; k++) {
        x[k] = k % 7 == 0 ? 127 : (float)(k % 100) + 0.5f;
        x[stride + k] = k < group ? 0 : x[stride + k];
    }
    x[2 * stride] = NAN;
    x[2 * stride + depth / 2] = INFINITY;
    x[2 * stride + depth - 1] = -INFINITY;
    int8_t *expected = memory(ROWS * groups * group), *q = memory(ROWS * groups * group);
    float *expected_scales = floats(ROWS * groups), *scales = floats(ROWS * groups);
    int32_t *expected_sums = memory(ROWS * groups * 4), *sums = memory(ROWS * groups * 4);
    apus_quantize_rows_ref(ROWS, depth, group, x, stride, expected, expected_scales, expected_sums);
    t.kernels->quantize_rows(ROWS, depth, group, x, stride, q, scales, sums);
    const bool same = memcmp(q, expected, ROWS * groups * group) == 0 &&
                      same_bits(ROWS * groups, scales, expected_scales) &&
                      memcmp(sums, expected_sums, ROWS * groups * 4) == 0;
    expect(same, "%s quantize_rows %zu by %zu", t.name, depth, group);
    const size_t padded = (depth + 31) / 32 * 32;
    uint16_t *expected_rounded = memory(ROWS * padded * 2), *rounded = memory(ROWS * padded * 2);
    apus_round_rows_ref(ROWS, depth, x, stride, expected_rounded);
    t.kernels->round_rows(ROWS, depth, x, stride, rounded);
    expect(memcmp(rounded, expected_rounded, ROWS * padded * 2) == 0, "%s round_rows %zu", t.name, depth);
}

void check_rows(tier t) {
    seed(2);
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        check_norms(t, sizes[i]);
        check_activations(t, sizes[i]);
        for (size_t group = 32; group <= 128; group *= 2) {
            check_quantized(t, sizes[i], group);
        }
        free_all();
    }
    for (size_t group = 32; group <= 128; group *= 2) {
        check_quantized(t, 128, group);
        check_quantized(t, 640, group);
        free_all();
    }
}
