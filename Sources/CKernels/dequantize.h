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
