/// The cipher of TLS records on wide vectors: an OpenSSL provider of AES-GCM whose work is done by intel-ipsec-mb.
///
/// Why: OpenSSL before 3.1 has AES-GCM for AES-NI only, 128 bits at a time. VAES and VPCLMULQDQ (Ice Lake, Zen 4 and
/// later) take 512, and the record cipher is the largest part of what a long message costs.
///
/// libIPSec_MB is loaded at run time: where it, or the processor's instructions, are missing, OpenSSL's own cipher does
/// the work. It is a cipher for records and no more: one piece of associated data of up to 32 bytes, then one piece of
/// text, under a nonce of 12 bytes and a tag of 16.
///
/// Source: NIST SP 800-38D; RFC 5116; RFC 5288 and RFC 8446 section 5 (TLS); provider-cipher(7).
#pragma once

/// The property query that prefers our provider, for SSL_CTX_new_ex(3) and the fetching functions of EVP.
#define APUS_RECORD_CIPHER_QUERY "?provider=apus-records"

/// Loads the provider into OpenSSL's default library context; OpenSSL's own providers stay.
///
/// Isolation: any thread, once.
///
/// Returns NULL when it is loaded, otherwise why it is not: a constant sentence.
const char *apus_record_cipher_load(void);

/// The version of the loaded libIPSec_MB: `1.3.0`; NULL unless `apus_record_cipher_load` succeeded.
const char *apus_record_cipher_version(void);
