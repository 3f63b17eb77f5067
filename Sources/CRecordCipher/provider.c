#include "CRecordCipher.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <string.h>

#include "gcm.h"

// MARK: One cipher of one direction of a connection

enum {
    ASSOCIATED_MAX = 32,
    // RFC 5288, section 3: the part of a TLS 1.2 nonce of the key exchange, and the part in front of a record.
    TLS12_FIXED = 4,
    TLS12_EXPLICIT = 8,
    TLS12_HEADER = 13,
};

typedef struct {
    apus_gcm_key key;
    bool encrypts, has_key, has_nonce, has_text, has_tag;
    // Whether `associated` is a TLS 1.2 header, so that the next text is a whole record.
    bool is_tls12;
    uint8_t nonce[APUS_GCM_NONCE];
    // What encryption computed, or what decryption was given; `has_tag` says that it is there.
    uint8_t tag[APUS_GCM_TAG];
    // What decryption computed, to be compared with `tag`.
    uint8_t computed[APUS_GCM_TAG];
    uint8_t associated[ASSOCIATED_MAX];
    size_t associated_count;
} context;

static void *make_context(size_t key_byte_count) {
    context *made = OPENSSL_zalloc(sizeof *made);
    if (made) made->key.byte_count = key_byte_count;
    return made;
}

static void *make_context_128(void *provider) {
    (void)provider;
    return make_context(16);
}

static void *make_context_256(void *provider) {
    (void)provider;
    return make_context(32);
}

static void free_context(void *opaque) {
    context *cipher = opaque;
    if (!cipher) return;
    apus_gcm_key_clear(&cipher->key);
    OPENSSL_clear_free(cipher, sizeof *cipher);
}

static int set_context_parameters(void *opaque, const OSSL_PARAM parameters[]);

static int begin(
    context *cipher, bool encrypts, const uint8_t *key, size_t key_byte_count, const uint8_t *nonce,
    size_t nonce_byte_count, const OSSL_PARAM parameters[]) {
    cipher->encrypts = encrypts;
    if (key) {
        if (key_byte_count != cipher->key.byte_count) return 0;
        apus_gcm_key_set(&cipher->key, key);
        cipher->has_key = true;
    }
    if (nonce) {
        if (nonce_byte_count != APUS_GCM_NONCE) return 0;
        memcpy(cipher->nonce, nonce, APUS_GCM_NONCE);
        cipher->has_nonce = true;
        cipher->has_text = cipher->has_tag = cipher->is_tls12 = false;
        cipher->associated_count = 0;
    }
    return set_context_parameters(cipher, parameters);
}

static int begin_encryption(
    void *cipher, const unsigned char *key, size_t key_byte_count, const unsigned char *nonce, size_t nonce_byte_count,
    const OSSL_PARAM parameters[]) {
    return begin(cipher, true, key, key_byte_count, nonce, nonce_byte_count, parameters);
}

static int begin_decryption(
    void *cipher, const unsigned char *key, size_t key_byte_count, const unsigned char *nonce, size_t nonce_byte_count,
    const OSSL_PARAM parameters[]) {
    return begin(cipher, false, key, key_byte_count, nonce, nonce_byte_count, parameters);
}

// MARK: A record

// One whole record of TLS 1.2, where it lies: nonce, text, tag. Its `*out_count` is the record's when it encrypts, the
// text's when it decrypts: what OpenSSL's own cipher says.
static int run_tls12(context *cipher, uint8_t *out, size_t *out_count, const uint8_t *in, size_t count) {
    cipher->is_tls12 = false;
    if (out != in || count < TLS12_EXPLICIT + APUS_GCM_TAG || !cipher->has_key || !cipher->has_nonce) return 0;
    uint8_t *explicit_nonce = cipher->nonce + TLS12_FIXED;
    if (cipher->encrypts)
        memcpy(out, explicit_nonce, TLS12_EXPLICIT);
    else
        memcpy(explicit_nonce, in, TLS12_EXPLICIT);
    uint8_t *text = out + TLS12_EXPLICIT;
    size_t text_count = count - TLS12_EXPLICIT - APUS_GCM_TAG;
    uint8_t *tag = text + text_count;
    uint8_t *computed = cipher->encrypts ? tag : cipher->computed;
    if (!apus_gcm_run(
            &cipher->key, cipher->encrypts, cipher->nonce, cipher->associated, cipher->associated_count, text,
            text_count, text, computed))
        return 0;
    if (cipher->encrypts) {
        // A counter: no nonce comes twice under a key.
        for (int index = TLS12_EXPLICIT - 1; index >= 0 && ++explicit_nonce[index] == 0; index--) continue;
    } else if (CRYPTO_memcmp(computed, tag, APUS_GCM_TAG) != 0) {
        OPENSSL_cleanse(text, text_count);
        return 0;
    }
    *out_count = cipher->encrypts ? count : text_count;
    return 1;
}

