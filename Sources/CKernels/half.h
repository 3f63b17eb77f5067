// Number formats of two bytes, in plain C: half precision and brain floating point.
#pragma once

#include "tiers.h"

#include <math.h>
#include <string.h>

APUS_INLINE uint32_t apus_bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

APUS_INLINE float apus_float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// Half precision to single, exactly (IEEE 754 binary16); a NaN becomes quiet, as the conversion instruction has it.
APUS_INLINE float apus_float_of_half(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    const uint32_t exponent = half >> 10 & 0x1Fu;
    const uint32_t fraction = half & 0x3FFu;
    if (exponent == 0) {  // zero or subnormal: fraction * 2^-24
        const float magnitude = (float)fraction * 0x1p-24f;
        return sign != 0 ? -magnitude : magnitude;
    }
    if (exponent == 0x1F) {
        return apus_float_of_bits(sign | 0x7F800000u | fraction << 13 | (fraction != 0 ? 0x400000u : 0));
    }
    return apus_float_of_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13);
}

// Single precision to half, to the nearest, ties to even; what is too large becomes the largest finite number.
APUS_INLINE uint16_t apus_half_of_float(float value) {
    const uint32_t bits = apus_bits_of_float(value);
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    const float magnitude = fabsf(value);
    if (!(magnitude < 65520.0f)) {
        return sign | 0x7BFF;
    }
    if (magnitude < 0x1p-14f) {
        // Subnormal: a multiple of 2^-24. The product is exact, and rintf rounds as it should.
        return sign | (uint16_t)rintf(magnitude * 0x1p24f);
    }
    const uint32_t positive = bits & 0x7FFFFFFFu;
    const uint32_t rounded = positive + 0xFFFu + (positive >> 13 & 1);
    return sign | (uint16_t)((rounded >> 13) - (112u << 10));
}

// Single precision to brain floating point, to the nearest, ties to even; a NaN stays one.
APUS_INLINE uint16_t apus_bfloat_of_float(float value) {
    const uint32_t bits = apus_bits_of_float(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) {
        return (uint16_t)(bits >> 16 | 0x40u);
    }
    return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1)) >> 16);
}

APUS_INLINE float apus_float_of_bfloat(uint16_t value) {
    return apus_float_of_bits((uint32_t)value << 16);
}
