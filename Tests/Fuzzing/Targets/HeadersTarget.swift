import HTTP2
import RPC
import TestSupport
import Vocabulary

extension FuzzTarget {
    /// A header list from a peer, by way of HTTP/2, into everything that reads one; and back to a peer.
    ///
    /// The first byte says which of the usual request headers come first; then names and values alternate, each behind
    /// its length.
    static let headers = FuzzTarget("headers", seeds: { HeadersSeeds.all }) { input in
        var cursor = ByteCursor(input)
        let control = cursor.byte()
        var block: [UInt8] = []
        for (index, field) in HeadersBench.usual.enumerated() where control & UInt8(1 << index) == 0 {
            block += Frames.block([field])
        }
        while !cursor.isEmpty {
            let name = Array(cursor.counted())
            block += [0] + Frames.literal(name) + Frames.literal(Array(cursor.counted()))
        }
        guard let received = try HeadersBench.receive(block) else { return }
        try HeadersBench.read(received)
    }
}

private enum HeadersBench {
    static let usual = [
        (":method", "POST"), (":scheme", "http"), (":path", "/fuzz.Echo/Unary"), (":authority", "localhost"),
        ("te", "trailers"), ("content-type", "application/grpc"), ("grpc-timeout", "1S"),
    ]

    /// The header list of a request as a server of ours sees it; nil when HTTP/2 refuses it.
    static func receive(_ block: [UInt8]) throws -> HeaderBlock? {
        let session = try HTTP2Session(role: .server)
        let bytes = Frames.clientGreeting + Frames.frame(type: 1, flags: 5, stream: 1, block)
        return receive(bytes, session)
    }

    private static func receive(_ bytes: [UInt8], _ session: HTTP2Session) -> HeaderBlock? {
        bytes.withUnsafeBytes { bytes in
            try? session.receive(bytes, at: MonotonicTime(nanoseconds: 1))
            var found: HeaderBlock?
            while let event = session.nextEvent() {
                if case .headers(_, let block, _) = event { found = block }
            }
            return found
        }
    }

    static func read(_ block: HeaderBlock) throws {
        var byteCount = 0
        block.forEach { name, value in byteCount += name.count + value.count + 32 }
        try require(byteCount == block.listByteCount, "\(byteCount) bytes counted as \(block.listByteCount)")
        if let head = try? RequestHead(block) {
            try require(!head.path.isEmpty, "a request without a path was accepted")
        }
        _ = ResponseStatus(block)
        var encoding = MessageEncoding.identity
        _ = ResponseStatus.rejection(ofHeaders: block, &encoding)
        try sendBack(Metadata(block))
    }

    /// What a peer sent as metadata may be sent to a peer, and arrives as it was.
    private static func sendBack(_ metadata: Metadata) throws {
        for name in metadata.entries.map(\.name) {
            var sent = Metadata()
            let isLegal = (try? sent.append(name, "")) != nil || (try? sent.append(name, binary: Bytes())) != nil
            try require(isLegal, "the name '\(name)' became metadata")
        }
        for case .text(let text) in metadata.entries.map(\.value) {
            try require(text.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "'\(text)' became metadata")
        }
        var list = HeaderList()
        for (name, value) in usual { try list.append(name: name, value: value) }
        do throws(HTTP2Error) { try metadata.append(to: &list) } catch {
            throw FuzzFinding(description: "received metadata cannot be sent: \(error)")
        }
        guard list.listByteCount <= 16 << 10 else { return }
        let client = try HTTP2Session(role: .client)
        _ = try client.openStream(list, .end)
        var output: [UInt8] = []
        try client.drainOutput { bytes in
            output += bytes
            return bytes.count
        }
        guard let block = receive(output, try HTTP2Session(role: .server)) else {
            throw FuzzFinding(description: "received metadata was sent, and refused")
        }
        let again = Metadata(block)
        try require(again == metadata, "metadata came back as \(again.entries), not \(metadata.entries)")
    }
}

private enum HeadersSeeds {
    static let all: [(name: String, bytes: [UInt8])] = [
        ("usual", [0x00]),
        ("text", [0x00] + field("x-text", "a value") + field("x-text", " spaces ") + field("a.b_c", "")),
        (
            "binary",
            [0x00] + field("x-bin", "q6ur") + field("x-bin", "YQ==,YWI") + field("y-bin", "") + field("z-bin", "!")
        ),
        ("timeout", [0x40] + field("grpc-timeout", "99999999n") + field("grpc-timeout", "1")),
        ("encoding", [0x00] + field("grpc-encoding", "gzip") + field("grpc-accept-encoding", "identity,deflate,gzip")),
        ("type", [0x20] + field("content-type", "application/grpc+proto;x=y")),
        ("method", [0x01] + field(":method", "GET")),
        ("response", [0x7F] + field(":status", "200") + field("grpc-status", "5") + field("grpc-message", "%41")),
        ("host", [0x08] + field("host", "x") + field("user-agent", "u") + field("cookie", "a=b")),
        (
            "reserved",
            [0x00] + field("grpc-previous-rpc-attempts", "1") + field("grpc-status-details-bin", "YQ")
                + field("grpc-foo", "x")
        ),
        ("names", [0x00] + field("x%y", "1") + field("x!bin", "1") + field("x_y.z-0", "1")),
        ("bytes", [0x00, 1, 0x78, 3, 0x80, 0xFF, 0xE9]),
    ]

    private static func field(_ name: String, _ value: String) -> [UInt8] {
        [UInt8(name.utf8.count)] + name.utf8 + [UInt8(value.utf8.count)] + value.utf8
    }
}
