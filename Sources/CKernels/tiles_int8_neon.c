// The NEON tiles of packed_int8.c and packed_int4.c, with the dot product of bytes (SDOT) and without.
//
// Both levels of four bits and bytes minus 128 are signed bytes, as activations are, so that SDOT serves both. The
// instructions of FEAT_I8MM are not used: USDOT would save one exclusive or for each register of weights, and SMMLA
// wants eight neighbouring k side by side, which the packed layouts do not have.
// Source: Arm Architecture Reference Manual for A-profile, SDOT (vector), SADALP.

#include "tiles_neon.h"

#if APUS_NEON

// Adds the products of four neighbouring k of four columns.
APUS_INLINE APUS_NEON_DOT int32x4_t add_products_neon_dot(int32x4_t sum, int8x16_t w, int8x16_t x) {
    return vdotq_s32(sum, w, x);
}

// |w| <= 128 and |x| <= 127: a sum of two products is at most 32512 and fits in 16 bits.
APUS_INLINE int32x4_t add_products_neon(int32x4_t sum, int8x16_t w, int8x16_t x) {
    const int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(x));
    const int16x8_t high = vmull_high_s8(w, x);
    return vpadalq_s16(sum, vpaddq_s16(low, high));
}

APUS_INLINE int8x16_t broadcast_neon(const int8_t *x) {
    int32_t four;
    memcpy(&four, x, sizeof four);
    return vreinterpretq_s8_s32(vdupq_n_s32(four));
}

// Sixteen weights: those of int8 without the 128 that is added to them.
APUS_INLINE int8x16_t signed_bytes_neon(const uint8_t *w) {
    return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(w), vdupq_n_u8(0x80)));
}

// Adds one group to the totals of a tile, from its integer sums.
APUS_INLINE void add_group_neon(const apus_tile *t, size_t g, const size_t rows, const size_t quarters, const int kind,
                                int32x4_t sums[4][16], float32x4_t totals[4][16]) {
#pragma clang loop unroll(full)
    for (size_t q = 0; q < quarters; q++) {
        const size_t index = g * t->scale_step + q * 4;
        const float32x4_t scale = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(t->scales + index)));
        float32x4_t minimum = vdupq_n_f32(0);
        if (kind == APUS_NIBBLES) {
            minimum = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(t->minimums + index)));
        }
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            const float x_scale = t->x_scales[r * t->x_scale_stride + g];
            totals[r][q] = vfmaq_f32(totals[r][q], vcvtq_f32_s32(sums[r][q]), vmulq_n_f32(scale, x_scale));
            if (kind == APUS_NIBBLES) {
                const float sum = x_scale * (float)t->x_sums[r * t->x_scale_stride + g];
                totals[r][q] = vfmaq_f32(totals[r][q], minimum, vdupq_n_f32(sum));
            }
        }
    }
}

#define ISA neon
#define ATTRIBUTE
#include "tiles_int8_neon.h"
#undef ISA
#undef ATTRIBUTE

#define ISA neon_dot
#define ATTRIBUTE APUS_NEON_DOT
#include "tiles_int8_neon.h"

#endif
