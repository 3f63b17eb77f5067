// What the NEON variants share: vectors of fewer than four elements, sums across lanes, the exponential.
#pragma once

#include "tiers.h"

#if APUS_NEON

// The first `count` (at most 4) elements; zeros, and not read, behind them.
APUS_INLINE float32x4_t apus_load4(const float *x, size_t count) {
    float32x4_t v = vdupq_n_f32(0);
    switch (count) {
    case 0: return v;
    case 1: return vld1q_lane_f32(x, v, 0);
    case 2: return vcombine_f32(vld1_f32(x), vdup_n_f32(0));
    case 3: return vld1q_lane_f32(x + 2, vcombine_f32(vld1_f32(x), vdup_n_f32(0)), 2);
    default: return vld1q_f32(x);
    }
}

// Writes the first `count` (at most 4) elements only.
APUS_INLINE void apus_store4(float *x, size_t count, float32x4_t v) {
    switch (count) {
    case 0: return;
    case 1: vst1q_lane_f32(x, v, 0); return;
    case 2: vst1_f32(x, vget_low_f32(v)); return;
    case 3:
        vst1_f32(x, vget_low_f32(v));
        vst1q_lane_f32(x + 2, v, 2);
        return;
    default: vst1q_f32(x, v); return;
    }
}

// Elements of the vector that begins at element i of `size`.
APUS_INLINE size_t apus_count4(size_t size, size_t i) {
    return i >= size ? 0 : size - i < 4 ? size - i : 4;
}

// Ones in the first `count` (at most 4) lanes.
APUS_INLINE uint32x4_t apus_mask4(size_t count) {
    const uint32_t lanes[4] = {0, 1, 2, 3};
    return vcltq_u32(vld1q_u32(lanes), vdupq_n_u32((uint32_t)count));
}

// Sums eight lanes pairwise, in one fixed order.
APUS_INLINE float apus_sum4x2(float32x4_t low, float32x4_t high) {
    const float32x4_t four = vaddq_f32(low, high);
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

APUS_INLINE float32x4_t apus_exp4(float32x4_t x) {
    x = vmaxq_f32(vdupq_n_f32(APUS_EXP_MIN), vminq_f32(vdupq_n_f32(APUS_EXP_MAX), x));
    const float32x4_t n = vrndnq_f32(vmulq_f32(x, vdupq_n_f32(APUS_LOG2E)));
    float32x4_t r = vfmsq_f32(x, n, vdupq_n_f32(APUS_LN2_HIGH));
    r = vfmsq_f32(r, n, vdupq_n_f32(APUS_LN2_LOW));
    float32x4_t p = vdupq_n_f32(1.0f / 720);
    p = vfmaq_f32(vdupq_n_f32(1.0f / 120), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.0f / 24), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.0f / 6), p, r);
    p = vfmaq_f32(vdupq_n_f32(0.5f), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.0f), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.0f), p, r);
    // 2^n by its exponent bits: n lies in -126 ... 127.
    const int32x4_t power = vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23);
    return vmulq_f32(p, vreinterpretq_f32_s32(power));
}

#endif
