// Weights of model files to single precision: half precision and the blocks of 32 of GGUF.
//
//   F16, BF16   y = x, exactly
//   Q4_0        y = d (q - 8)        | d: f16 | 16 bytes: low nibbles q 0…15, high nibbles q 16…31 |
//   Q4_1        y = d q + m          | d | m: f16 | nibbles as above |
//   Q5_0        y = d (q - 16)       | d | 4 bytes: bit i is bit 4 of q i | nibbles |
//   Q5_1        y = d q + m          | d | m | 4 bytes | nibbles |
//   Q8_0        y = d q              | d | 32 signed bytes |
//
// x: `count` blocks, of any alignment, little-endian.   y: [count * 32] (F16 and BF16: [count]); does not overlap x.
// A product is rounded before it is added to (no fused operations), so the bits are those of the `gguf` Python package.
// Plain loops that the compiler turns into vectors: they are bound by memory, and are the reference at the same time.

#include "dequantize.h"

#pragma STDC FP_CONTRACT OFF

enum { BLOCK = 32 };

void apus_dequantize_f16(size_t count, const uint8_t *x, float *y) {
    for (size_t i = 0; i < count; i++) {
        y[i] = apus_half(x + 2 * i);
    }
}

void apus_dequantize_bf16(size_t count, const uint8_t *x, float *y) {
    for (size_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, x + 2 * i, sizeof bits);
        const uint32_t wide = (uint32_t)bits << 16;
        memcpy(y + i, &wide, sizeof wide);
    }
}

void apus_dequantize_q4_0(size_t count, const uint8_t *x, float *y) {
    for (; count > 0; count--, x += 2 + BLOCK / 2, y += BLOCK) {
        const float d = apus_half(x);
        for (size_t i = 0; i < BLOCK / 2; i++) {
            y[i] = d * (float)((x[2 + i] & 15) - 8);
            y[i + BLOCK / 2] = d * (float)((x[2 + i] >> 4) - 8);
        }
    }
}

void apus_dequantize_q4_1(size_t count, const uint8_t *x, float *y) {
    for (; count > 0; count--, x += 4 + BLOCK / 2, y += BLOCK) {
        const float d = apus_half(x), m = apus_half(x + 2);
        for (size_t i = 0; i < BLOCK / 2; i++) {
            y[i] = d * (float)(x[4 + i] & 15) + m;
            y[i + BLOCK / 2] = d * (float)(x[4 + i] >> 4) + m;
        }
    }
}

// The fifth bits of the block, as 0 or 16.
static void fifth_bits(const uint8_t *x, uint8_t *bits) {
    for (size_t i = 0; i < BLOCK; i++) {
        bits[i] = (uint8_t)((x[i / 8] >> (i % 8) & 1) << 4);
    }
}

void apus_dequantize_q5_0(size_t count, const uint8_t *x, float *y) {
    for (; count > 0; count--, x += 6 + BLOCK / 2, y += BLOCK) {
        const float d = apus_half(x);
        uint8_t high[BLOCK];
        fifth_bits(x + 2, high);
        for (size_t i = 0; i < BLOCK / 2; i++) {
            y[i] = d * (float)(((x[6 + i] & 15) | high[i]) - 16);
            y[i + BLOCK / 2] = d * (float)((x[6 + i] >> 4 | high[i + BLOCK / 2]) - 16);
        }
    }
}

void apus_dequantize_q5_1(size_t count, const uint8_t *x, float *y) {
    for (; count > 0; count--, x += 8 + BLOCK / 2, y += BLOCK) {
        const float d = apus_half(x), m = apus_half(x + 2);
        uint8_t high[BLOCK];
        fifth_bits(x + 4, high);
        for (size_t i = 0; i < BLOCK / 2; i++) {
            y[i] = d * (float)((x[8 + i] & 15) | high[i]) + m;
            y[i + BLOCK / 2] = d * (float)(x[8 + i] >> 4 | high[i + BLOCK / 2]) + m;
        }
    }
}

void apus_dequantize_q8_0(size_t count, const uint8_t *x, float *y) {
    for (; count > 0; count--, x += 2 + BLOCK, y += BLOCK) {
        const float d = apus_half(x);
        for (size_t i = 0; i < BLOCK; i++) {
            y[i] = d * (float)(int8_t)x[2 + i];
        }
    }
}
