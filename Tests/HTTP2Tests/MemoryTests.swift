import CMemory
import Glibc
import TestSupport
import Testing
import Vocabulary

@testable import HTTP2

@Suite("HTTP2 memory")
struct MemoryTests {
    @Test("runs of pages are zeros when they are taken, again after they were written, and no two overlap")
    func runs() throws {
        var pool = PagePool()
        for _ in 0..<2 {
            // More than one mapping.
            let runs = (0..<1_100).compactMap { _ in pool.take() }
            #expect(Set(runs).count == 1_100 && pool.takenCount == 1_100)
            let sorted = runs.sorted()
            #expect(zip(sorted, sorted.dropFirst()).allSatisfy { $1 - $0 >= UInt(PagePool.runByteCount) })
            for address in runs {
                #expect(PagePool.mayHold(address) && pool.holds(address))
                let bytes = UnsafeMutableRawBufferPointer(
                    start: UnsafeMutableRawPointer(bitPattern: address), count: PagePool.runByteCount)
                #expect(bytes.first == 0 && bytes.last == 0 && bytes[PagePool.pageByteCount] == 0)
                for index in stride(from: 0, to: bytes.count, by: PagePool.pageByteCount) { bytes[index] = 1 }
                bytes[bytes.count - 1] = 1
            }
            let isTakenBack = runs.map { pool.give(back: $0) }
            #expect(isTakenBack.allSatisfy { $0 } && pool.takenCount == 0)
        }
    }

    @Test("memory that is not the pool's is not taken for a run")
    func foreign() throws {
        var pool = PagePool()
        let taken = pool.take()
        let run = try #require(taken)
        let page = try #require(aligned_alloc(PagePool.pageByteCount, PagePool.pageByteCount))
        defer { free(page) }
        let address = UInt(bitPattern: page)
        let isForeignTaken = pool.give(back: address)
        #expect(PagePool.mayHold(address) && !pool.holds(address) && !isForeignTaken)
        #expect(!PagePool.mayHold(run + 16))
        #expect(pool.takenCount == 1 && pool.holds(run))
    }

    @Test("a block that was given back comes again for what fits into it, and for nothing longer")
    func freeBlocks() throws {
        var blocks = FreeBlocks()
        defer { blocks.deallocate() }
        for byteCount in [1, 24, 25, 40, 41, 200, 500, 700] {
            let none = blocks.take(byteCount)
            #expect(none == nil)
            let block = try #require(malloc(byteCount))
            let isKept = blocks.give(back: block)
            #expect(isKept)
            let usable = apus_usable_byte_count(block)
            let tooLong = blocks.take(usable + 1)
            #expect(tooLong == nil)
            let taken = blocks.take(usable)
            #expect(taken == block)
            free(block)
        }
        let long = try #require(malloc(2_000))
        let isLongKept = blocks.give(back: long)
        #expect(!isLongKept)
        free(long)
    }

    @Test("as many free blocks of a size are kept as are good for something, each of them once")
    func manyFreeBlocks() throws {
        var blocks = FreeBlocks()
        // malloc may give more than was asked for.
        let made = try (0..<300).map { _ in try #require(malloc(100)) }
        let isKept = made.map { blocks.give(back: $0) }
        for (byteCount, places) in Dictionary(grouping: made.indices, by: { apus_usable_byte_count(made[$0]) }) {
            #expect(places.filter { isKept[$0] } == Array(places.prefix(64)))
            let taken = places.compactMap { _ in blocks.take(byteCount) }
            #expect(taken.count == min(places.count, 64) && Set(taken) == Set(places.prefix(64).map { made[$0] }))
        }
        for block in made { free(block) }
        blocks.deallocate()
    }

    @Test("a session that gives its memory back at every chance says and hears the same", arguments: [Int.max, 7, 1])
    func releasing(receiveByteCountMax: Int) throws {
        let (client, server) = try connectedPair(
            server: {
                var configuration = HTTP2Configuration()
                configuration.headerListByteCountMax = 128 << 10
                return configuration
            }())
        // Long enough for CONTINUATION frames, so that memory is given back in the middle of a list too.
        var headers = HeaderList.request
        let value = String(repeating: "v", count: 40_000)
        try headers.append(name: "x-long", value: value)
        let body = pattern(100_000)
        for round in 0..<3 {
            let stream = try client.open(headers)
            #expect(client.session.submit(stream, body, .end) != .streamClosed)
            var rest = client.drainAll()[...]
            while !rest.isEmpty || server.session.wantsWrite {
                let piece = Array(rest.prefix(receiveByteCountMax == 1 ? 997 : 5_003))
                rest = rest.dropFirst(piece.count)
                server.receiveByteCountMax = receiveByteCountMax
                server.receive(piece)
                server.session.releaseBuffers()
                client.receive(server.drainAll())
                client.session.releaseBuffers()
                rest += client.drainAll()
            }
            #expect(server.lastHeaders?.firstValue(of: "x-long")?.utf8String == value)
            let requestIsWhole = server.bodies[stream.id] == body
            #expect(requestIsWhole, "round \(round)")
            try server.session.submitHeaders(server.streams[stream.id]!, .response, .more)
            #expect(server.session.submit(server.streams[stream.id]!, body, .end) != .streamClosed)
            while server.session.wantsWrite || client.session.wantsWrite {
                client.receive(server.drain())
                client.session.releaseBuffers()
                server.receive(client.drain())
                server.session.releaseBuffers()
            }
            let responseIsWhole = client.bodies[stream.id] == body
            #expect(responseIsWhole, "round \(round)")
            #expect(client.error == nil && server.error == nil)
        }
    }
}
