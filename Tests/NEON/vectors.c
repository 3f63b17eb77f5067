// Kernels of one vector or element by element: the cases and tolerances of Tests/ComputeTests/KernelsTests.swift,
// DecoderKernelsTests.swift and GeluTests.swift.

#include "support.h"

static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 257};
enum { SIZE_COUNT = sizeof sizes / sizeof *sizes };

static float *copy(size_t count, const float *values) {
    float *result = floats(count);
    memcpy(result, values, count * sizeof *values);
    return result;
}

static void check_sums(tier t, size_t size) {
    const float *x = random_floats(size), *y = random_floats(size);
    const float dot = t.kernels->dot(size, x, y);
    expect(fabsf(dot - apus_dot_ref(size, x, y)) < 1e-5f, "%s dot %zu", t.name, size);
    float *expected = copy(size, y), *sum = copy(size, y);
    apus_axpy_ref(size, 0.75f, x, expected);
    t.kernels->axpy(size, 0.75f, x, sum);
    expect(largest_difference(size, sum, expected) < 1e-6f, "%s axpy %zu", t.name, size);
    expected = copy(size, y);
    sum = copy(size, y);
    apus_add_ref(size, x, expected);
    t.kernels->add(size, x, sum);
    expect(same_bits(size, sum, expected), "%s add %zu", t.name, size);
}

static void check_gates(tier t, size_t size) {
    for (float factor = 0.1f; factor < 11; factor *= 10) {
        float *gate = random_floats(size), *up = random_floats(size);
        for (size_t i = 0; i < size; i++) {
            gate[i] *= factor;
        }
        float *expected = floats(size), *y = floats(size);
        apus_silu_mul_ref(size, gate, up, expected);
        t.kernels->silu_mul(size, gate, up, y);
        expect(largest_difference(size, y, expected) < 2e-6f, "%s silu_mul %zu", t.name, size);
        apus_gelu_tanh_mul_ref(size, gate, up, expected);
        t.kernels->gelu_tanh_mul(size, gate, up, y);
        expect(largest_difference(size, y, expected) < 1e-6f, "%s gelu_tanh_mul %zu", t.name, size);
        t.kernels->gelu_tanh_mul(size, gate, up, up);
        expect(same_bits(size, up, y), "%s gelu_tanh_mul %zu in place", t.name, size);
        float *cap = copy(size, gate);
        expected = copy(size, gate);
        apus_soft_cap_ref(size, 3, expected);
        t.kernels->soft_cap(size, 3, cap);
        expect(largest_difference(size, cap, expected) < 1e-6f, "%s soft_cap %zu", t.name, size);
    }
}

static void check_softmax(tier t, size_t size) {
    const float factors[] = {1, 30, 200};
    for (size_t f = 0; f < 3 && size > 0; f++) {
        float *expected = random_floats(size);
        for (size_t i = 0; i < size; i++) {
            expected[i] *= factors[f];
        }
        float *y = copy(size, expected);
        apus_softmax_ref(size, expected);
        t.kernels->softmax(size, y);
        float sum = 0;
        for (size_t i = 0; i < size; i++) {
            sum += y[i];
        }
        expect(largest_difference(size, y, expected) < 2e-6f, "%s softmax %zu", t.name, size);
        expect(fabsf(sum - 1) < 1e-5f, "%s softmax %zu adds up to %g", t.name, size, sum);
    }
}

static void check_rope(tier t, size_t head_size) {
    float *cosines = floats(head_size / 2), *sines = floats(head_size / 2);
    for (size_t i = 0; i < head_size / 2; i++) {
        cosines[i] = cosf((float)i);
        sines[i] = sinf((float)i);
    }
    float *expected = random_floats(head_size), *y = copy(head_size, expected);
    apus_rope_ref(head_size, cosines, sines, expected);
    t.kernels->rope(head_size, cosines, sines, y);
    expect(largest_difference(head_size, y, expected) < 1e-6f, "%s rope %zu", t.name, head_size);
}

// From underflow to overflow, against the formulas in float64.
static void check_extremes(tier t) {
    const float values[] = {-INFINITY, -1e30f, -500, -100, -90, -87, -20, -9, -1, -0.6251f, -0.6249f, -1e-3f, -1e-20f,
                            0, 1e-20f, 1e-3f, 0.6249f, 0.6251f, 1, 9, 20, 87, 90, 100, 500, 1e30f, INFINITY, NAN};
    enum { COUNT = sizeof values / sizeof *values };
    float *up = floats(COUNT), *y = floats(COUNT), *cap = copy(COUNT, values), *gelu = copy(COUNT, values);
    for (size_t i = 0; i < COUNT; i++) {
        up[i] = 1;
    }
    t.kernels->silu_mul(COUNT, values, up, y);
    t.kernels->soft_cap(COUNT, 1, cap);
    t.kernels->bias_activation(1, COUNT, NULL, APUS_ACTIVATION_GELU, gelu, COUNT);
    for (size_t i = 0; i < COUNT - 1; i++) {
        const double v = values[i], silu = v / (1 + exp(-v));
        // exp is clamped at 88: below -88 the result is v e^-88 instead of less, at most 7e-9 down to v = -1e30.
        if (isfinite(v)) {
            expect(fabs(y[i] - silu) <= 1e-6 * fmax(1, fabs(silu)), "%s silu of %g is %g", t.name, v, y[i]);
            const double unit = v / 2 * erfc(-v / sqrt(2));
            expect(fabs(gelu[i] - unit) <= 4e-7 + fabs(unit) * 3e-7, "%s gelu of %g is %g", t.name, v, gelu[i]);
        }
        expect(fabs(cap[i] - tanh(v)) <= 4e-7 * fabs(tanh(v)), "%s tanh of %g is %g", t.name, v, cap[i]);
    }
    expect(isnan(y[COUNT - 1]) && isnan(cap[COUNT - 1]) && isnan(gelu[COUNT - 1]), "%s: a NaN stays one", t.name);
}

static void check_conversions(tier t) {
    enum { COUNT = 65536 + 3 };
    uint16_t *all = memory(COUNT * sizeof *all);
    for (size_t i = 0; i < COUNT; i++) {
        all[i] = (uint16_t)i;
    }
    float *expected = floats(COUNT), *y = floats(COUNT);
    apus_float16_to_float32_ref(COUNT, all, expected);
    t.kernels->float16_to_float32(COUNT, all, y);
    expect(same_bits(COUNT, y, expected), "%s float16_to_float32", t.name);
    apus_bfloat16_to_float32_ref(COUNT, all, expected);
    t.kernels->bfloat16_to_float32(COUNT, all, y);
    expect(same_bits(COUNT, y, expected), "%s bfloat16_to_float32", t.name);
}

void check_vectors(tier t) {
    seed(1);
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        check_sums(t, sizes[i]);
        check_gates(t, sizes[i]);
        check_softmax(t, sizes[i]);
        check_rope(t, sizes[i] * 2);
        free_all();
    }
    check_extremes(t);
    check_conversions(t);
    free_all();
}
