// OpenSSL 3.0 as Swift sees it: the headers, plus one inline function for each macro that Swift cannot import.
// Every function here does exactly what the macro of the same name does; its manual page is the macro's.
#pragma once

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

// Contexts.

static inline int apus_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}

static inline int apus_SSL_CTX_set1_groups_list(SSL_CTX *context, const char *list) {
    return (int)SSL_CTX_set1_groups_list(context, list);
}

static inline void apus_SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) {
    SSL_CTX_set_session_cache_mode(context, mode);
}

static inline void apus_SSL_CTX_set_mode(SSL_CTX *context, long mode) { SSL_CTX_set_mode(context, mode); }

static inline int apus_SSL_CTX_add1_chain_cert(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

static inline void apus_SSL_CTX_set_max_cert_list(SSL_CTX *context, long byte_count) {
    SSL_CTX_set_max_cert_list(context, byte_count);
}

/// The options every Apus context carries; a macro of 64-bit constants, some of them past Swift's importer.
static inline void apus_SSL_CTX_set_strict_options(SSL_CTX *context) {
    SSL_CTX_set_options(
        context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
}

// Sessions.

static inline int apus_SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

static inline int apus_SSL_set_app_data(SSL *ssl, void *data) { return SSL_set_app_data(ssl, data); }

static inline void *apus_SSL_get_app_data(const SSL *ssl) { return SSL_get_app_data(ssl); }

static inline void apus_SSL_set_releases_buffers(SSL *ssl, int releases) {
    if (releases) {
        SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    } else {
        SSL_clear_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    }
}

// BIOs and errors.

static inline void apus_BIO_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }

static inline void apus_BIO_clear_retry_flags(BIO *bio) { BIO_clear_retry_flags(bio); }

static inline long apus_BIO_get_mem_data(BIO *bio, char **data) { return BIO_get_mem_data(bio, data); }

static inline int apus_ERR_GET_LIB(unsigned long code) { return ERR_GET_LIB(code); }

static inline int apus_ERR_GET_REASON(unsigned long code) { return ERR_GET_REASON(code); }

// Typed stacks.

static inline int apus_sk_GENERAL_NAME_num(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }

static inline GENERAL_NAME *apus_sk_GENERAL_NAME_value(const GENERAL_NAMES *names, int index) {
    return sk_GENERAL_NAME_value(names, index);
}

static inline int apus_sk_X509_REVOKED_num(const STACK_OF(X509_REVOKED) *entries) {
    return entries ? sk_X509_REVOKED_num(entries) : 0;
}

static inline X509_REVOKED *apus_sk_X509_REVOKED_value(const STACK_OF(X509_REVOKED) *entries, int index) {
    return sk_X509_REVOKED_value(entries, index);
}

static inline int apus_sk_X509_num(const STACK_OF(X509) *certificates) {
    return certificates ? sk_X509_num(certificates) : 0;
}

static inline X509 *apus_sk_X509_value(const STACK_OF(X509) *certificates, int index) {
    return sk_X509_value(certificates, index);
}

// Keys and certificates.

static inline EVP_PKEY *apus_EVP_EC_gen(const char *curve) { return EVP_EC_gen(curve); }

static inline unsigned long apus_XN_FLAG_ONELINE(void) { return XN_FLAG_ONELINE; }
