import COpenSSL
import TestSupport
import Vocabulary

@testable import TLS

extension FuzzTarget {
    /// A certificate in DER into the reading of the identity it stands for.
    static let certificate = FuzzTarget("certificate", seeds: { CertificateSeeds.all }) { input in
        var start = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        ERR_clear_error()
        guard let pointer = d2i_X509(nil, &start, input.count) else { return ERR_clear_error() }
        let certificate = Certificate(owning: pointer)
        _ = certificate.subject
        _ = certificate.isAuthority
        let uris = uriNames(of: pointer)
        guard let identity = try? PeerIdentity(verifiedLeaf: pointer) else { return ERR_clear_error() }
        let onlyURI = uris.count == 1 ? uris[0] : nil
        try require(onlyURI.flatMap { PeerIdentity(spiffeURI: $0) } == identity, "\(identity) out of \(uris)")
        try require(!certificate.isAuthority, "an authority became \(identity)")
    }

    /// Bytes from a client that should be a TLS handshake into a server's session.
    static let handshake = FuzzTarget("handshake", seeds: HandshakeBench.seeds) { input in
        guard let first = input.first else { return }
        try HandshakeBench.play(UnsafeRawBufferPointer(rebasing: input.dropFirst()), pieceByteCount: Int(first) + 1)
    }
}

/// - Note: certificates made once for each process; their keys are random, and of no influence on what is tested.
private enum HandshakeBench {
    private static let validity = CertificateValidity(notBefore: 1_600_000_000, notAfter: 4_000_000_000)

    private static let contexts: Result<(server: TLSContext, client: TLSContext), any Error> = Result {
        let authority = try CertificateAuthority(validity: validity)
        let roots = PEM(source: "ca", bytes: try authority.export().certificate)
        let server = try authority.issue(.server([ServerName("localhost")!]), validity: validity)
        return (
            try TLSContext(
                server: TLSServerConfiguration(
                    certificateChain: PEM(source: "server", bytes: server.certificate),
                    privateKey: PEM(source: "key", bytes: server.privateKey), clientAuthorities: roots)),
            try TLSContext(client: TLSClientConfiguration(serverAuthorities: roots))
        )
    }

    static func play(_ bytes: UnsafeRawBufferPointer, pieceByteCount: Int) throws {
        let session = try TLSSession(accepting: contexts.get().server)
        var offset = 0
        while offset < bytes.count {
            let end = min(offset + pieceByteCount, bytes.count)
            let progress: TLSHandshakeProgress
            do throws(TLSError) {
                try session.receive(UnsafeRawBufferPointer(rebasing: bytes[offset..<end]))
                progress = try session.handshake()
            } catch {
                break
            }
            guard case .incomplete = progress else {
                throw FuzzFinding(description: "a handshake without a client's certificate is complete")
            }
            offset = end
        }
        session.drainOutput { $0.count }
        try require(session.peerIdentity == nil, "an identity without a certificate")
    }

    /// What a client of ours says first.
    static func seeds() throws -> [(name: String, bytes: [UInt8])] {
        let session = try TLSSession(connecting: contexts.get().client, serverName: "localhost")
        _ = try session.handshake()
        var hello: [UInt8] = []
        session.drainOutput { bytes in
            hello += bytes
            return bytes.count
        }
        return [
            ("hello", [255] + hello), ("pieces", [15] + hello), ("cut", [255] + hello.dropLast(40)),
            ("plaintext", [255] + Frames.clientGreeting), ("http", [255] + Array("GET / HTTP/1.1\r\n\r\n".utf8)),
        ]
    }
}

private enum CertificateSeeds {
    /// One certificate of each kind that our own authority issues; their keys differ from run to run.
    static let all: [(name: String, bytes: [UInt8])] = {
        let validity = CertificateValidity(notBefore: 1_600_000_000, notAfter: 4_000_000_000)
        guard let authority = try? CertificateAuthority(validity: validity) else { return [] }
        var texts: [(String, Bytes?)] = [("authority", try? authority.export().certificate)]
        if let name = ServerName("localhost") {
            texts.append(("server", try? authority.issue(.server([name]), validity: validity).certificate))
        }
        if let tenant = TenantID("local") {
            texts.append(("tenant", try? authority.issue(.client(.tenant(tenant)), validity: validity).certificate))
        }
        texts.append(("router", try? authority.issue(.client(.router), validity: validity).certificate))
        return texts.compactMap { name, text in
            guard let text, let list = try? Certificate.list(in: PEM(source: name, bytes: text)), let first = list.first
            else { return nil }
            return der(first).map { (name, $0) }
        }
    }()

    private static func der(_ certificate: Certificate) -> [UInt8]? {
        let byteCount = Int(i2d_X509(certificate.pointer, nil))
        guard byteCount > 0 else { return nil }
        return [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            var end = buffer.baseAddress
            count = Int(i2d_X509(certificate.pointer, &end))
        }
    }
}
