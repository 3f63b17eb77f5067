// Weights of GGUF files to single precision: the blocks of 256, whose parts have small scales of their own.
//
//   Q2_K   y = (d s) q - (dmin m)    | 16 bytes: s low, m high nibbles | 64 bytes: q | d: f16 | dmin: f16 |
//   Q3_K   y = (d (s - 32)) q        | 32 bytes: high bits | 64 bytes: low bits | 12 bytes: s of 6 bits | d |
//   Q4_K   y = (d s) q - (dmin m)    | d | dmin | 12 bytes: s and m of 6 bits | 128 bytes: q |
//   Q5_K   y = (d s) q - (dmin m)    | d | dmin | 12 bytes | 32 bytes: high bits | 128 bytes: low bits |
//   Q6_K   y = (d s) (q - 32)        | 128 bytes: low bits | 64 bytes: high bits | 16 signed bytes: s | d |
//
// Q2_K, Q3_K and Q6_K have a scale for every 16 elements, Q4_K and Q5_K for every 32. The bits of elements that lie 32
// (in Q6_K 64) apart share a byte. Products are rounded before anything is added or subtracted; see dequantize.c.

#include "dequantize.h"

#pragma STDC FP_CONTRACT OFF

enum { BLOCK = 256 };

void apus_dequantize_q2_k(size_t count, const uint8_t *x, float *y) {
    for (; count > 0; count--, x += 84, y += BLOCK) {
        const float d = apus_half(x + 80), dmin = apus_half(x + 82);
        for (size_t part = 0; part < 16; part++) {
            const float scale = d * (float)(x[part] & 15), minimum = dmin * (float)(x[part] >> 4);
            const uint8_t *q = x + 16 + part / 8 * 32 + part % 2 * 16;
            const unsigned shift = part / 2 % 4 * 2;
            for (size_t i = 0; i < 16; i++) {
                y[part * 16 + i] = scale * (float)(q[i] >> shift & 3) - minimum;
            }
        }
    }
}

void apus_dequantize_q3_k(size_t count, const uint8_t *x, float *y) {
    for (; count > 0; count--, x += 110, y += BLOCK) {
        const float d = apus_half(x + 108);
        const uint8_t *scales = x + 96;
        for (size_t part = 0; part < 16; part++) {
            const int low = scales[part % 8] >> part / 8 * 4 & 15;
            const int high = scales[8 + part % 4] >> part / 4 * 2 & 3;
            const float scale = d * (float)((low | high << 4) - 32);
            const uint8_t *q = x + 32 + part / 8 * 32 + part % 2 * 16;
            const uint8_t *mask = x + part % 2 * 16;
            const unsigned shift = part / 2 % 4 * 2, bit = (unsigned)part / 2;
            for (size_t i = 0; i < 16; i++) {
                const int lowBits = q[i] >> shift & 3;
                y[part * 16 + i] = scale * (float)(lowBits - ((mask[i] >> bit & 1) ^ 1) * 4);
            }
        }
    }
}

void apus_dequantize_q4_k(size_t count, const uint8_t *x, float *y) {
    for (; count > 0; count--, x += 144, y += BLOCK) {
        const float d = apus_half(x), dmin = apus_half(x + 2);
        for (size_t part = 0; part < 8; part++) {
            uint8_t s, m;
            apus_scale_and_minimum_k(part, x + 4, &s, &m);
            const float scale = d * (float)s, minimum = dmin * (float)m;
            const uint8_t *q = x + 16 + part / 2 * 32;
            const unsigned shift = part % 2 * 4;
            for (size_t i = 0; i < 32; i++) {
                y[part * 32 + i] = scale * (float)(q[i] >> shift & 15) - minimum;
            }
        }
    }
}

void apus_dequantize_q5_k(size_t count, const uint8_t *x, float *y) {
    for (; count > 0; count--, x += 176, y += BLOCK) {
        const float d = apus_half(x), dmin = apus_half(x + 2);
        const uint8_t *high = x + 16;
        for (size_t part = 0; part < 8; part++) {
            uint8_t s, m;
            apus_scale_and_minimum_k(part, x + 4, &s, &m);
            const float scale = d * (float)s, minimum = dmin * (float)m;
            const uint8_t *q = x + 48 + part / 2 * 32;
            const unsigned shift = part % 2 * 4, bit = (unsigned)part;
            for (size_t i = 0; i < 32; i++) {
                y[part * 32 + i] = scale * (float)((q[i] >> shift & 15) | (high[i] >> bit & 1) << 4) - minimum;
            }
        }
    }
}

void apus_dequantize_q6_k(size_t count, const uint8_t *x, float *y) {
    for (; count > 0; count--, x += 210, y += BLOCK) {
        const float d = apus_half(x + 208);
        const int8_t *scales = (const int8_t *)x + 192;
        for (size_t part = 0; part < 16; part++) {
            const float scale = d * (float)scales[part];
            const size_t quarter = part / 2 % 4;  // of the half block
            const uint8_t *low = x + part / 8 * 64 + quarter % 2 * 32 + part % 2 * 16;
            const uint8_t *high = x + 128 + part / 8 * 32 + part % 2 * 16;
            const unsigned lowShift = quarter / 2 * 4, highShift = (unsigned)quarter * 2;
            for (size_t i = 0; i < 16; i++) {
                const int q = (low[i] >> lowShift & 15) | (high[i] >> highShift & 3) << 4;
                y[part * 16 + i] = scale * (float)(q - 32);
            }
        }
    }
}