static int update(
    void *opaque, unsigned char *out, size_t *out_count, size_t out_size, const unsigned char *in, size_t count) {
    context *cipher = opaque;
    *out_count = 0;
    if (!out) {
        if (cipher->has_text || count > ASSOCIATED_MAX - cipher->associated_count) return 0;
        memcpy(cipher->associated + cipher->associated_count, in, count);
        cipher->associated_count += count;
        *out_count = count;
        return 1;
    }
    if (out_size < count) return 0;
    if (cipher->is_tls12) return run_tls12(cipher, out, out_count, in, count);
    if (!cipher->has_key || !cipher->has_nonce || cipher->has_text) return 0;
    if (!apus_gcm_run(
            &cipher->key, cipher->encrypts, cipher->nonce, cipher->associated, cipher->associated_count, in, count, out,
            cipher->encrypts ? cipher->tag : cipher->computed))
        return 0;
    cipher->has_text = true;
    *out_count = count;
    return 1;
}

static int finish(void *opaque, unsigned char *out, size_t *out_count, size_t out_size) {
    context *cipher = opaque;
    uint8_t nothing = 0;
    size_t none = 0;
    (void)out, (void)out_size;
    *out_count = 0;
    if (!cipher->has_text && !update(cipher, &nothing, &none, 0, &nothing, 0)) return 0;
    // The nonce is used up.
    cipher->has_nonce = false;
    if (cipher->encrypts) return cipher->has_tag = true;
    return cipher->has_tag && CRYPTO_memcmp(cipher->computed, cipher->tag, APUS_GCM_TAG) == 0;
}

// MARK: Parameters

// Sets a number that was asked for; 1 as well when it was not.
static int put_size(OSSL_PARAM parameters[], const char *name, size_t value) {
    OSSL_PARAM *found = OSSL_PARAM_locate(parameters, name);
    return !found || OSSL_PARAM_set_size_t(found, value);
}

static int put_int(OSSL_PARAM parameters[], const char *name, int value) {
    OSSL_PARAM *found = OSSL_PARAM_locate(parameters, name);
    return !found || OSSL_PARAM_set_int(found, value);
}

static int get_parameters(OSSL_PARAM parameters[], size_t key_byte_count) {
    return put_int(parameters, OSSL_CIPHER_PARAM_MODE, EVP_CIPH_GCM_MODE) &&
           put_size(parameters, OSSL_CIPHER_PARAM_KEYLEN, key_byte_count) &&
           put_size(parameters, OSSL_CIPHER_PARAM_IVLEN, APUS_GCM_NONCE) &&
           put_size(parameters, OSSL_CIPHER_PARAM_BLOCK_SIZE, 1) &&
           put_int(parameters, OSSL_CIPHER_PARAM_AEAD, 1) && put_int(parameters, OSSL_CIPHER_PARAM_CUSTOM_IV, 1);
}

static int get_parameters_128(OSSL_PARAM parameters[]) { return get_parameters(parameters, 16); }

static int get_parameters_256(OSSL_PARAM parameters[]) { return get_parameters(parameters, 32); }

