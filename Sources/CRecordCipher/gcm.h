// AES-GCM over whole records, by libIPSec_MB.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { APUS_GCM_NONCE = 12, APUS_GCM_TAG = 16, APUS_GCM_KEY_MAX = 32 };

// A key, and its round keys and hash powers once there are enough records to be worth their 1.2 KB.
typedef struct {
    size_t byte_count;  // 16 or 32
    uint8_t bytes[APUS_GCM_KEY_MAX];
    unsigned use_count;
    void *expanded;
} apus_gcm_key;

// Finds the library and what the processor can do, and computes a published example. NULL when all is well, otherwise
// what is missing.
const char *apus_gcm_load(void);

const char *apus_gcm_version(void);

void apus_gcm_key_set(apus_gcm_key *key, const uint8_t *bytes);

void apus_gcm_key_clear(apus_gcm_key *key);

// Encrypts (or decrypts) `text_count` bytes, which may stay where they are, and computes the tag. False when there is
// no memory.
bool apus_gcm_run(
    apus_gcm_key *key, bool encrypts, const uint8_t *nonce, const uint8_t *associated, size_t associated_count,
    const uint8_t *text, size_t text_count, uint8_t *out, uint8_t *tag);
