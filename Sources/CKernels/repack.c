// Weights of GGUF files into the layouts of packed_int8.c and packed_int4.c, in groups of 32, without single precision
// in between.
//
//   Q8_0 as int8   y = d q            scale d, weight q
//   Q5_0 as int8   y = d (q - 16)     scale d, weight q - 16
//   Q4_0 as int8   y = d (q - 8)      scale d, weight q - 8
//   Q4_0 as int4   y = d q - 8 d      scale d, minimum -8 d, weight q
//   Q4_1 as int4   y = d q + m        scale d, minimum m, weight q
//   Q4_K as int4   y = (d s) q - (dmin m)   scale d s and minimum -dmin m, both rounded to half precision
//
// All but Q4_K are exact: unpacked, the weights are those that dequantize.c gives, a zero of either sign being one.
// The products of Q4_K have 17 bits where half precision has 11, so its weights move by at most 2^-11 of the scale's
// and the minimum's part.
// The layouts of the blocks: see dequantize.c and dequantize_k.c.
//
// blocks: [column_count][depth / 32] (Q4_K: depth / 256), of any alignment. Other columns of `packed` are left alone.
// Each returns 0 when a scale or minimum is infinite, not a number, or too large for half precision.

#include "dequantize.h"
#include "packed_tiles.h"

enum { GROUP = 32 };

// Whether half precision stands for a number.
APUS_INLINE int is_finite(uint16_t half) {
    return (half & 0x7C00) != 0x7C00;
}

APUS_INLINE uint16_t half_at(const uint8_t *x) {
    uint16_t half;
    memcpy(&half, x, sizeof half);
    return half;
}

APUS_INLINE uint16_t rounded(float value, int *is_good) {
    *is_good &= fabsf(value) < 65520.0f;
    return apus_half_of_float(value);
}

// The 32 nibbles of a block, as they are packed: low halves are weights 0 ... 15, high ones 16 ... 31.
APUS_INLINE void split_nibbles(const uint8_t *x, uint8_t *levels) {
    for (size_t i = 0; i < GROUP / 2; i++) {
        levels[i] = x[i] & 15;
        levels[i + GROUP / 2] = x[i] >> 4;
    }
}

APUS_INLINE void store_bytes(apus_column column, size_t g, const uint8_t *bytes, uint8_t *packed) {
    uint8_t *to = packed + apus_byte_index(column, g * GROUP);
    for (size_t k = 0; k < GROUP; k += 4, to += column.blocks * 64) {
        memcpy(to, bytes + k, 4);
    }
}

APUS_INLINE void store_nibbles(apus_column column, size_t g, const uint8_t *levels, uint8_t *packed) {
    uint8_t both[GROUP / 2];
    for (size_t i = 0; i < GROUP / 2; i++) {
        const size_t k = i / 4 * 8 + i % 4;
        both[i] = (uint8_t)(levels[k] | levels[k + 4] << 4);
    }
    uint8_t *to = packed + apus_nibble_index(column, g * GROUP);
    for (size_t i = 0; i < GROUP / 2; i += 4, to += column.blocks * 64) {
        memcpy(to, both + i, 4);
    }
}

int apus_repack_q8_0(size_t column_count, size_t depth, const uint8_t *blocks, size_t column_begin,
                     size_t column_total, uint8_t *packed, uint16_t *scales) {
    int is_good = 1;
    for (size_t c = 0; c < column_count; c++) {
        const apus_column column = apus_column_at(column_begin + c, column_total, depth, GROUP);
        for (size_t g = 0; g < depth / GROUP; g++, blocks += 2 + GROUP) {
            uint8_t bytes[GROUP];
            for (size_t i = 0; i < GROUP; i++) {
                bytes[i] = blocks[2 + i] ^ 0x80;
            }
            const uint16_t scale = half_at(blocks);
            is_good &= is_finite(scale);
            scales[apus_scale_index(column, g)] = scale;
            store_bytes(column, g, bytes, packed);
        }
    }
    return is_good;
}

