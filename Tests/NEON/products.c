// Products with packed weights of every format, in the sizes of Tests/ComputeTests/WeightFormatTests.swift.

#include "support.h"

typedef struct product_size {
    size_t m, k, n;
} product_size;

static const product_size sizes[] = {
    {1, 1, 1},     {1, 7, 15},     {2, 16, 16},     {3, 130, 17},    {5, 64, 33}, {6, 100, 48},  {7, 128, 129},
    {8, 65, 100},  {9, 513, 47},   {13, 1030, 20},  {17, 384, 260},  {4, 64, 70}, {33, 27, 8},   {6, 2500, 64},
    {1, 320, 64},  {1, 320, 130},  {2, 96, 192},    {4, 256, 65},
};

static size_t round_up(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

// x[m, ...] W of each row alone and of all together have the same bits, whole and in two ranges of columns.
static void check_float32(tier t, product_size s) {
    float *x = random_floats(s.m * s.k), *weights = random_floats(s.n * s.k);
    const size_t packed_count = round_up(s.n, APUS_BLOCK_COLUMNS) * s.k;
    float *packed = floats(packed_count);
    memset(packed, 0, packed_count * sizeof *packed);
    apus_pack_columns(s.n, s.k, weights, s.k, 1, 0, packed);
    const size_t stride = s.n + 5, count = (s.m - 1) * stride + s.n;
    float *expected = floats(count), *y = floats(count), *alone = floats(count);
    apus_packed_gemm_ref(s.m, s.k, x, s.k, packed, 0, s.n, expected, stride);
    t.kernels->packed_gemm(s.m, s.k, x, s.k, packed, 0, s.n, y, stride);
    const float tolerance = 4e-7f * sqrtf((float)s.k) + 2e-6f;
    expect(largest_difference(count, y, expected) <= tolerance, "%s packed_gemm %zu %zu %zu", t.name, s.m, s.k, s.n);
    const size_t middle = s.n / 2 / APUS_BLOCK_COLUMNS * APUS_BLOCK_COLUMNS;
    for (size_t m = 0; m < s.m; m++) {
        t.kernels->packed_gemm(1, s.k, x + m * s.k, s.k, packed, 0, middle, alone + m * stride, stride);
        t.kernels->packed_gemm(1, s.k, x + m * s.k, s.k, packed, middle, s.n, alone + m * stride, stride);
    }
    expect(same_bits(count, alone, y), "%s packed_gemm %zu %zu %zu by rows", t.name, s.m, s.k, s.n);
}

// The formats of fewer bits.
typedef enum format { INT8, INT4, BF16 } format;
static const char *const format_names[] = {"int8_gemm", "int4_gemm", "bf16_gemm"};

static apus_packed_product packed_product(format f, product_size s, size_t group) {
    const size_t padded = round_up(s.k, f == BF16 ? APUS_BF16_DEPTH_UNIT : group), groups = padded / group;
    const size_t columns = round_up(s.n, APUS_BLOCK_COLUMNS);
    const float *x = random_floats(s.m * s.k), *weights = random_floats(s.n * s.k);
    apus_packed_product job = {.rows = s.m, .column_total = s.n, .column_end = s.n, .y_stride = s.n + 5};
    if (f == BF16) {
        uint16_t *packed = memory(columns * padded * 2), *rounded = memory(s.m * padded * 2);
        memset(packed, 0, columns * padded * 2);
        apus_pack_bf16(s.n, s.k, weights, s.k, 1, 0, s.n, packed);
        apus_round_rows_ref(s.m, s.k, x, s.k, rounded);
        job.depth = 2 * padded;
        job.group = 2 * APUS_BF16_DEPTH_UNIT;
        job.x = (const int8_t *)rounded;
        job.packed = (const uint8_t *)packed;
        return job;
    }
    const size_t bytes = f == INT8 ? columns * padded : columns * padded / 2;
    uint8_t *packed = memory(bytes);
    uint16_t *scales = memory(columns * groups * 2), *minimums = memory(columns * groups * 2);
    memset(packed, 0, bytes);
    memset(scales, 0, columns * groups * 2);
    memset(minimums, 0, columns * groups * 2);
    if (f == INT8) {
        apus_pack_int8(s.n, s.k, group, weights, s.k, 1, 0, s.n, packed, scales);
    } else {
        apus_pack_int4_ref(s.n, s.k, group, weights, s.k, 1, 0, s.n, packed, scales, minimums);
    }
    int8_t *q = memory(s.m * padded);
    float *x_scales = floats(s.m * groups);
    int32_t *x_sums = memory(s.m * groups * sizeof *x_sums);
    apus_quantize_rows_ref(s.m, s.k, group, x, s.k, q, x_scales, x_sums);
    job.depth = padded;
    job.group = group;
    job.x = q;
    job.x_scales = x_scales;
    job.x_sums = x_sums;
    job.packed = packed;
    job.scales = scales;
    job.minimums = f == INT4 ? minimums : NULL;
    return job;
}

static void multiply(const apus_kernels *kernels, format f, const apus_packed_product *job) {
    switch (f) {
    case INT8: kernels->int8_gemm(job); break;
    case INT4: kernels->int4_gemm(job); break;
    case BF16: kernels->bf16_gemm(job); break;
    }
}

// Packing gives the same bytes on every processor.
static void check_int4_packing(tier t, product_size s, size_t group) {
    const size_t padded = round_up(s.k, group), scales = round_up(s.n, APUS_BLOCK_COLUMNS) * padded / group;
    const size_t bytes = round_up(s.n, APUS_BLOCK_COLUMNS) * padded / 2;
    const float *weights = random_floats(s.n * s.k);
    const apus_kernels *tables[2] = {apus_kernels_of_tier(APUS_TIER_REFERENCE), t.kernels};
    uint8_t *packed[2];
    uint16_t *factors[2];
    for (int i = 0; i < 2; i++) {
        packed[i] = memset(memory(bytes), 0, bytes);
        factors[i] = memset(memory(4 * scales), 0, 4 * scales);
        tables[i]->pack_int4(s.n, s.k, group, weights, s.k, 1, 0, s.n, packed[i], factors[i], factors[i] + scales);
    }
    const bool same = memcmp(packed[0], packed[1], bytes) == 0 && memcmp(factors[0], factors[1], 4 * scales) == 0;
    expect(same, "%s pack_int4 %zu %zu by %zu", t.name, s.k, s.n, group);
}

// All rows together have the bits of the reference, or those of each row alone where the processor rounds otherwise.
static void check_packed(tier t, format f, product_size s, size_t group) {
    apus_packed_product job = packed_product(f, s, group);
    const size_t count = (s.m - 1) * job.y_stride + s.n;
    float *expected = floats(count), *y = floats(count);
    job.y = expected;
    multiply(apus_kernels_of_tier(APUS_TIER_REFERENCE), f, &job);
    job.y = y;
    multiply(t.kernels, f, &job);
    const char *name = format_names[f];
    if (f == BF16 && t.kernels->tier == APUS_TIER_AVX512_BF16) {
        const float tolerance = 4e-7f * sqrtf((float)s.k) + 2e-6f;
        expect(largest_difference(count, y, expected) <= tolerance, "%s %s %zu %zu %zu", t.name, name, s.m, s.k, s.n);
    } else {
        expect(same_bits(count, y, expected), "%s %s %zu %zu %zu by %zu", t.name, name, s.m, s.k, s.n, group);
    }
    float *alone = floats(count);
    const size_t groups = job.depth / job.group, middle = s.n / 2 / APUS_PANEL_COLUMNS * APUS_PANEL_COLUMNS;
    for (size_t m = 0; m < s.m; m++) {
        apus_packed_product row = job;
        row.rows = 1;
        row.x = job.x + m * job.depth;
        row.x_scales = f == BF16 ? NULL : job.x_scales + m * groups;
        row.x_sums = f == BF16 ? NULL : job.x_sums + m * groups;
        row.y = alone + m * job.y_stride;
        row.column_end = middle;
        multiply(t.kernels, f, &row);
        row.column_begin = middle;
        row.column_end = s.n;
        multiply(t.kernels, f, &row);
    }
    expect(same_bits(count, alone, y), "%s %s %zu %zu %zu by rows", t.name, name, s.m, s.k, s.n);
}

// The largest sums there can be: no product of bytes and no sum of two may be cut off.
static void check_largest(tier t) {
    const product_size s = {4, 128, 64};
    for (int sign = -1; sign <= 1; sign += 2) {
        apus_packed_product job = packed_product(INT8, s, 128);
        memset((void *)job.x, sign * 127, s.m * s.k);
        // Stands for -128, the one byte that quantising does not make but a file may hold.
        memset((void *)job.packed, 0, s.n * s.k);
        for (size_t m = 0; m < s.m; m++) {
            ((int32_t *)job.x_sums)[m] = sign * 127 * 128;
        }
        const size_t count = (s.m - 1) * job.y_stride + s.n;
        float *expected = floats(count), *y = floats(count);
        job.y = expected;
        apus_int8_gemm_ref(&job);
        job.y = y;
        t.kernels->int8_gemm(&job);
        expect(same_bits(count, y, expected), "%s int8_gemm of the largest numbers", t.name);
    }
}

void check_products(tier t) {
    seed(3);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check_float32(t, sizes[i]);
        for (size_t group = 32; group <= 128; group *= 2) {
            check_packed(t, INT8, sizes[i], group);
            check_packed(t, INT4, sizes[i], group);
            check_int4_packing(t, sizes[i], group);
        }
        check_packed(t, BF16, sizes[i], 32);
        free_all();
    }
    check_largest(t);
    free_all();
}

