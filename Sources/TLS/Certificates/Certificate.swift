import COpenSSL
import Vocabulary

/// One X.509 certificate.
final class Certificate {
    let pointer: OpaquePointer

    /// Takes over a reference that the caller held.
    init(owning pointer: OpaquePointer) { self.pointer = pointer }

    deinit { X509_free(pointer) }

    /// Whether it may sign other certificates.
    var isAuthority: Bool { X509_check_ca(pointer) != 0 }

    /// The subject in one line: `CN = client, O = Apus`.
    var subject: String { Certificate.subject(of: pointer) }

    /// The subject in one line of a certificate that belongs to somebody else.
    static func subject(of pointer: OpaquePointer) -> String {
        memoryText { X509_NAME_print_ex($0, X509_get_subject_name(pointer), 0, apus_XN_FLAG_ONELINE()) } ?? "?"
    }

    /// Every certificate of a PEM text, in its order.
    ///
    /// - Throws: `TLSError.unusableFile` when one of them does not parse.
    static func list(in pem: PEM) throws(TLSError) -> [Certificate] {
        var certificates: [Certificate] = []
        try pem.readAll(kind: "certificate") { bio in
            guard let pointer = PEM_read_bio_X509(bio, nil, noPassphrase, nil) else { return false }
            certificates.append(Certificate(owning: pointer))
            return true
        }
        return certificates
    }

    /// Whether this authority's key has signed `certificate`, and the names agree.
    func hasSigned(_ certificate: Certificate) -> Bool {
        defer { ERR_clear_error() }
        guard X509_check_issued(pointer, certificate.pointer) == X509_V_OK, let key = X509_get0_pubkey(pointer) else {
            return false
        }
        return X509_verify(certificate.pointer, key) == 1
    }
}

/// A private key.
final class PrivateKey {
    let pointer: OpaquePointer

    /// Takes over a reference that the caller held.
    init(owning pointer: OpaquePointer) { self.pointer = pointer }

    /// Parses the first private key of a PEM text.
    ///
    /// - Throws: `TLSError.unusableFile`, also for an encrypted key: a server that restarts alone has nobody to ask.
    init(_ pem: PEM) throws(TLSError) {
        pointer = try withReadingBIO(pem) { bio throws(TLSError) in
            ERR_clear_error()
            guard let pointer = PEM_read_bio_PrivateKey(bio, nil, noPassphrase, nil) else {
                throw .unusableFile(
                    source: pem.source, reason: "no usable unencrypted private key: \(OpenSSLFailure.take().text)")
            }
            return pointer
        }
    }

    deinit { EVP_PKEY_free(pointer) }
}

extension PEM {
    /// Reads all objects of one kind; `readOne` takes the next from the BIO and says whether there was one.
    ///
    /// - Throws: `TLSError.unusableFile` unless it ended because there were no more.
    func readAll(kind: String, _ readOne: (OpaquePointer) -> Bool) throws(TLSError) {
        guard isWhole else { throw .unusableFile(source: source, reason: "the file is cut short") }
        try withReadingBIO(self) { bio throws(TLSError) in
            ERR_clear_error()
            var count = 0
            while readOne(bio) { count += 1 }
            // Running out of them is an error to OpenSSL too, told apart by its reason.
            let code = ERR_peek_last_error()
            ERR_clear_error()
            let isEnd = apus_ERR_GET_LIB(code) == ERR_LIB_PEM && apus_ERR_GET_REASON(code) == PEM_R_NO_START_LINE
            guard isEnd else {
                let reason = ERR_reason_error_string(code).map { String(cString: $0) } ?? "not a \(kind)"
                throw .unusableFile(source: source, reason: "\(kind) \(count + 1): \(reason)")
            }
        }
    }
}

/// Refuses to give a passphrase; without it OpenSSL would ask on the terminal.
private let noPassphrase:
    @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 =
        { _, _, _, _ in -1 }

/// Reads a PEM text through a BIO that lives for the call.
private func withReadingBIO<Result>(
    _ pem: PEM, _ body: (OpaquePointer) throws(TLSError) -> Result
) throws(TLSError) -> Result {
    try pem.bytes.withUnsafeBytes { bytes throws(TLSError) in
        guard bytes.count <= PEM.byteCountMax, let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else {
            throw .unusableFile(source: pem.source, reason: "empty, or more than \(PEM.byteCountMax) bytes")
        }
        defer { BIO_free(bio) }
        return try body(bio)
    }
}

/// What `write` writes to a BIO, as text; nil when it fails.
func memoryText(_ write: (OpaquePointer) -> Int32) -> String? {
    guard let bio = BIO_new(BIO_s_mem()) else { return nil }
    defer { BIO_free(bio) }
    guard write(bio) >= 0 else { return nil }
    var start: UnsafeMutablePointer<CChar>?
    let byteCount = apus_BIO_get_mem_data(bio, &start)
    return String(decoding: UnsafeRawBufferPointer(start: start, count: byteCount), as: UTF8.self)
}
