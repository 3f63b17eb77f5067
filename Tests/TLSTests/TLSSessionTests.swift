import TestSupport
import Testing
import Vocabulary

@testable import TLS

@Suite("A TLS session")
struct TLSSessionTests {
    let fixtures: Fixtures

    init() throws { fixtures = try Fixtures() }

    private func pair(serverName: String = "localhost", pieceByteCount: Int = .max) throws -> SessionPair {
        try SessionPair(
            client: fixtures.clientContext(fixtures.client), server: fixtures.serverContext(), serverName: serverName,
            pieceByteCount: pieceByteCount)
    }

    @Test("completes a handshake with TLS 1.3, h2 and the tenant of the certificate")
    func handshake() throws {
        let pair = try pair()
        try pair.handshake()
        #expect(pair.client.negotiatedProtocol == "h2")
        #expect(pair.server.negotiatedProtocol == "h2")
        #expect(pair.server.peerIdentity == PeerIdentity(spiffeURI: "spiffe://apus.local/tenant/acme"))
        #expect(pair.client.peerIdentity == nil)
        #expect(pair.server.cipherDescription == "TLSv1.3 TLS_AES_128_GCM_SHA256")
    }

    @Test("of a server of anyone needs no client certificate, and knows no identity")
    func anyone() throws {
        let server = try TLSContext(
            serverOfAnyone: PEM(source: "server certificate", bytes: fixtures.server.certificate),
            privateKey: PEM(source: "server key", bytes: fixtures.server.privateKey))
        for client in [try fixtures.clientContext(nil), try fixtures.clientContext(fixtures.client)] {
            let pair = try SessionPair(client: client, server: server)
            try pair.handshake()
            #expect(pair.server.negotiatedProtocol == "h2")
            #expect(pair.server.peerIdentity == nil)
        }
    }

    @Test("verifies a server by any of its names", arguments: ["localhost", "127.0.0.1", "::1"])
    func serverNames(name: String) throws {
        try pair(serverName: name).handshake()
    }

    @Test(
        "carries data both ways, however it is cut",
        arguments: [(1, 100), (7, 20_000), (1_000, 16_384), (16_385, 1 << 20), (Int.max, 1 << 20)])
    func data(pieceByteCount: Int, byteCount: Int) throws {
        let pair = try pair(pieceByteCount: pieceByteCount)
        try pair.handshake()
        let payload = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        // Whole pieces of a megabyte would pass the limit on unread ciphertext.
        var carrier = pair
        carrier.pieceByteCount = min(pieceByteCount, 64 << 10)
        #expect(try carrier.send(payload, from: pair.client, to: pair.server) == payload)
        #expect(try carrier.send(payload.reversed(), from: pair.server, to: pair.client) == payload.reversed())
    }

