import HTTP2
import TestSupport
import Testing
import Vocabulary

@Suite("HTTP2 headers")
struct HeaderTests {
    private func limit(_ byteCount: Int) -> HTTP2Configuration {
        var configuration = HTTP2Configuration()
        configuration.headerListByteCountMax = byteCount
        return configuration
    }

    @Test("B45: a value of 63 KiB travels over CONTINUATION frames", arguments: [Int.max, 1, 1000])
    func longValue(receiveByteCountMax: Int) throws {
        let (client, server) = try connectedPair(server: limit(128 << 10))
        server.receiveByteCountMax = receiveByteCountMax
        let value = String(repeating: "{\"long\"} ", count: 7 << 10)  // nine characters that Huffman codes badly
        var headers = HeaderList.request
        try headers.append(name: "x-long", value: value, indexing: .never)
        _ = try client.open(headers, .end)
        let output = client.drainAll()
        #expect(RawFrame.all(in: output).map(\.type).filter { $0 == 9 }.count >= 2)
        server.receive(output)
        #expect(server.observed == [.headers(1, requestLines + ["x-long: \(value)"], end: true)])
        #expect(server.lastHeaders?.isTruncated == false)
        #expect(server.error == nil)
    }

    @Test("S33: a list above the limit arrives cut off and flagged, and the connection stays in step")
    func overTheLimit() throws {
        let (client, server) = try connectedPair(server: limit(1000))
        var headers = HeaderList.request
        for index in 0..<20 { try headers.append(name: "x-\(index)", value: String(repeating: "v", count: 40)) }
        let stream = try client.open(headers, .end)
        exchange(client, server)
        let block = try #require(server.lastHeaders)
        #expect(block.isTruncated)
        #expect(block.listByteCount == headers.listByteCount)
        #expect(block.firstValue(of: ":path")?.utf8String == "/test.Echo/Say")
        #expect(block.count < headers.count)
        // The compression tables of both ends must still agree.
        try server.session.submitHeaders(server.streams[stream.id]!, .trailersOnly, .end)
        exchange(server, client)
        _ = server.takeObserved()
        var again = HeaderList.request
        try again.append(name: "x-19", value: String(repeating: "v", count: 40))
        _ = try client.open(again, .end)
        exchange(client, server)
        #expect(
            server.observed == [
                .headers(3, requestLines + ["x-19: " + String(repeating: "v", count: 40)], end: true)
            ])
    }

    @Test("trailers above the limit are flagged too")
    func trailersOverTheLimit() throws {
        let (client, server) = try connectedPair(client: limit(300))
        _ = try client.open(.request, .end)
        exchange(client, server)
        try server.session.submitHeaders(server.streams[1]!, .response, .more)
        var trailers = HeaderList.okTrailers
        try trailers.append(name: "grpc-message", value: String(repeating: "m", count: 400))
        try server.session.submitTrailers(server.streams[1]!, trailers)
        exchange(server, client)
        #expect(client.observed.contains(.trailers(1, ["grpc-status: 0"])))
        #expect(client.lastHeaders?.isTruncated == true)
    }

    @Test("a list above eight times the limit ends the connection with ENHANCE_YOUR_CALM")
    func bomb() throws {
        let server = try Endpoint(.server, limit(1000))
        server.receive(Frames.clientGreeting)
        _ = server.drainAll()
        // One entry of the dynamic table, then one-byte references to it.
        let entry: [UInt8] = [0x40] + [3] + Array("x-b".utf8) + [100] + Array(repeating: 0x61, count: 100)
        let block = Frames.block(Frames.requestFields) + entry + Array(repeating: 0xbe, count: 100)
        server.receive(Frames.frame(type: 1, flags: 5, stream: 1, block))
        #expect(server.error == .headerListTooLong(byteCountMax: 1000))
        #expect(server.session.failure == server.error)
        #expect(RawFrame.all(in: server.drainAll()).last?.goAwayCode == HTTP2ErrorCode.enhanceYourCalm.rawValue)
        #expect(server.session.isFinished)
        #expect(server.observed.contains { if case .headers = $0 { true } else { false } } == false)
    }

    @Test("B41: white space around a value and an illegal field do not fail the request")
    func lenientFields() throws {
        let server = try Endpoint(.server)
        server.receive(Frames.clientGreeting)
        server.receive(
            Frames.request(stream: 1, end: true, extra: [("x-space", " v "), ("x-bad", "a\nb"), ("x-ok", "1")]))
        #expect(server.observed.contains(.headers(1, requestLines + ["x-space:  v ", "x-ok: 1"], end: true)))
    }

    @Test(
        "a malformed request is reset and never announced",
        arguments: [
            [("connection", "close")], [(":path", "/twice")], [("te", "gzip")], [("X-Upper", "1")],
        ])
    func malformed(extra: [(String, String)]) throws {
        let server = try Endpoint(.server)
        server.receive(Frames.clientGreeting)
        _ = server.drainAll()
        server.receive(Frames.request(stream: 1, extra: extra))
        let reset = try #require(RawFrame.all(in: server.drainAll()).last)
        #expect(reset.type == 3 && reset.stream == 1)
        #expect(server.observed(of: 1).isEmpty)
        #expect(server.session.openStreamCount == 0)
        server.receive(Frames.request(stream: 3))
        #expect(server.observed.last == .headers(3, requestLines, end: false))
    }

    @Test("a header that must not be sent is refused and leaves the list as it was")
    func illegalOutgoing() throws {
        var list = HeaderList.response
        let count = list.listByteCount
        #expect(throws: HTTP2Error.invalidHeader(name: "X-Upper")) { try list.append(name: "X-Upper", value: "1") }
        #expect(throws: HTTP2Error.invalidHeader(name: "x-line")) {
            try list.append(name: "x-line", value: "a\r\nb: c")
        }
        #expect(throws: HTTP2Error.invalidHeader(name: "")) { try list.append(name: "", value: "1") }
        #expect(throws: HTTP2Error.invalidHeader(name: "x-nul")) { try list.append("x-nul", Bytes(utf8: "\0")) }
        #expect(list.listByteCount == count && list.count == 2)
        try list.append(name: "x-good", value: "g")
        let (client, server) = try connectedPair()
        _ = try client.open(.request, .end)
        exchange(client, server)
        try server.session.submitHeaders(server.streams[1]!, list, .end)
        exchange(server, client)
        #expect(client.observed.first == .headers(1, responseLines + ["x-good: g"], end: true))
    }

    @Test("a list that nghttp2 would not send is refused before anything is done")
    func tooLongToSend() throws {
        let (client, _) = try connectedPair()
        var headers = HeaderList.request
        try headers.append(name: "x-long", value: String(repeating: "v", count: 300 << 10))
        #expect(throws: HTTP2Error.headerListTooLongToSend(byteCount: headers.listByteCount)) {
            _ = try client.open(headers, .end)
        }
        #expect(client.session.openStreamCount == 0)
        var longest = HeaderList.request
        let room = HTTP2Session.sentHeaderListByteCountMax - longest.listByteCount - "x-long".utf8.count - 32
        for index in 0..<4 {
            let length = room / 4 - (index > 0 ? 32 + "x-long".utf8.count : 0)
            try longest.append(name: "x-long", value: String(repeating: "\u{7e}", count: length), indexing: .never)
        }
        _ = try client.open(longest, .end)
        #expect(RawFrame.all(in: client.drainAll()).first?.type == 1)
    }

    @Test("values and names share the block's memory and outlive it")
    func blockAccess() throws {
        let (client, server) = try connectedPair()
        var headers = HeaderList.request
        try headers.append("x-bin", Bytes([0x20, 0x7e] as [UInt8]), indexing: .never)
        try headers.append(name: "x-two", value: "1")
        try headers.append(name: "x-two", value: "2")
        try headers.append(name: "x-empty", value: "")
        _ = try client.open(headers, .end)
        exchange(client, server)
        let path = try #require(server.lastHeaders?.firstValue(of: ":path"))
        let block = try #require(server.lastHeaders)
        server.lastHeaders = nil
        #expect(path.utf8String == "/test.Echo/Say")
        #expect(block.firstIndex(of: "x-two").map { block.value(at: $0 + 1).utf8String } == "2")
        #expect(block.firstValue(of: "x-empty")?.count == 0)
        #expect(block.firstValue(of: "x-tw") == nil)
        var names: [String] = []
        block.forEach { name, _ in names.append(String(decoding: name, as: UTF8.self)) }
        #expect(names.count == block.count && names.last == "x-empty")
        #expect(block.listByteCount == headers.listByteCount)
        #expect(block.withValue(at: 0) { $0.count } == 4)
    }

    @Test("a list that comes again is known as such, and keeps its note; another is not, nor is a very long one")
    func repeated() throws {
        var other = HeaderList.request
        try other.append(name: "x-a", value: "1")
        var long = HeaderList.request
        try long.append(name: "x-long", value: String(repeating: "v", count: 3_000))
        let blocks = try HeaderList.received(
            [.request, .request, other, .request, .request, long, long, .request])
        #expect(blocks.map(\.isRepeated) == [true, true, false, true, true, false, false, false])
        final class Note {}
        let note = Note()
        blocks[0].note = note
        #expect(blocks[1].note === note && blocks[3].note == nil)
        blocks[3].note = note
        #expect(blocks[4].note === note && blocks[7].note == nil)
        let lines = blocks.map { block in (0..<block.count).map { block.value(at: $0).utf8String } }
        #expect(lines[0] == lines[1] && lines[0] == lines[4] && lines[2] != lines[0])
    }

    @Test("lists that begin alike, or are parts of each other, arrive as they were sent", arguments: 1...6)
    func alike(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let lists = try (0..<90).map { _ in
            var list = HeaderList.request
            for name in ["x-a", "x-b"] where Bool.random(using: &random) {
                try list.append(name: name, value: Bool.random(using: &random) ? "1" : "")
            }
            return list
        }
        let blocks = try HeaderList.received(lists)
        let alone = try lists.map { try $0.received() }
        var repeatedCount = 0
        for (index, block) in blocks.enumerated() {
            #expect(block.isSame(as: alone[index], exceptForValueAt: nil))
            #expect(block.listByteCount == lists[index].listByteCount && !block.isTruncated)
            if index > 0, block.isSame(as: blocks[index - 1], exceptForValueAt: nil) {
                repeatedCount += 1
                #expect(block.isRepeated)
            }
        }
        #expect(repeatedCount > 1)
    }

    @Test("trailers are compared with trailers, and a list that was cut off with none")
    func repeatedTrailers() throws {
        let (client, server) = try connectedPair(client: limit(200))
        var blocks: [HeaderBlock] = []
        for value in ["a", "a", "b", String(repeating: "c", count: 300), String(repeating: "c", count: 300), "b"] {
            let stream = try client.open(.request, .end)
            exchange(client, server)
            try server.session.submitHeaders(server.streams[stream.id]!, .response, .more)
            var trailers = HeaderList()
            try trailers.append(name: "x-value", value: value)
            try server.session.submitTrailers(server.streams[stream.id]!, trailers)
            client.receive(server.drainAll())
            blocks.append(try #require(client.lastHeaders))
        }
        #expect(blocks.map(\.isRepeated) == [true, true, false, false, false, false])
        #expect(blocks.map(\.isTruncated) == [false, false, false, true, true, false])
    }

    @Test("two lists are the same, but for one value, or they are not")
    func comparison() throws {
        func list(_ fields: [(String, String)]) throws -> HeaderBlock {
            var list = HeaderList.request
            for (name, value) in fields { try list.append(name: name, value: value) }
            return try list.received()
        }
        let one = try list([("x-a", "1"), ("time", "10m"), ("x-b", "2")])
        let place = try #require(one.firstIndex(of: "time"))
        #expect(one.lastIndex(of: "time") == place && one.lastIndex(of: "none") == nil)
        for fields in [[("x-a", "1"), ("time", "7S"), ("x-b", "2")], [("x-a", "1"), ("time", ""), ("x-b", "2")]] {
            let other = try list(fields)
            #expect(one.isSame(as: other, exceptForValueAt: place) && other.isSame(as: one, exceptForValueAt: place))
            #expect(!one.isSame(as: other, exceptForValueAt: nil))
            #expect(!one.isSame(as: other, exceptForValueAt: place + 1))
        }
        for fields in [
            [("x-a", "2"), ("time", "10m"), ("x-b", "2")], [("x-a", "1"), ("time", "10m"), ("x-b", "3")],
            [("x-a", "1"), ("tim", "e10m"), ("x-b", "2")], [("x-a1", ""), ("time", "10m"), ("x-b", "2")],
            [("x-a", "1"), ("time", "10m"), ("x-b2", "")], [("x-a", "1"), ("x-b", "2"), ("time", "10m")],
            [("x-a", "1"), ("time", "10m")], [("x-a", "1"), ("time", "10m"), ("x-b", "2"), ("x-c", "")],
        ] {
            let other = try list(fields)
            #expect(!one.isSame(as: other, exceptForValueAt: place) && !other.isSame(as: one, exceptForValueAt: place))
        }
        #expect(try one.isSame(as: list([("x-a", "1"), ("time", "10m"), ("x-b", "2")]), exceptForValueAt: nil))
        #expect(one.isSame(as: one, exceptForValueAt: nil))
    }
}
