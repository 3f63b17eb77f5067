// The tables of kernels, and which of them this processor can run.

#include "tiers.h"

#define APUS_TABLE(number, suffix)                              \
    {                                                           \
        .tier = number,                                         \
        .packed_gemm = apus_packed_gemm_##suffix,               \
        .rms_norm = apus_rms_norm_##suffix,                     \
        .softmax = apus_softmax_##suffix,                       \
        .silu_mul = apus_silu_mul_##suffix,                     \
        .rope = apus_rope_##suffix,                             \
        .dot = apus_dot_##suffix,                               \
        .axpy = apus_axpy_##suffix,                             \
        .add = apus_add_##suffix,                               \
        .bias_activation = apus_bias_activation_##suffix,       \
        .float16_to_float32 = apus_float16_to_float32_##suffix, \
        .bfloat16_to_float32 = apus_bfloat16_to_float32_##suffix, \
        .paged_attention = apus_paged_attention_##suffix,       \
    }

static const apus_kernels reference = APUS_TABLE(APUS_TIER_REFERENCE, ref);

#if APUS_X86
static const apus_kernels avx2 = APUS_TABLE(APUS_TIER_AVX2, avx2);
static const apus_kernels avx512 = APUS_TABLE(APUS_TIER_AVX512, avx512);
#endif

const apus_kernels *apus_kernels_of_tier(int tier) {
    switch (tier) {
    case APUS_TIER_REFERENCE:
        return &reference;
#if APUS_X86
    // __builtin_cpu_supports asks CPUID and, for the register state, XGETBV.
    case APUS_TIER_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")
                   ? &avx2
                   : NULL;
    case APUS_TIER_AVX512:
        return apus_kernels_of_tier(APUS_TIER_AVX2) != NULL && __builtin_cpu_supports("avx512f") &&
                       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                       __builtin_cpu_supports("avx512vl")
                   ? &avx512
                   : NULL;
#endif
    default:
        return NULL;
    }
}
