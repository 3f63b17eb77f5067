import HTTP2
import TestSupport
import Testing
import Vocabulary

/// Goal: no bytes from a peer crash a session, make it hang, or upset its accounts.
///
/// Method: random bytes, and conversations of real sessions with seeded mutations: bits flipped, bytes inserted,
/// frames dropped, doubled, swapped and cut. The owner on top behaves like a server: it answers, resets and consumes.
@Suite("HTTP2 fuzz")
struct FuzzTests {
    @Test("random bytes after the preface never crash a server", arguments: 0..<40 as Range<UInt64>)
    func randomBytes(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let server = try Endpoint(.server)
        let start = seed % 3 == 0 ? [] : seed % 3 == 1 ? Frames.preface : Frames.clientGreeting
        server.receive(start + random.bytes(count: 2000))
        _ = server.drainAll()
        #expect(server.error != nil || server.session.wantsRead)
    }

    @Test("random frames of every type and flag never crash either side", arguments: 0..<60 as Range<UInt64>)
    func randomFrames(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let role = seed % 2 == 0 ? HTTP2Role.server : .client
        let end = try Endpoint(role)
        if seed % 4 >= 2 { end.onEvent = Self.answer }
        if role == .client { for _ in 0..<3 { _ = try end.open() } }
        end.receive(role == .server ? Frames.clientGreeting : Frames.settings())
        for _ in 0..<300 where end.error == nil {
            let type = UInt8.random(in: 0...17, using: &random)
            let flags = UInt8.random(in: 0...255, using: &random) & 0x2d
            let stream = UInt32.random(in: 0...9, using: &random)
            end.receive(Frames.frame(type: type, flags: flags, stream: stream, Self.payload(type, &random)))
            if Bool.random(using: &random) { _ = end.drain() }
        }
        _ = end.drainAll()
        try check(end)
    }

    /// Mostly well-formed, so that the inner states are reached.
    private static func payload(_ type: UInt8, _ random: inout SeededGenerator) -> [UInt8] {
        switch type {
        case 1 where Bool.random(using: &random): return Frames.block(Frames.requestFields)
        case 1: return Frames.block([(":status", "200"), ("x", "y")])
        case 3, 8: return Frames.bigEndian(UInt32.random(in: 0...70_000, using: &random))
        case 4: return [0, UInt8.random(in: 1...9, using: &random)] + random.bytes(count: 4)
        case 6: return random.bytes(count: 8)
        case 7: return Frames.bigEndian(UInt32.random(in: 0...9, using: &random)) + Frames.bigEndian(0)
        default: return random.bytes(count: Int.random(in: 0...40, using: &random))
        }
    }

    @Test("mutated conversations never crash the server they were meant for", arguments: 0..<150 as Range<UInt64>)
    func mutatedForServer(seed: UInt64) throws {
        try replay(Self.recorded.toServer, seed: seed, into: Endpoint(.server))
    }

    @Test("mutated conversations never crash the client they were meant for", arguments: 0..<150 as Range<UInt64>)
    func mutatedForClient(seed: UInt64) throws {
        let client = try Endpoint(.client)
        for index in 0..<6 {
            let stream = try client.open()
            client.session.submit(stream, pattern(index * 1000), index % 2 == 0 ? .end : .more)
        }
        _ = client.drainAll()
        try replay(Self.recorded.toClient, seed: seed, into: client)
    }

    private func replay(_ frames: [[UInt8]], seed: UInt64, into end: Endpoint) throws {
        var random = SeededGenerator(seed: seed)
        var mutated = frames
        for _ in 0..<Int.random(in: 1...6, using: &random) { Self.mutate(&mutated, &random) }
        end.consumes = seed % 3 != 0
        end.receiveByteCountMax = [Int.max, 1, 13, 100][Int(seed % 4)]
        if end.session.role == .server { end.onEvent = Self.answer }
        for frame in mutated where end.error == nil {
            end.receive(frame)
            if Bool.random(using: &random) { _ = end.drain() }
        }
        _ = end.drainAll()
        try check(end)
    }

