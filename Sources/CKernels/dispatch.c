// The tables of kernels, and which of them this processor can run.

#include "tiers.h"

#if APUS_NEON
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

// Of products with weights of fewer bits, some instruction sets use the variants of another.
#define APUS_TABLE(number, suffix, gemm16, gemm8)              \
    {                                                           \
        .tier = number,                                         \
        .packed_gemm = apus_packed_gemm_##suffix,               \
        .rms_norm = apus_rms_norm_##suffix,                     \
        .layer_norm = apus_layer_norm_##suffix,                 \
        .soft_cap = apus_soft_cap_##suffix,                     \
        .gelu_tanh_mul = apus_gelu_tanh_mul_##suffix,           \
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
        .paged_attention_rows = apus_paged_attention_rows_##suffix, \
        .cache_store = apus_cache_store_##suffix,               \
        .quantize_rows = apus_quantize_rows_##suffix,           \
        .round_rows = apus_round_rows_##suffix,                 \
        .pack_int4 = apus_pack_int4_##suffix,                   \
        .bf16_gemm = apus_bf16_gemm_##gemm16,                   \
        .int8_gemm = apus_int8_gemm_##gemm8,                    \
        .int4_gemm = apus_int4_gemm_##gemm8,                    \
    }

static const apus_kernels reference = APUS_TABLE(APUS_TIER_REFERENCE, ref, ref, ref);

#if APUS_X86
static const apus_kernels avx2 = APUS_TABLE(APUS_TIER_AVX2, avx2, avx2, avx2);
static const apus_kernels avx512 = APUS_TABLE(APUS_TIER_AVX512, avx512, avx512, avx2);
static const apus_kernels avx512_bf16 = APUS_TABLE(APUS_TIER_AVX512_BF16, avx512, bf16, vnni);
#elif APUS_NEON
static const apus_kernels neon = APUS_TABLE(APUS_TIER_NEON, neon, neon, neon);
static const apus_kernels neon_dot = APUS_TABLE(APUS_TIER_NEON_DOT, neon, neon, neon_dot);
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
    case APUS_TIER_AVX512_BF16:
        return apus_kernels_of_tier(APUS_TIER_AVX512) != NULL && __builtin_cpu_supports("avx512vnni") &&
                       __builtin_cpu_supports("avx512bf16")
                   ? &avx512_bf16
                   : NULL;
#elif APUS_NEON
    // Every processor of 64 bits that Linux runs on has NEON; the kernel tells of the dot product.
    case APUS_TIER_NEON:
        return &neon;
    case APUS_TIER_NEON_DOT:
        return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0 ? &neon_dot : NULL;
#endif
    default:
        return NULL;
    }
}
