import HTTP2
import TestSupport
import Testing
import Vocabulary

@testable import RPC

@Suite("Request patterns: what requests have in common but for their time")
struct RequestPatternsTests {
    private func block(_ fields: [(String, String)], path: String = "/s/m", type: String = "application/grpc") throws
        -> HeaderBlock
    {
        var list = HeaderList()
        for (name, value) in [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "a"), ("content-type", type),
        ] + fields { try list.append(name: name, value: value) }
        return try list.received()
    }

    /// What is read without a memory, and with one that has read everything before.
    private func expectSame(
        _ block: HeaderBlock, _ patterns: inout RequestPatterns, guess: RequestPattern? = nil,
        _ location: SourceLocation = #_sourceLocation
    ) throws -> RequestHead? {
        let alone = Result { () throws(RequestRejection) in try RequestHead(block) }
        let head = Result { () throws(RequestRejection) in try patterns.head(block, guess: guess) }
        switch (alone, head) {
        case (.success(let alone), .success(let head)):
            #expect(head.path == alone.path && head.encoding == alone.encoding, sourceLocation: location)
            #expect(head.timeoutNanoseconds == alone.timeoutNanoseconds, sourceLocation: location)
            #expect(head.block.isSame(as: block, exceptForValueAt: nil), sourceLocation: location)
            return head
        case (.failure(let alone), .failure(let head)): #expect(head == alone, sourceLocation: location)
        default: Issue.record("\(head) instead of \(alone)", sourceLocation: location)
        }
        return nil
    }

    @Test("requests that differ in their time alone are of one pattern, and have their own time")
    func times() throws {
        var patterns = RequestPatterns()
        var seen: RequestPattern?
        for time in ["1S", "17m", "99999999u", "1n"] {
            let head = try #require(
                try expectSame(block([("grpc-timeout", time), ("x-a", "1")]), &patterns, guess: seen))
            #expect(seen == nil || head.pattern === seen)
            seen = head.pattern
        }
        // Also where nobody guesses it.
        let head = try #require(try expectSame(block([("grpc-timeout", "5S"), ("x-a", "1")]), &patterns))
        #expect(head.pattern === seen)
    }

    @Test("a malformed time is refused, and so is what else is wrong, whatever came before")
    func refusals() throws {
        var patterns = RequestPatterns()
        let good = try expectSame(block([("grpc-timeout", "1S")]), &patterns)
        for guess in [nil, good?.pattern] {
            for fields in [[("grpc-timeout", "1")], [("grpc-timeout", "")], [("grpc-timeout", "123456789S")]] {
                #expect(try expectSame(block(fields), &patterns, guess: guess) == nil)
            }
            #expect(try expectSame(block([("x-bin", "?")]), &patterns, guess: guess) == nil)
            #expect(try expectSame(block([], type: "text/html"), &patterns, guess: guess) == nil)
        }
    }

    @Test("whatever else differs is another pattern, and the last of several times counts")
    func others() throws {
        var patterns = RequestPatterns()
        let first = try #require(try expectSame(block([("grpc-timeout", "1S"), ("x-a", "1")]), &patterns))
        for other in try [
            block([("grpc-timeout", "1S"), ("x-a", "2")]), block([("x-a", "1"), ("grpc-timeout", "1S")]),
            block([("x-a", "1")]), block([("grpc-timeout", "1S"), ("x-a", "1")], path: "/s/n"),
            block([("grpc-timeout", "1S"), ("grpc-timeout", "2S"), ("x-a", "1")]),
            block([("grpc-timeout", "2S"), ("grpc-timeout", "1S"), ("x-a", "1")]),
            block([("grpc-timeout", "1S"), ("grpc-encoding", "gzip")]),
        ] {
            let head = try #require(try expectSame(other, &patterns, guess: first.pattern))
            #expect(head.pattern !== first.pattern)
        }
    }

    @Test("more patterns than are remembered are read all the same, in any order")
    func many() throws {
        var patterns = RequestPatterns()
        var random = SeededGenerator(seed: 7)
        let long = String(repeating: "v", count: 4_000)
        for _ in 0..<300 {
            let number = Int.random(in: 0..<20, using: &random)
            let fields = [("x-number", "\(number)"), ("grpc-timeout", "\(Int.random(in: 1...99, using: &random))m")]
            _ = try expectSame(block(fields + (number == 3 ? [("x-long", long)] : [])), &patterns)
        }
    }
}