    private static func mutate(_ frames: inout [[UInt8]], _ random: inout SeededGenerator) {
        guard frames.count > 2 else { return }
        let index = Int.random(in: 0..<frames.count, using: &random)
        let byte = Int.random(in: 0..<max(frames[index].count, 1), using: &random)
        switch Int.random(in: 0..<7, using: &random) {
        case 0 where byte < frames[index].count: frames[index][byte] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: frames[index].insert(UInt8.random(in: 0...255, using: &random), at: min(byte, frames[index].count))
        case 2: frames.remove(at: index)
        case 3: frames.insert(frames[index], at: Int.random(in: 0..<frames.count, using: &random))
        case 4: frames.swapAt(index, Int.random(in: 0..<frames.count, using: &random))
        case 5: frames[index].removeLast(min(byte, frames[index].count))
        default: if frames[index].count > 8 { frames[index][3] = UInt8.random(in: 0...12, using: &random) }
        }
    }

    /// What holds for a session in any state.
    private func check(_ end: Endpoint) throws {
        #expect(end.session.openStreams.count <= end.session.openStreamCount)
        var closed: [Int32: Int] = [:]
        for case .closed(let id, _, _) in end.observed { closed[id, default: 0] += 1 }
        #expect(closed.values.allSatisfy { $0 == 1 })
        for stream in end.session.openStreams { end.session.reset(stream, .cancel) }
        _ = end.drainAll()
        if end.error == nil && !end.session.isFinished { #expect(end.session.openStreamCount == 0) }
        if end.error != nil { #expect(end.session.isFinished) }
    }

    /// A server that answers some calls, refuses some and cancels some.
    private static func answer(_ end: Endpoint, _ event: Observed) throws {
        switch event {
        case .headers(let id, _, _) where end.session.role == .server:
            let stream = end.streams[id]!
            switch id % 8 {
            case 1:
                try end.session.submitHeaders(stream, .response, .more)
                end.session.submit(stream, pattern(Int(id) * 100))
            case 3: try end.session.submitHeaders(stream, .trailersOnly, .end)
            case 5: end.session.reset(stream, .cancel)
            default: try end.session.submitHeaders(stream, .response, .more)
            }
        case .data(let id, _, end: true) where id % 8 == 1:
            try end.session.submitTrailers(end.streams[id]!, .okTrailers)
        default: break
        }
    }

    /// A conversation with everything in it, recorded from real sessions, as frames.
    private static let recorded: (toServer: [[UInt8]], toClient: [[UInt8]]) = {
        do { return try record() } catch { fatalError("recording: \(error)") }
    }()

    private static func record() throws -> (toServer: [[UInt8]], toClient: [[UInt8]]) {
        let (client, server) = try (Endpoint(.client), Endpoint(.server))
        server.onEvent = answer
        var toServer: [UInt8] = []
        var toClient: [UInt8] = []
        func swap() {
            for _ in 0..<3 {
                let forth = client.drainAll()
                server.receive(forth)
                let back = server.drainAll()
                client.receive(back)
                toServer += forth
                toClient += back
            }
        }
        for index in 0..<8 {
            var headers = HeaderList.request
            try headers.append(name: "x-index", value: "\(index)")
            let stream = try client.open(headers, .more)
            client.session.submit(stream, pattern(index * 700), index % 3 == 0 ? .end : .more)
            if index % 2 == 0 { swap() }
            if index == 4 { client.session.reset(stream, .cancel) }
            if index % 3 == 1 { try client.session.submitTrailers(stream, .okTrailers) }
            client.session.ping(UInt64(index))
        }
        swap()
        server.session.beginGracefulShutdown()
        swap()
        return (split(toServer), split(toClient))
    }

    private static func split(_ bytes: [UInt8]) -> [[UInt8]] {
        bytes.withUnsafeBytes { buffer in Frames.split(buffer).map { Array(buffer[$0]) } }
    }
}