static int get_context_parameters(void *opaque, OSSL_PARAM parameters[]) {
    context *cipher = opaque;
    if (!get_parameters(parameters, cipher->key.byte_count) ||
        !put_size(parameters, OSSL_CIPHER_PARAM_AEAD_TAGLEN, APUS_GCM_TAG) ||
        !put_size(parameters, OSSL_CIPHER_PARAM_AEAD_TLS1_AAD_PAD, APUS_GCM_TAG))
        return 0;
    OSSL_PARAM *found = OSSL_PARAM_locate(parameters, OSSL_CIPHER_PARAM_AEAD_TAG);
    if (!found) return 1;
    if (!cipher->encrypts || !cipher->has_tag || found->data_size == 0 || found->data_size > APUS_GCM_TAG) return 0;
    return OSSL_PARAM_set_octet_string(found, cipher->tag, found->data_size);
}

// The tag that a record is to have; without bytes, only how long tags are.
static int set_tag(context *cipher, const OSSL_PARAM *parameter) {
    if (parameter->data_type != OSSL_PARAM_OCTET_STRING || parameter->data_size != APUS_GCM_TAG) return 0;
    if (!parameter->data) return 1;
    if (cipher->encrypts) return 0;
    memcpy(cipher->tag, parameter->data, APUS_GCM_TAG);
    cipher->has_tag = true;
    return 1;
}

// The header of the TLS 1.2 record that comes next; its last two bytes become the length of the text alone.
static int set_tls12_header(context *cipher, const OSSL_PARAM *parameter) {
    if (parameter->data_type != OSSL_PARAM_OCTET_STRING || parameter->data_size != TLS12_HEADER) return 0;
    memcpy(cipher->associated, parameter->data, TLS12_HEADER);
    uint8_t *length = cipher->associated + TLS12_HEADER - 2;
    unsigned count = (unsigned)length[0] << 8 | length[1];
    unsigned around = cipher->encrypts ? TLS12_EXPLICIT : TLS12_EXPLICIT + APUS_GCM_TAG;
    if (count < around) return 0;
    length[0] = (uint8_t)((count - around) >> 8);
    length[1] = (uint8_t)(count - around);
    cipher->associated_count = TLS12_HEADER;
    cipher->is_tls12 = true;
    return 1;
}

static int set_tls12_fixed_nonce(context *cipher, const OSSL_PARAM *parameter) {
    if (parameter->data_type != OSSL_PARAM_OCTET_STRING || parameter->data_size != TLS12_FIXED) return 0;
    memcpy(cipher->nonce, parameter->data, TLS12_FIXED);
    if (cipher->encrypts && RAND_bytes(cipher->nonce + TLS12_FIXED, TLS12_EXPLICIT) != 1) return 0;
    cipher->has_nonce = true;
    return 1;
}

static int set_context_parameters(void *opaque, const OSSL_PARAM parameters[]) {
    context *cipher = opaque;
    if (!parameters) return 1;
    const OSSL_PARAM *found;
    size_t count;
    if ((found = OSSL_PARAM_locate_const(parameters, OSSL_CIPHER_PARAM_KEYLEN)) &&
        (!OSSL_PARAM_get_size_t(found, &count) || count != cipher->key.byte_count))
        return 0;
    if ((found = OSSL_PARAM_locate_const(parameters, OSSL_CIPHER_PARAM_AEAD_IVLEN)) &&
        (!OSSL_PARAM_get_size_t(found, &count) || count != APUS_GCM_NONCE))
        return 0;
    if ((found = OSSL_PARAM_locate_const(parameters, OSSL_CIPHER_PARAM_AEAD_TAG)) && !set_tag(cipher, found)) return 0;
    if ((found = OSSL_PARAM_locate_const(parameters, OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED)) &&
        !set_tls12_fixed_nonce(cipher, found))
        return 0;
    if ((found = OSSL_PARAM_locate_const(parameters, OSSL_CIPHER_PARAM_AEAD_TLS1_AAD)) &&
        !set_tls12_header(cipher, found))
        return 0;
    return 1;
}

static const OSSL_PARAM *gettable_parameters(void *provider) {
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_uint(OSSL_CIPHER_PARAM_MODE, NULL),        OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
        OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL),     OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_BLOCK_SIZE, NULL),
        OSSL_PARAM_int(OSSL_CIPHER_PARAM_AEAD, NULL),         OSSL_PARAM_int(OSSL_CIPHER_PARAM_CUSTOM_IV, NULL),
        OSSL_PARAM_END};
    (void)provider;
    return known;
}