// Products of the reference.
static void hash_products(void) {
    const product_size s = {3, 130, 81};
    for (format f = INT8; f <= BF16; f++) {
        apus_packed_product job = packed_product(f, s, 64);
        job.y_stride = s.n;
        job.y = floats(s.m * s.n);
        multiply(apus_kernels_of_tier(APUS_TIER_REFERENCE), f, &job);
        hash_floats(format_names[f], s.m * s.n, job.y);
        if (f != BF16) {
            hash_bytes("quantize_rows", s.m * job.depth, job.x);
        }
        hash_bytes(format_names[f], job.depth * s.n / (f == INT4 ? 2 : 1), job.packed);
    }
    float *packed = floats(96 * s.k), *x = random_floats(s.m * s.k), *y = floats(s.m * s.n);
    memset(packed, 0, 96 * s.k * sizeof *packed);
    apus_pack_columns(s.n, s.k, random_floats(s.n * s.k), s.k, 1, 0, packed);
    apus_packed_gemm_ref(s.m, s.k, x, s.k, packed, 0, s.n, y, s.n);
    hash_floats("packed_gemm", s.m * s.n, y);
}

void print_hashes(void) {
    static const struct {
        const char *name;
        void (*function)(size_t count, const uint8_t *x, float *y);
        size_t byte_count, value_count;
    } formats[] = {
        {"dequantize_f16", apus_dequantize_f16, 2, 1},       {"dequantize_bf16", apus_dequantize_bf16, 2, 1},
        {"dequantize_q4_0", apus_dequantize_q4_0, 18, 32},   {"dequantize_q4_1", apus_dequantize_q4_1, 20, 32},
        {"dequantize_q5_0", apus_dequantize_q5_0, 22, 32},   {"dequantize_q5_1", apus_dequantize_q5_1, 24, 32},
        {"dequantize_q8_0", apus_dequantize_q8_0, 34, 32},   {"dequantize_q2_k", apus_dequantize_q2_k, 84, 256},
        {"dequantize_q3_k", apus_dequantize_q3_k, 110, 256}, {"dequantize_q4_k", apus_dequantize_q4_k, 144, 256},
        {"dequantize_q5_k", apus_dequantize_q5_k, 176, 256}, {"dequantize_q6_k", apus_dequantize_q6_k, 210, 256},
    };
    enum { BLOCKS = 200 };
    seed(4);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const size_t byte_count = BLOCKS * formats[i].byte_count, value_count = BLOCKS * formats[i].value_count;
        uint8_t *x = memory(byte_count);
        for (size_t j = 0; j < byte_count; j++) {
            x[j] = (uint8_t)next_bits();
        }
        float *y = floats(value_count);
        formats[i].function(BLOCKS, x, y);
        hash_floats(formats[i].name, value_count, y);
    }
    hash_products();
    free_all();
}
