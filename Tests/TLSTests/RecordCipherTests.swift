import COpenSSL
import Testing

@testable import TLS

/// Both of them, on machines that have the second; on others there is nothing to compare.
@Suite("RecordCipher", .enabled(if: RecordCipher.best == .ipsecMB, "\(RecordCipher.whyNotIPsecMB ?? "")"))
struct RecordCipherTests {
    private static let names = ["AES-128-GCM", "AES-256-GCM"]

    @Test("encrypts as OpenSSL does, and each decrypts what the other wrote", arguments: names)
    func agreesWithOpenSSL(_ name: String) throws {
        var random = SystemRandomNumberGenerator()
        let (own, theirs) = (try Cipher(name, .ipsecMB), try Cipher(name, .openSSL))
        let key = (0..<own.keyByteCount).map { _ in UInt8.random(in: 0...255, using: &random) }
        try own.use(key)
        try theirs.use(key)
        // Past the records after which an expanded key is kept, and every length around the blocks of both.
        for count in Array(0...320) + [1023, 1024, 1025, 4096, 16_383, 16_384, 16_385] {
            let nonce = (0..<12).map { _ in UInt8.random(in: 0...255, using: &random) }
            let header = (0..<[5, 13, 0, 32][count % 4]).map { _ in UInt8.random(in: 0...255, using: &random) }
            let text = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            let sealed = try own.seal(text, nonce: nonce, header: header)
            #expect(try theirs.seal(text, nonce: nonce, header: header) == sealed)
            #expect(try own.open(sealed, nonce: nonce, header: header) == text)
            #expect(try theirs.open(sealed, nonce: nonce, header: header) == text)
        }
    }

    @Test("refuses a record of which one bit differs", arguments: names)
    func refusesChangedRecords(_ name: String) throws {
        let cipher = try Cipher(name, .ipsecMB)
        try cipher.use(Array(repeating: 7, count: cipher.keyByteCount))
        let (nonce, header) = ([UInt8](repeating: 1, count: 12), [UInt8](repeating: 2, count: 5))
        let sealed = try cipher.seal(Array("attack at dawn".utf8), nonce: nonce, header: header)
        for bit in 0..<(sealed.count * 8) {
            var changed = sealed
            changed[bit / 8] ^= 1 << (bit % 8)
            #expect(try cipher.open(changed, nonce: nonce, header: header) == nil)
        }
        #expect(try cipher.open(sealed, nonce: nonce, header: [2, 2, 2, 2, 3]) == nil)
        #expect(try cipher.open(sealed, nonce: Array(repeating: 3, count: 12), header: header) == nil)
    }

    @Test("encrypts nothing twice under a nonce, and nothing without key and nonce")
    func needsKeyAndNonce() throws {
        let cipher = try Cipher("AES-128-GCM", .ipsecMB)
        let nonce = [UInt8](repeating: 1, count: 12)
        #expect(throws: Refused.self) { try cipher.seal([1], nonce: nonce, header: []) }
        try cipher.use(Array(repeating: 7, count: 16))
        #expect(throws: Refused.self) { try cipher.seal([1], nonce: nil, header: []) }
        _ = try cipher.seal([1], nonce: nonce, header: [])
        #expect(throws: Refused.self) { try cipher.seal([1], nonce: nil, header: []) }
    }