static const OSSL_PARAM *gettable_context_parameters(void *cipher, void *provider) {
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
        OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL),
        OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_TAGLEN, NULL),
        OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, 0),
        OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD_PAD, NULL),
        OSSL_PARAM_END};
    (void)cipher, (void)provider;
    return known;
}

static const OSSL_PARAM *settable_context_parameters(void *cipher, void *provider) {
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
        OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_IVLEN, NULL),
        OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, NULL, 0),
        OSSL_PARAM_END};
    (void)cipher, (void)provider;
    return known;
}

// MARK: The provider

#define APUS_FUNCTIONS(bits)                                                                  \
    {                                                                                         \
        {OSSL_FUNC_CIPHER_NEWCTX, (void (*)(void))make_context_##bits},                       \
        {OSSL_FUNC_CIPHER_FREECTX, (void (*)(void))free_context},                             \
        {OSSL_FUNC_CIPHER_ENCRYPT_INIT, (void (*)(void))begin_encryption},                    \
        {OSSL_FUNC_CIPHER_DECRYPT_INIT, (void (*)(void))begin_decryption},                    \
        {OSSL_FUNC_CIPHER_UPDATE, (void (*)(void))update},                                    \
        {OSSL_FUNC_CIPHER_FINAL, (void (*)(void))finish},                                     \
        {OSSL_FUNC_CIPHER_GET_PARAMS, (void (*)(void))get_parameters_##bits},                 \
        {OSSL_FUNC_CIPHER_GETTABLE_PARAMS, (void (*)(void))gettable_parameters},              \
        {OSSL_FUNC_CIPHER_GET_CTX_PARAMS, (void (*)(void))get_context_parameters},            \
        {OSSL_FUNC_CIPHER_GETTABLE_CTX_PARAMS, (void (*)(void))gettable_context_parameters},  \
        {OSSL_FUNC_CIPHER_SET_CTX_PARAMS, (void (*)(void))set_context_parameters},            \
        {OSSL_FUNC_CIPHER_SETTABLE_CTX_PARAMS, (void (*)(void))settable_context_parameters},  \
        {0, NULL},                                                                            \
    }

static const OSSL_DISPATCH functions_128[] = APUS_FUNCTIONS(128);
static const OSSL_DISPATCH functions_256[] = APUS_FUNCTIONS(256);

#define PROPERTIES "provider=apus-records"

static const OSSL_ALGORITHM *algorithms(void *provider, int operation, int *is_uncacheable) {
    // Every name that OpenSSL knows each by: a fetch may ask for any of them.
    static const OSSL_ALGORITHM ciphers[] = {
        {"AES-128-GCM:id-aes128-GCM:2.16.840.1.101.3.4.1.6", PROPERTIES, functions_128, "AES-128-GCM of records"},
        {"AES-256-GCM:id-aes256-GCM:2.16.840.1.101.3.4.1.46", PROPERTIES, functions_256, "AES-256-GCM of records"},
        {NULL, NULL, NULL, NULL}};
    (void)provider;
    *is_uncacheable = 0;
    return operation == OSSL_OP_CIPHER ? ciphers : NULL;
}

static int start_provider(
    const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *of_core, const OSSL_DISPATCH **of_provider, void **provider) {
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))algorithms}, {0, NULL}};
    (void)of_core;
    *of_provider = functions;
    // OpenSSL wants a context; there is nothing to keep in ours.
    *provider = (void *)core;
    return 1;
}

const char *apus_record_cipher_load(void) {
    const char *missing = apus_gcm_load();
    if (missing) return missing;
    if (OSSL_PROVIDER_add_builtin(NULL, "apus-records", start_provider) != 1 ||
        // Keeps the providers that OpenSSL would load by itself, which loading one by name would put out.
        !OSSL_PROVIDER_try_load(NULL, "apus-records", 1))
        return "OpenSSL does not take the provider";
    return NULL;
}

const char *apus_record_cipher_version(void) { return apus_gcm_version(); }