int apus_repack_q5_0(size_t column_count, size_t depth, const uint8_t *blocks, size_t column_begin,
                     size_t column_total, uint8_t *packed, uint16_t *scales) {
    int is_good = 1;
    for (size_t c = 0; c < column_count; c++) {
        const apus_column column = apus_column_at(column_begin + c, column_total, depth, GROUP);
        for (size_t g = 0; g < depth / GROUP; g++, blocks += 6 + GROUP / 2) {
            uint8_t bytes[GROUP];
            split_nibbles(blocks + 6, bytes);
            for (size_t i = 0; i < GROUP; i++) {
                bytes[i] = (uint8_t)(128 - 16 + (bytes[i] | (blocks[2 + i / 8] >> (i % 8) & 1) << 4));
            }
            const uint16_t scale = half_at(blocks);
            is_good &= is_finite(scale);
            scales[apus_scale_index(column, g)] = scale;
            store_bytes(column, g, bytes, packed);
        }
    }
    return is_good;
}

int apus_repack_q4_0_int8(size_t column_count, size_t depth, const uint8_t *blocks, size_t column_begin,
                          size_t column_total, uint8_t *packed, uint16_t *scales) {
    int is_good = 1;
    for (size_t c = 0; c < column_count; c++) {
        const apus_column column = apus_column_at(column_begin + c, column_total, depth, GROUP);
        for (size_t g = 0; g < depth / GROUP; g++, blocks += 2 + GROUP / 2) {
            uint8_t bytes[GROUP];
            split_nibbles(blocks + 2, bytes);
            for (size_t i = 0; i < GROUP; i++) {
                bytes[i] = (uint8_t)(128 - 8 + bytes[i]);
            }
            const uint16_t scale = half_at(blocks);
            is_good &= is_finite(scale);
            scales[apus_scale_index(column, g)] = scale;
            store_bytes(column, g, bytes, packed);
        }
    }
    return is_good;
}

int apus_repack_q4_0(size_t column_count, size_t depth, const uint8_t *blocks, size_t column_begin,
                     size_t column_total, uint8_t *packed, uint16_t *scales, uint16_t *minimums) {
    int is_good = 1;
    for (size_t c = 0; c < column_count; c++) {
        const apus_column column = apus_column_at(column_begin + c, column_total, depth, GROUP);
        for (size_t g = 0; g < depth / GROUP; g++, blocks += 2 + GROUP / 2) {
            uint8_t levels[GROUP];
            split_nibbles(blocks + 2, levels);
            const uint16_t scale = half_at(blocks);
            is_good &= is_finite(scale);
            scales[apus_scale_index(column, g)] = scale;
            minimums[apus_scale_index(column, g)] = rounded(-8.0f * apus_half(blocks), &is_good);
            store_nibbles(column, g, levels, packed);
        }
    }
    return is_good;
}

int apus_repack_q4_1(size_t column_count, size_t depth, const uint8_t *blocks, size_t column_begin,
                     size_t column_total, uint8_t *packed, uint16_t *scales, uint16_t *minimums) {
    int is_good = 1;
    for (size_t c = 0; c < column_count; c++) {
        const apus_column column = apus_column_at(column_begin + c, column_total, depth, GROUP);
        for (size_t g = 0; g < depth / GROUP; g++, blocks += 4 + GROUP / 2) {
            uint8_t levels[GROUP];
            split_nibbles(blocks + 4, levels);
            const uint16_t scale = half_at(blocks), minimum = half_at(blocks + 2);
            is_good &= is_finite(scale) & is_finite(minimum);
            scales[apus_scale_index(column, g)] = scale;
            minimums[apus_scale_index(column, g)] = minimum;
            store_nibbles(column, g, levels, packed);
        }
    }
    return is_good;
}

int apus_repack_q4_k(size_t column_count, size_t depth, const uint8_t *blocks, size_t column_begin,
                     size_t column_total, uint8_t *packed, uint16_t *scales, uint16_t *minimums) {
    int is_good = 1;
    for (size_t c = 0; c < column_count; c++) {
        const apus_column column = apus_column_at(column_begin + c, column_total, depth, GROUP);
        for (size_t g = 0; g < depth / GROUP; g += 8, blocks += 144) {
            const float d = apus_half(blocks), dmin = apus_half(blocks + 2);
            for (size_t part = 0; part < 8; part++) {
                uint8_t s, m, levels[GROUP];
                apus_scale_and_minimum_k(part, blocks + 4, &s, &m);
                for (size_t i = 0; i < GROUP; i++) {
                    levels[i] = blocks[16 + part / 2 * 32 + i] >> part % 2 * 4 & 15;
                }
                scales[apus_scale_index(column, g + part)] = rounded(d * (float)s, &is_good);
                minimums[apus_scale_index(column, g + part)] = rounded(-(dmin * (float)m), &is_good);
                store_nibbles(column, g + part, levels, packed);
            }
        }
    }
    return is_good;
}
