// Puts the keys and values of one token into its page, in the format of the page.
//
//   float32    as they are
//   bfloat16   to the nearest, ties to even; a NaN stays one
//   int8       scale = max |x| / 127 over the head, in half precision
//              q[i]  = x[i] * (1 / scale), to the nearest, ties to even, within -127 ... 127
//
// A head whose numbers are all below 127 * 2^-25, half a step of the smallest scale, becomes zeros; what is above
// 127 * 65504 is cut off there. Layout: paged_cache.h. Every tier gives the same bits.

#include "paged_cache.h"

// Quantises [size] numbers to elements `stride` apart, and gives their scale.
APUS_INLINE uint16_t quantize_head(size_t size, const float *x, int8_t *q, size_t stride) {
    float largest = 0;
    for (size_t i = 0; i < size; i++) {
        const float magnitude = fabsf(x[i]);
        largest = magnitude > largest ? magnitude : largest;
    }
    const uint16_t half = apus_half_of_float(largest / 127.0f);
    const float scale = apus_float_of_half(half);
    const float factor = scale > 0 ? 1 / scale : 0;
    for (size_t i = 0; i < size; i++) {
        const float scaled = rintf(x[i] * factor);
        // Also keeps what is not a number out of the conversion.
        q[i * stride] = scaled >= -127 ? (scaled <= 127 ? (int8_t)scaled : 127) : -127;
    }
    return half;
}

APUS_INLINE void store_head(const apus_cache_token *token, size_t head) {
    const size_t size = token->head_size, slots = token->tokens_per_page, slot = token->slot;
    const float *keys = token->keys + head * size, *values = token->values + head * size;
    uint8_t *page = (uint8_t *)token->page + head * token->head_stride;
    uint8_t *page_values = page + apus_cache_half(size, slots, token->element_type);
    switch (token->element_type) {
    case APUS_CACHE_FLOAT32:
        for (size_t i = 0; i < size; i++) {
            ((float *)page)[i * slots + slot] = keys[i];
        }
        memcpy((float *)page_values + slot * size, values, size * sizeof *values);
        break;
    case APUS_CACHE_BFLOAT16:
        for (size_t i = 0; i < size; i++) {
            ((uint16_t *)page)[i * slots + slot] = apus_bfloat_of_float(keys[i]);
        }
        for (size_t i = 0; i < size; i++) {
            ((uint16_t *)page_values)[slot * size + i] = apus_bfloat_of_float(values[i]);
        }
        break;
    default: {
        uint16_t *scales = (uint16_t *)(page + 2 * apus_cache_half(size, slots, APUS_CACHE_INT8));
        scales[slot] = quantize_head(size, keys, (int8_t *)page + slot, slots);
        scales[slots + slot] = quantize_head(size, values, (int8_t *)page_values + slot * size, 1);
    }
    }
}

APUS_INLINE void store_heads(const apus_cache_token *token) {
    for (size_t head = 0; head < token->head_count; head++) {
        store_head(token, head);
    }
}

void apus_cache_store_ref(const apus_cache_token *token) { store_heads(token); }

#if APUS_X86

// The reference again for these instruction sets: the compiler finds the vectors in it.
APUS_AVX2 void apus_cache_store_avx2(const apus_cache_token *token) { store_heads(token); }

APUS_AVX512 void apus_cache_store_avx512(const apus_cache_token *token) { store_heads(token); }

#endif

#if APUS_NEON

// Here too.
void apus_cache_store_neon(const apus_cache_token *token) { store_heads(token); }

#endif
