import RPC
import Telemetry
import Vocabulary

extension FuzzTarget {
    /// One text of a peer into the reader that the first byte names: timeouts, base64, status messages, identities,
    /// traces.
    static let texts = FuzzTarget("texts", inputByteCountMax: 1024, seeds: { TextsSeeds.all }) { input in
        var cursor = ByteCursor(input)
        let reader = cursor.byte()
        let text = cursor.rest
        switch reader & 7 {
        case 0: try TextsBench.readTimeout(text)
        case 1: try TextsBench.readBase64(text)
        case 2: try TextsBench.readStatusMessage(text)
        case 3: try TextsBench.readIdentity(text)
        case 4: try TextsBench.writeMetadata(text)
        case 6: try TextsBench.readTrace(text)
        case 7: try TextsBench.readTraceState(text)
        default: try TextsBench.readName(text)
        }
    }
}

private enum TextsBench {
    static func readTimeout(_ text: UnsafeRawBufferPointer) throws {
        guard let nanoseconds = Timeout.parse(text) else { return }
        try require(text.count <= 9, "a timeout of \(text.count) bytes was read")
        let written = Array(Timeout.format(nanoseconds: nanoseconds).utf8)
        guard let again = written.withUnsafeBytes(Timeout.parse) else {
            throw FuzzFinding(description: "the timeout \(nanoseconds) is written in an unreadable way")
        }
        try require(again >= nanoseconds, "\(nanoseconds) became \(again)")
    }

    static func readBase64(_ text: UnsafeRawBufferPointer) throws {
        let decoded = Base64.decode(text)
        try require((decoded != nil) == Base64.isValid(text), "base64 is valid and is not")
        let bytes = decoded ?? Bytes(copying: text)
        let written = bytes.withUnsafeBytes(Base64.encode)
        try require(written.withUnsafeBytes(Base64.decode) == bytes, "base64 does not come back")
    }

    static func readStatusMessage(_ text: UnsafeRawBufferPointer) throws {
        let message = StatusMessage.decode(text)
        let written = StatusMessage.encode(message)
        try require(written.count <= 3 * StatusMessage.byteCountMax, "\(written.count) bytes of status message")
        try require(written.allSatisfy { (0x20...0x7E).contains($0) }, "a status message is not printable")
        let again = written.withUnsafeBytes(StatusMessage.decode)
        try require(
            message.utf8.count > StatusMessage.byteCountMax || again == message, "'\(message)' became '\(again)'")
        try require(message.utf8.starts(with: again.utf8), "'\(message)' became '\(again)'")
    }

    static func readIdentity(_ text: UnsafeRawBufferPointer) throws {
        let uri = String(decoding: text, as: UTF8.self)
        guard let identity = PeerIdentity(spiffeURI: uri) else { return }
        let path =
            switch identity.principal {
            case .tenant(let tenant): "tenant/\(tenant)"
            case .router: "role/router"
            case .admin: "role/admin"
            }
        try require("spiffe://\(identity.trustDomain)/\(path)" == uri, "'\(uri)' was read as \(identity)")
    }

    /// Whatever an application says, only what a peer accepts becomes metadata.
    static func writeMetadata(_ text: UnsafeRawBufferPointer) throws {
        var cursor = ByteCursor(text)
        let name = String(decoding: cursor.counted(), as: UTF8.self)
        var metadata = Metadata()
        let value = String(decoding: cursor.rest, as: UTF8.self)
        if (try? metadata.append(name, value)) == nil {
            guard (try? metadata.append(name, binary: Bytes(copying: cursor.rest))) != nil else { return }
        }
        try require(metadata.entries.count == 1, "\(metadata.entries.count) entries")
        try require(
            !name.isEmpty && name.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyz0123456789_-.".utf8.contains($0) },
            "the name '\(name)' was accepted")
    }

    static func readTrace(_ text: UnsafeRawBufferPointer) throws {
        guard let context = TraceContext(traceparent: text) else { return }
        let written = context.traceparent
        try require(TraceContext(traceparent: written) == context, "\(written) does not come back")
        // All but version and flags is as it was.
        let fields = String(decoding: text[3..<52], as: UTF8.self)
        try require(written.dropFirst(3).prefix(49) == fields, "\(fields) became \(written)")
    }

    static func readTraceState(_ text: UnsafeRawBufferPointer) throws {
        let state = String(decoding: text, as: UTF8.self)
        let joined = TraceState.joined([state])
        try require(joined.utf8.count <= state.utf8.count, "'\(state)' became '\(joined)'")
        // What is passed on is metadata, and means the same to the next one.
        try require(TraceState.joined([joined]) == joined, "'\(joined)' is not passed on")
        var metadata = Metadata()
        try require((try? metadata.append("tracestate", joined)) != nil, "'\(joined)' is no metadata")
    }

    static func readName(_ text: UnsafeRawBufferPointer) throws {
        let name = String(decoding: text, as: UTF8.self)
        if let model = ModelName(name) { try require("\(model)" == name, "the model \(name) became \(model)") }
        if let tenant = TenantID(name) { try require("\(tenant)" == name, "the tenant \(name) became \(tenant)") }
    }
}

private enum TextsSeeds {
    static let all: [(name: String, bytes: [UInt8])] = [
        ("timeout", seed(0, "12345678S")), ("hours", seed(0, "99999999H")), ("base64", seed(1, "q6ur")),
        ("padded", seed(1, "YQ==")), ("status", seed(2, "a%E2%98%BA%25%zz")),
        ("status-twice", seed(2, "%2541%25")),
        ("tenant", seed(3, "spiffe://apus.local/tenant/a-1")),
        ("role", seed(3, "spiffe://a.b/role/router")), ("metadata", seed(4, "\u{5}x-binvalue")),
        ("name", seed(5, "digits-1.x_y")),
        ("trace", seed(6, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")),
        ("later-trace", seed(6, "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more")),
        ("state", seed(7, "rojo=00f067aa0ba902b7, 0tenant@system=!#$ ~,,a_-*/=1")),
    ]

    private static func seed(_ reader: UInt8, _ text: String) -> [UInt8] { [reader] + text.utf8 }
}
