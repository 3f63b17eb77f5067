// Product of activations and weights in brain floating point, accumulated in single precision.
//
//   y[m, n] = sum over k of x[m, k] * w[k, n]
//
// x: [rows, padded] as apus_round_rows makes it, padded = the inputs rounded up to a multiple of 32, the rest zeros.
// packed: [ceil(N / 64)][padded / 2][blocks][16][2]: a panel of 64 columns in up to four blocks of 16, and in a block
// two neighbouring k of each column side by side, as one instruction multiplies them.
//
// Accumulator: one float32 per output takes the pairs k = (0, 1), (2, 3), ... in turn, the odd one of a pair first.
// That order is the same for every number of rows and every split of the columns, so an output has the same bits in any
// batch and on any number of threads. VDPBF16PS takes subnormals for zeros; its tier differs in the last bits
// from the others, which have those of the reference.
// Source: Intel SDM, VDPBF16PS.

#include "packed_tiles.h"

// Index of the weight k.
APUS_INLINE size_t pair_index(apus_column column, size_t k) {
    return column.panel / 2 + k / 2 * column.blocks * 32 + column.place * 2 + k % 2;
}

// The columns' place; depth is counted in bytes, as a product does.
APUS_INLINE apus_column bf16_column(size_t n, size_t column_total, size_t padded) {
    return apus_column_at(n, column_total, 2 * padded, 2 * padded);
}

APUS_INLINE size_t padded_depth(size_t depth) {
    return (depth + APUS_BF16_DEPTH_UNIT - 1) / APUS_BF16_DEPTH_UNIT * APUS_BF16_DEPTH_UNIT;
}

void apus_pack_bf16(size_t column_count, size_t depth, const float *weights, size_t column_stride, size_t depth_stride,
                    size_t column_begin, size_t column_total, uint16_t *packed) {
    for (size_t c = 0; c < column_count; c++) {
        const apus_column column = bf16_column(column_begin + c, column_total, padded_depth(depth));
        for (size_t k = 0; k < depth; k++) {
            packed[pair_index(column, k)] = apus_bfloat_of_float(weights[c * column_stride + k * depth_stride]);
        }
    }
}

void apus_unpack_bf16(size_t depth, size_t column, size_t column_total, const uint16_t *packed, float *weights) {
    const apus_column at = bf16_column(column, column_total, padded_depth(depth));
    for (size_t k = 0; k < depth; k++) {
        weights[k] = apus_float_of_bfloat(packed[pair_index(at, k)]);
    }
}

APUS_INLINE void round_rows(size_t rows, size_t depth, const float *x, size_t x_stride, uint16_t *rounded) {
    const size_t padded = padded_depth(depth);
    for (size_t m = 0; m < rows; m++) {
        for (size_t k = 0; k < depth; k++) {
            rounded[m * padded + k] = apus_bfloat_of_float(x[m * x_stride + k]);
        }
        memset(rounded + m * padded + depth, 0, (padded - depth) * sizeof *rounded);
    }
}

void apus_round_rows_ref(size_t rows, size_t depth, const float *x, size_t x_stride, uint16_t *rounded) {
    round_rows(rows, depth, x, x_stride, rounded);
}

void apus_bf16_gemm_ref(const apus_packed_product *job) {
    const size_t padded = job->depth / 2;
    const uint16_t *packed = (const uint16_t *)job->packed;
    for (size_t n = job->column_begin; n < job->column_end; n++) {
        const apus_column column = bf16_column(n, job->column_total, padded);
        for (size_t m = 0; m < job->rows; m++) {
            const uint16_t *x = (const uint16_t *)job->x + m * padded;
            float sum = 0;
            for (size_t k = 0; k < padded; k += 2) {
                const uint16_t *pair = packed + pair_index(column, k);
                sum = fmaf(apus_float_of_bfloat(x[k + 1]), apus_float_of_bfloat(pair[1]), sum);
                sum = fmaf(apus_float_of_bfloat(x[k]), apus_float_of_bfloat(pair[0]), sum);
            }
            job->y[m * job->y_stride + n] = sum;
        }
    }
}

#if APUS_X86

// For these instruction sets the compiler finds the vectors in the reference.
APUS_AVX2 void apus_round_rows_avx2(size_t rows, size_t depth, const float *x, size_t x_stride, uint16_t *rounded) {
    round_rows(rows, depth, x, x_stride, rounded);
}

APUS_AVX512 void apus_round_rows_avx512(size_t rows, size_t depth, const float *x, size_t x_stride,
                                        uint16_t *rounded) {
    round_rows(rows, depth, x, x_stride, rounded);
}

void apus_bf16_gemm_bf16(const apus_packed_product *job) {
    apus_run_tiles(job, &apus_bf16_tiling, APUS_PAIRS);
}

void apus_bf16_gemm_avx512(const apus_packed_product *job) {
    apus_run_tiles(job, &apus_bf16_tiling_avx512, APUS_PAIRS);
}

void apus_bf16_gemm_avx2(const apus_packed_product *job) {
    apus_run_tiles(job, &apus_bf16_tiling_avx2, APUS_PAIRS);
}

#endif

#if APUS_NEON

// Here too.
void apus_round_rows_neon(size_t rows, size_t depth, const float *x, size_t x_stride, uint16_t *rounded) {
    round_rows(rows, depth, x, x_stride, rounded);
}

void apus_bf16_gemm_neon(const apus_packed_product *job) {
    apus_run_tiles(job, &apus_bf16_tiling_neon, APUS_PAIRS);
}

#endif
