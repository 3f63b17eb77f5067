import HTTP2
import Vocabulary

/// An event as a value that can be compared and kept after the bytes it came from are gone.
enum Observed: Equatable {
    case headers(Int32, [String], end: Bool)
    case data(Int32, [UInt8], end: Bool)
    case trailers(Int32, [String])
    case writable(Int32)
    case closed(Int32, HTTP2ErrorCode, HTTP2CloseOrigin)
    case settings
    case goAway(Int32, HTTP2ErrorCode, String)
    case ping
    case pingAcknowledged(UInt64)
}

/// One end of a connection in memory, with everything that happened to it.
final class Endpoint {
    let session: HTTP2Session
    var observed: [Observed] = []
    /// Streams by identifier, as events and `open` brought them.
    var streams: [Int32: HTTP2Stream] = [:]
    /// Body bytes received, by stream.
    var bodies: [Int32: [UInt8]] = [:]
    var lastHeaders: HeaderBlock?
    var error: HTTP2Error?
    var now = MonotonicTime(nanoseconds: 1)
    /// Whether data is consumed as it comes.
    var consumes = true
    /// Whether data events are noted one by one.
    var notesData = true
    /// The most `receive` gets at once, and the most the transport takes at once.
    var receiveByteCountMax = Int.max
    var drainByteCountMax = Int.max
    /// Called with each event, before anything else happens.
    var onEvent: ((Endpoint, Observed) throws -> Void)?

    init(_ role: HTTP2Role, _ configuration: HTTP2Configuration = HTTP2Configuration()) throws {
        session = try HTTP2Session(role: role, configuration: configuration)
    }

    func receive(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(receiveByteCountMax))
            rest = rest.dropFirst(piece.count)
            piece.withUnsafeBytes { buffer in
                do throws(HTTP2Error) { try session.receive(buffer, at: now) } catch { self.error = error }
                takeEvents()
            }
        }
    }

    /// All output, taken in steps of `drainByteCountMax`.
    func drain() -> [UInt8] {
        var output: [UInt8] = []
        do throws(HTTP2Error) {
            try session.drainOutput { bytes in
                output.append(contentsOf: bytes.prefix(drainByteCountMax))
                return min(bytes.count, drainByteCountMax)
            }
        } catch {
            self.error = error
        }
        takeEvents()
        return output
    }

    func drainAll() -> [UInt8] {
        var output: [UInt8] = []
        while true {
            let piece = drain()
            if piece.isEmpty { return output }
            output += piece
        }
    }

    func takeEvents() {
        while let event = session.nextEvent() {
            let seen = note(event)
            do { try onEvent?(self, seen) } catch { fatalError("event handler: \(error)") }
        }
    }

    private func note(_ event: HTTP2Event) -> Observed {
        let seen: Observed
        switch event {
        case .headers(let stream, let block, let continuation):
            streams[stream.id] = stream
            lastHeaders = block
            seen = .headers(stream.id, block.lines, end: continuation == .end)
        case .data(let stream, let bytes, let continuation):
            bodies[stream.id, default: []] += Array(bytes)
            if consumes { session.consume(stream, byteCount: bytes.count) }
            seen = .data(stream.id, Array(bytes), end: continuation == .end)
            if !notesData && continuation == .more { return seen }
        case .trailers(let stream, let block):
            lastHeaders = block
            seen = .trailers(stream.id, block.lines)
        case .writable(let stream): seen = .writable(stream.id)
        case .closed(let stream, let code, let origin): seen = .closed(stream.id, code, origin)
        case .settings: seen = .settings
        case .goAway(let last, let code, let debug): seen = .goAway(last, code, debug.utf8String ?? "?")
        case .ping: seen = .ping
        case .pingAcknowledged(let payload): seen = .pingAcknowledged(payload)
        }
        observed.append(seen)
        return seen
    }

    /// What was observed since the last call.
    func takeObserved() -> [Observed] {
        defer { observed = [] }
        return observed
    }

    /// What was observed about one stream.
    func observed(of id: Int32) -> [Observed] {
        observed.filter {
            switch $0 {
            case .headers(id, _, _), .data(id, _, _), .trailers(id, _), .writable(id), .closed(id, _, _): true
            default: false
            }
        }
    }

    func open(_ headers: HeaderList = .request, _ continuation: HTTP2Continuation = .more) throws -> HTTP2Stream {
        let stream = try session.openStream(headers, continuation)
        streams[stream.id] = stream
        return stream
    }
}

/// Carries bytes both ways until neither side has any left.
func exchange(_ one: Endpoint, _ other: Endpoint) {
    var isQuiet = false
    while !isQuiet {
        let forth = one.drain()
        other.receive(forth)
        let back = other.drain()
        one.receive(back)
        isQuiet = forth.isEmpty && back.isEmpty
    }
}

/// A client and a server that have shaken hands; what that caused is forgotten.
func connectedPair(
    client: HTTP2Configuration = HTTP2Configuration(), server: HTTP2Configuration = HTTP2Configuration()
) throws -> (client: Endpoint, server: Endpoint) {
    let pair = try (client: Endpoint(.client, client), server: Endpoint(.server, server))
    exchange(pair.client, pair.server)
    _ = pair.client.takeObserved()
    _ = pair.server.takeObserved()
    return pair
}

extension HeaderBlock {
    /// The fields as `name: value`.
    var lines: [String] {
        (0..<count).map { "\(name(at: $0).utf8String ?? "?"): \(value(at: $0).utf8String ?? "?")" }
    }
}

extension HeaderList {
    /// The headers of a gRPC request.
    static let request: HeaderList = {
        var list = HeaderList()
        list.append(":method", "POST")
        list.append(":scheme", "https")
        list.append(":path", "/test.Echo/Say")
        list.append(":authority", "localhost")
        list.append("te", "trailers")
        list.append("content-type", "application/grpc")
        return list
    }()
    static let response: HeaderList = {
        var list = HeaderList()
        list.append(":status", "200")
        list.append("content-type", "application/grpc")
        return list
    }()
    static let okTrailers: HeaderList = {
        var list = HeaderList()
        list.append("grpc-status", "0")
        return list
    }()
    static let trailersOnly: HeaderList = {
        var list = response
        list.append("grpc-status", "12")
        return list
    }()
}

let requestLines = [
    ":method: POST", ":scheme: https", ":path: /test.Echo/Say", ":authority: localhost", "te: trailers",
    "content-type: application/grpc",
]
let responseLines = [":status: 200", "content-type: application/grpc"]

extension HTTP2Session {
    /// Submits an array as data.
    @discardableResult
    func submit(_ stream: HTTP2Stream, _ bytes: [UInt8], _ continuation: HTTP2Continuation = .more) -> HTTP2Submission {
        submitData(stream, Bytes(bytes), continuation)
    }
}

/// Bytes that tell every position apart from its neighbours.
func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ ($0 >> 8)) } }
