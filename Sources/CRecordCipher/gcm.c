#include "gcm.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/opensslv.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && OPENSSL_VERSION_NUMBER < 0x30100000L && __has_include(<intel-ipsec-mb.h>)

#include <intel-ipsec-mb.h>

static struct {
    aes_gcm_pre_t expand[2];
    aes_gcm_enc_dec_t encrypt[2];
    aes_gcm_enc_dec_t decrypt[2];
    const char *version;
} library;

// Which of the two key sizes.
static int row(const apus_gcm_key *key) { return key->byte_count == 32; }

// Records under one key before its expansion is kept: an idle connection has a handful, and shall stay small.
enum { USES_BEFORE_KEEPING = 16 };

static const struct gcm_key_data *expanded(apus_gcm_key *key, struct gcm_key_data *scratch) {
    if (key->expanded) return key->expanded;
    if (key->use_count++ < USES_BEFORE_KEEPING) {
        library.expand[row(key)](key->bytes, scratch);
        return scratch;
    }
    struct gcm_key_data *kept = NULL;
    if (posix_memalign((void **)&kept, 64, sizeof *kept) != 0) return NULL;
    library.expand[row(key)](key->bytes, kept);
    key->expanded = kept;
    return kept;
}

bool apus_gcm_run(
    apus_gcm_key *key, bool encrypts, const uint8_t *nonce, const uint8_t *associated, size_t associated_count,
    const uint8_t *text, size_t text_count, uint8_t *out, uint8_t *tag) {
    struct gcm_key_data scratch;
    struct gcm_context_data state;
    const struct gcm_key_data *keys = expanded(key, &scratch);
    if (!keys) return false;
    (encrypts ? library.encrypt : library.decrypt)[row(key)](
        keys, &state, out, text, text_count, nonce, associated, associated_count, tag, APUS_GCM_TAG);
    // It has the last block of the key stream.
    OPENSSL_cleanse(&state, sizeof state);
    if (keys == &scratch) OPENSSL_cleanse(&scratch, sizeof scratch);
    return true;
}

void apus_gcm_key_clear(apus_gcm_key *key) {
    if (key->expanded) {
        OPENSSL_cleanse(key->expanded, sizeof(struct gcm_key_data));
        free(key->expanded);
    }
    OPENSSL_cleanse(key->bytes, sizeof key->bytes);
    key->expanded = NULL;
    key->use_count = 0;
}

// Test case 4 of McGrew and Viega, "The Galois/Counter Mode of Operation" (2005), appendix B, for 128 bits; the same
// text under 256 bits is their test case 16.
static bool computes_published_examples(void) {
    static const uint8_t key[32] = {
        0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08,
        0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08};
    static const uint8_t nonce[APUS_GCM_NONCE] = {
        0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88};
    static const uint8_t associated[20] = {
        0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed,
        0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2};
    static const uint8_t text[60] = {
        0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5, 0xaf, 0xf5, 0x26,
        0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda, 0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31,
        0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95, 0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49,
        0xa6, 0xb5, 0x25, 0xb1, 0x6a, 0xed, 0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39};
    static const uint8_t tags[2][APUS_GCM_TAG] = {
        {0x5b, 0xc9, 0x4f, 0xbc, 0x32, 0x21, 0xa5, 0xdb, 0x94, 0xfa, 0xe9, 0x5a, 0xe7, 0x12, 0x1a, 0x47},
        {0x76, 0xfc, 0x6e, 0xce, 0x0f, 0x4e, 0x17, 0x68, 0xcd, 0xdf, 0x88, 0x53, 0xbb, 0x2d, 0x55, 0x1b}};
    for (int size = 0; size < 2; size++) {
        apus_gcm_key schedule = {.byte_count = size ? 32 : 16};
        apus_gcm_key_set(&schedule, key);
        uint8_t hidden[sizeof text], shown[sizeof text], tag[2][APUS_GCM_TAG];
        bool done = apus_gcm_run(
                        &schedule, true, nonce, associated, sizeof associated, text, sizeof text, hidden, tag[0]) &&
                    apus_gcm_run(
                        &schedule, false, nonce, associated, sizeof associated, hidden, sizeof text, shown, tag[1]);
        apus_gcm_key_clear(&schedule);
        // The tag covers every bit of the ciphertext.
        if (!done || memcmp(tag[0], tags[size], APUS_GCM_TAG) != 0 || memcmp(tag[1], tags[size], APUS_GCM_TAG) != 0 ||
            memcmp(shown, text, sizeof text) != 0)
            return false;
    }
    return true;
}

const char *apus_gcm_load(void) {
    // The name of the library's binary interface, as Debian and Fedora install it.
    void *handle = dlopen("libIPSec_MB.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!handle) return "libIPSec_MB.so.1 is not installed";
    IMB_MGR *(*make)(uint64_t) = (IMB_MGR * (*)(uint64_t)) dlsym(handle, "alloc_mb_mgr");
    void (*start)(IMB_MGR *) = (void (*)(IMB_MGR *))dlsym(handle, "init_mb_mgr_avx512");
    void (*end)(IMB_MGR *) = (void (*)(IMB_MGR *))dlsym(handle, "free_mb_mgr");
    const char *(*version)(void) = (const char *(*)(void))dlsym(handle, "imb_get_version_str");
    IMB_MGR *manager = make && start && end && version ? make(0) : NULL;
    if (!manager) return "libIPSec_MB.so.1 is not the library we know";
    const uint64_t needed = IMB_FEATURE_AVX512_SKX | IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ;
    if ((manager->features & needed) != needed) {
        end(manager);
        return "the processor has no VAES and VPCLMULQDQ on 512 bits";
    }
    start(manager);
    // Only functions that keep nothing between calls are taken, so the manager need not live, and any thread may call.
    library.expand[0] = manager->gcm128_pre;
    library.expand[1] = manager->gcm256_pre;
    library.encrypt[0] = manager->gcm128_enc;
    library.encrypt[1] = manager->gcm256_enc;
    library.decrypt[0] = manager->gcm128_dec;
    library.decrypt[1] = manager->gcm256_dec;
    end(manager);
    if (!computes_published_examples()) return "libIPSec_MB.so.1 computes a published example wrong";
    library.version = version();
    return NULL;
}

const char *apus_gcm_version(void) { return library.version; }

#else

const char *apus_gcm_load(void) { return "built without intel-ipsec-mb"; }

const char *apus_gcm_version(void) { return NULL; }

void apus_gcm_key_clear(apus_gcm_key *key) { OPENSSL_cleanse(key->bytes, sizeof key->bytes); }

// Never called: nothing is loaded.
bool apus_gcm_run(
    apus_gcm_key *key, bool encrypts, const uint8_t *nonce, const uint8_t *associated, size_t associated_count,
    const uint8_t *text, size_t text_count, uint8_t *out, uint8_t *tag) {
    (void)key, (void)encrypts, (void)nonce, (void)associated, (void)associated_count;
    (void)text, (void)text_count, (void)out, (void)tag;
    return false;
}

#endif

void apus_gcm_key_set(apus_gcm_key *key, const uint8_t *bytes) {
    apus_gcm_key_clear(key);
    memcpy(key->bytes, bytes, key->byte_count);
}