    @Test("gives several records in one read, and the rest when the buffer is larger than what came")
    func readsFillTheBuffer() throws {
        let pair = try pair()
        try pair.handshake()
        for byte in UInt8(0)..<10 {
            try [byte, byte].withUnsafeBytes { try pair.client.write($0) }
        }
        try pair.carry(from: pair.client, to: pair.server) {}
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 15, alignment: 1)
        defer { buffer.deallocate() }
        #expect(try pair.server.read(into: buffer) == .bytes(15))
        #expect(Array(buffer) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7])
        #expect(try pair.server.read(into: buffer) == .bytes(5))
        #expect(try pair.server.read(into: buffer) == .wouldBlock)
    }

    @Test("keeps the output that the socket did not take")
    func partialDrain() throws {
        let pair = try pair()
        try pair.handshake()
        try [UInt8](repeating: 7, count: 1_000).withUnsafeBytes { try pair.client.write($0) }
        let waiting = pair.client.outputByteCount
        #expect(waiting > 1_000)
        pair.client.drainOutput { _ in 0 }
        #expect(pair.client.outputByteCount == waiting)
        pair.client.drainOutput { _ in 10 }
        #expect(pair.client.outputByteCount == waiting - 10)
    }

    @Test("reads the end after close_notify, and keeps reading it")
    func orderlyClose() throws {
        let pair = try pair()
        try pair.handshake()
        try Array("bye".utf8).withUnsafeBytes { try pair.client.write($0) }
        pair.client.shutdown()
        pair.client.shutdown()
        try pair.carry(from: pair.client, to: pair.server) {}
        pair.server.receiveEnd()
        var received: [UInt8] = []
        #expect(try pair.server.readAll(into: &received) == .closed)
        #expect(received == Array("bye".utf8))
        #expect(try pair.server.readAll(into: &received) == .closed)
    }

    @Test("tells a cut connection from a closed one, after giving what came")
    func truncation() throws {
        let pair = try pair()
        try pair.handshake()
        try Array("half".utf8).withUnsafeBytes { try pair.client.write($0) }
        try pair.carry(from: pair.client, to: pair.server) {}
        pair.server.receiveEnd()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 100, alignment: 1)
        defer { buffer.deallocate() }
        #expect(try pair.server.read(into: buffer) == .bytes(4))
        #expect(throws: TLSError.truncated) { try pair.server.read(into: buffer) }
        #expect(throws: TLSError.truncated) { try pair.server.read(into: buffer) }
    }

    @Test("ends as truncated when the transport ends during the handshake")
    func truncatedHandshake() throws {
        let pair = try pair()
        _ = try pair.client.handshake()
        pair.client.receiveEnd()
        #expect(throws: TLSError.truncated) { try pair.client.handshake() }
    }

    @Test("refuses a changed record and reports it on every later call")
    func tamperedRecord() throws {
        let pair = try pair()
        try pair.handshake()
        try Array("secret".utf8).withUnsafeBytes { try pair.client.write($0) }
        var record: [UInt8] = []
        pair.client.drainOutput { bytes in
            record = Array(bytes)
            return bytes.count
        }
        record[record.count - 1] ^= 1
        try record.withUnsafeBytes { try pair.server.receive($0) }
        var received: [UInt8] = []
        #expect(throws: TLSError.protocolViolation("decryption failed or bad record mac")) {
            try pair.server.readAll(into: &received)
        }
        #expect(throws: TLSError.protocolViolation("decryption failed or bad record mac")) {
            try record.withUnsafeBytes { try pair.server.write($0) }
        }
        #expect(pair.server.hasOutput, "the alert for the peer")
        try pair.carry(from: pair.server, to: pair.client) {}
        #expect(throws: TLSError.alertReceived("bad record mac")) { try pair.client.readAll(into: &received) }
    }

    @Test("reads ciphertext where it is, and keeps what was left for later", arguments: [0, 1, 5, 100])
    func lentCiphertext(readByteCount: Int) throws {
        let pair = try pair()
        try pair.handshake()
        let bytes = (0..<50_000).map { UInt8(truncatingIfNeeded: $0) }
        try bytes.withUnsafeBytes { try pair.client.write($0) }
        var ciphertext: [UInt8] = []
        pair.client.drainOutput { output in
            ciphertext = Array(output)
            return output.count
        }
        var received: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(readByteCount, 1), alignment: 1)
        defer { buffer.deallocate() }
        try ciphertext.withUnsafeBytes { lent in
            try pair.server.receive(lent) { () throws(TLSError) in
                guard readByteCount > 0 else { return }
                #expect(try pair.server.read(into: buffer) == .bytes(readByteCount))
                received += buffer
            }
        }
        // Gone: what was left has to be a copy.
        ciphertext = []
        try pair.server.readAll(into: &received)
        #expect(received == bytes)
    }

    @Test("works the same whether it keeps its buffers between records or gives them back")
    func buffers() throws {
        let pair = try pair()
        try pair.handshake()
        #expect(!pair.server.keepsBuffers)
        for round in 0..<6 {
            pair.server.keepsBuffers = round % 2 == 1
            let bytes = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &+ round) }
            #expect(try pair.send(bytes, from: pair.client, to: pair.server) == bytes)
            #expect(try pair.send(bytes, from: pair.server, to: pair.client) == bytes)
            if round > 2 { pair.server.releaseBuffers() }
        }
    }

    @Test("gives back its buffers in the middle of a record without losing any of it")
    func buffersInUse() throws {
        let pair = try pair()
        try pair.handshake()
        pair.server.keepsBuffers = true
        let bytes = (0..<30_000).map { UInt8(truncatingIfNeeded: $0) }
        try bytes.withUnsafeBytes { try pair.client.write($0) }
        var received: [UInt8] = []
        var halves = pair
        halves.pieceByteCount = 1_000
        try halves.carry(from: pair.client, to: pair.server) {
            try pair.server.readAll(into: &received)
            pair.server.releaseBuffers()
        }
        #expect(received == bytes)
    }

    @Test("refuses more ciphertext than its limit and keeps what it had")
    func receiveLimit() throws {
        let session = try TLSSession(accepting: fixtures.serverContext())
        let flood = [UInt8](repeating: 22, count: TLSSession.unreadByteCountMax)
        try flood.withUnsafeBytes { try session.receive($0) }
        #expect(throws: TLSError.receiveBufferFull(byteCountMax: TLSSession.unreadByteCountMax)) {
            try flood.prefix(1).withUnsafeBytes { try session.receive($0) }
        }
    }

    @Test("gives its memory back when it is told to, unless bytes wait in it")
    func memory() {
        var buffer = RecordBuffer()
        let bytes = [UInt8](repeating: 1, count: 1 << 20)
        bytes.withUnsafeBytes { buffer.append($0) }
        buffer.releaseIfEmpty()
        #expect(buffer.capacity >= 1 << 20 && buffer.count == 1 << 20)
        buffer.take(byteCount: 1 << 20)
        #expect(buffer.capacity >= 1 << 20, "the next large write needs it again")
        buffer.releaseIfEmpty()
        #expect(buffer.capacity == 0)
        bytes.prefix(1_000).withUnsafeBytes { buffer.append($0) }
        #expect(buffer.capacity >= 1_000 && buffer.count == 1_000)
        buffer.take(byteCount: 1_000)
    }

    @Test("pieces that follow each other arrive as one, in full records", arguments: [1, 2, 3, 4] as [UInt64])
    func pieces(seed: UInt64) throws {
        let pair = try pair()
        try pair.handshake()
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<10 {
            let pieces = (0..<Int.random(in: 1...16, using: &generator)).map { _ in
                generator.bytes(count: [0, 1, 9, 16 << 10, 65_536, 5_000].randomElement(using: &generator)!)
            }
            let whole = pieces.flatMap { $0 }
            let block = Bytes(whole)
            let written = try block.withUnsafeBytes { bytes in
                var offset = 0
                let parts = pieces.map { piece in
                    defer { offset += piece.count }
                    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + piece.count])
                }
                return try parts.withUnsafeBufferPointer { try pair.client.write($0) }
            }
            #expect(written == whole.count)
            let ciphertextByteCount = pair.client.outputByteCount
            var received: [UInt8] = []
            try pair.carry(from: pair.client, to: pair.server) { try pair.server.readAll(into: &received) }
            let isWhole = received == whole
            #expect(isWhole)
            // Of TLS 1.3 with AES-GCM: header, type and tag.
            let recordCount = (whole.count + (16 << 10) - 1) / (16 << 10)
            #expect(ciphertextByteCount == whole.count + recordCount * 22)
        }
    }

    @Test("keeps ciphertext in order through growth, sliding and partial takes")
    func bufferOrder() {
        var buffer = RecordBuffer()
        var generator = SeededGenerator(seed: 8461)
        var (appended, taken) = (0, 0)
        for _ in 0..<2_000 {
            let count = Int.random(in: 0..<4_096, using: &generator)
            if Bool.random(using: &generator) {
                (0..<count).map { UInt8(truncatingIfNeeded: appended + $0) }.withUnsafeBytes { buffer.append($0) }
                appended += count
            } else {
                let count = min(count, buffer.count)
                let isInOrder = buffer.waiting.prefix(count).enumerated().allSatisfy { index, byte in
                    byte == UInt8(truncatingIfNeeded: taken + index)
                }
                #expect(isInOrder)
                buffer.take(byteCount: count)
                taken += count
            }
            #expect(buffer.count == appended - taken)
        }
    }
}
