// What the files that turn stored weights into single precision share.
#pragma once

#include "CKernels.h"

#include <string.h>

// Half precision to single, exactly; without branches, so that loops over it become vectors.
static inline __attribute__((always_inline)) float apus_half(const uint8_t *x) {
    uint16_t half;
    memcpy(&half, x, sizeof half);
    // The exponent is 112 too small, also that of subnormals: 2^112 makes up for it. Infinities and NaNs keep theirs.
    uint32_t bits = (uint32_t)(half & 0x7FFF) << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    value *= 0x1p112f;
    memcpy(&bits, &value, sizeof bits);
    bits |= (half & 0x7C00) == 0x7C00 ? 0x7F800000 : 0;
    bits |= (uint32_t)(half & 0x8000) << 16;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// The scale and the minimum of part `part` of 8 of a block of Q4_K or Q5_K, from 12 bytes.
//
// Bytes 0…3 and 4…7 hold those of parts 0…3 in 6 bits, bytes 8…11 the low 4 bits of parts 4…7, whose high 2 bits are
// what the first eight bytes have left.
static inline __attribute__((always_inline)) void apus_scale_and_minimum_k(size_t part, const uint8_t *x,
                                                                          uint8_t *scale, uint8_t *minimum) {
    if (part < 4) {
        *scale = x[part] & 63;
        *minimum = x[part + 4] & 63;
    } else {
        *scale = (uint8_t)((x[part + 4] & 15) | (x[part - 4] >> 6) << 4);
        *minimum = (uint8_t)((x[part + 4] >> 4) | (x[part] >> 6) << 4);
    }
}