    @Test(
        "sessions with either understand each other",
        arguments: [TLS1_2_VERSION, TLS1_3_VERSION], ["AES128-GCM-SHA256", "AES256-GCM-SHA384"])
    func sessionsAgree(version: Int32, cipher: String) throws {
        let fixtures = try Fixtures()
        let client = try TLSContext(
            client: TLSClientConfiguration(
                serverAuthorities: fixtures.root,
                certificateChain: PEM(source: "certificate", bytes: fixtures.client.certificate),
                privateKey: PEM(source: "key", bytes: fixtures.client.privateKey)), recordCipher: .openSSL)
        _ = SSL_CTX_ctrl(client.pointer, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
        _ = SSL_CTX_set_cipher_list(client.pointer, "ECDHE-ECDSA-\(cipher)")
        let suite = "TLS_AES_\(cipher.dropFirst(3).map { $0 == "-" ? "_" : String($0) }.joined())"
        _ = SSL_CTX_set_ciphersuites(client.pointer, suite)
        let pair = try SessionPair(client: client, server: fixtures.serverContext())
        try pair.handshake()
        #expect(pair.server.cipherDescription.contains(cipher.prefix(6) == "AES128" ? "128" : "256"))
        #expect(pair.server.cipherDescription.hasPrefix(version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"))
        for count in [1, 100, 16_384, 100_000] + Array(repeating: 1000, count: 40) {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            #expect(try pair.send(bytes, from: pair.client, to: pair.server) == bytes)
            #expect(try pair.send(bytes, from: pair.server, to: pair.client) == bytes)
        }
    }

    @Test("a session ends when a byte of a record differs", arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func sessionRefusesChangedRecord(version: Int32) throws {
        let fixtures = try Fixtures()
        let client = try fixtures.clientContext(fixtures.client)
        _ = SSL_CTX_ctrl(client.pointer, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
        let pair = try SessionPair(client: client, server: fixtures.serverContext())
        try pair.handshake()
        _ = try pair.send([1, 2, 3], from: pair.client, to: pair.server)
        try [UInt8](repeating: 1, count: 1000).withUnsafeBytes { _ = try pair.client.write($0) }
        var record: [UInt8] = []
        pair.client.drainOutput { bytes in
            record = Array(bytes)
            return bytes.count
        }
        record[500] ^= 1
        #expect(throws: TLSError.self) {
            try record.withUnsafeBytes { try pair.server.receive($0) }
            var read: [UInt8] = []
            try pair.server.readAll(into: &read)
        }
    }
}

/// OpenSSL, or our provider, said no.
private struct Refused: Error {}

/// An AEAD of one of the two, by OpenSSL's interface, used as its record layer does.
private final class Cipher {
    private let cipher: OpaquePointer
    private let context: OpaquePointer
    var keyByteCount: Int { Int(EVP_CIPHER_get_key_length(cipher)) }

    init(_ name: String, _ which: RecordCipher) throws {
        guard let cipher = EVP_CIPHER_fetch(nil, name, which.propertyQuery),
            let context = EVP_CIPHER_CTX_new()
        else { throw Refused() }
        (self.cipher, self.context) = (cipher, context)
    }

    deinit {
        EVP_CIPHER_CTX_free(context)
        EVP_CIPHER_free(cipher)
    }

    func use(_ key: [UInt8]) throws {
        #expect(EVP_CIPHER_get_iv_length(cipher) == 12)
        precondition(key.count == keyByteCount, "a shorter key would be read past its end")
        try check(EVP_CipherInit_ex(context, cipher, nil, key, nil, 1))
    }

    func seal(_ text: [UInt8], nonce: [UInt8]?, header: [UInt8]) throws -> [UInt8] {
        var sealed = [UInt8](repeating: 0, count: text.count + 16)
        var count: Int32 = 0
        try check(EVP_CipherInit_ex(context, nil, nil, nil, nonce, 1))
        try check(EVP_CipherUpdate(context, nil, &count, header, Int32(header.count)))
        try check(EVP_CipherUpdate(context, &sealed, &count, text, Int32(text.count)))
        try sealed.withUnsafeMutableBytes { bytes in
            let end = bytes.baseAddress! + text.count
            try check(EVP_CipherFinal_ex(context, end.assumingMemoryBound(to: UInt8.self), &count))
            try check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, end))
        }
        return sealed
    }

    /// Nil when the tag does not fit.
    func open(_ sealed: [UInt8], nonce: [UInt8], header: [UInt8]) throws -> [UInt8]? {
        var text = [UInt8](repeating: 0, count: sealed.count - 16)
        var (count, tag) = (Int32(0), Array(sealed.suffix(16)))
        try check(EVP_CipherInit_ex(context, nil, nil, nil, nonce, 0))
        try check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, &tag))
        try check(EVP_CipherUpdate(context, nil, &count, header, Int32(header.count)))
        try check(EVP_CipherUpdate(context, &text, &count, sealed, Int32(text.count)))
        var nothing: UInt8 = 0
        return EVP_CipherFinal_ex(context, &nothing, &count) == 1 ? text : nil
    }

    private func check(_ result: Int32) throws {
        guard result == 1 else { throw Refused() }
    }
}
