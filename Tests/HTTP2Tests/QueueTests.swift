import TestSupport
import Testing
import Vocabulary

@testable import HTTP2

@Suite("HTTP2 queues")
struct QueueTests {
    @Test("a byte queue behaves as an array, whatever is appended and removed", arguments: [1, 2, 3] as [UInt64])
    func byteQueue(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = ByteQueue()
        defer { queue.deallocate() }
        var model: [UInt8] = []
        for _ in 0..<2000 {
            if Bool.random(using: &random) {
                let bytes = random.bytes(count: Int.random(in: 0...900, using: &random))
                bytes.withUnsafeBytes { queue.append($0) }
                model += bytes
            } else {
                let count = Int.random(in: 0...model.count, using: &random)
                queue.removeFirst(count)
                model.removeFirst(count)
            }
            if Int.random(in: 0..<20, using: &random) == 0 { queue.shrink(to: 0) }
            #expect(queue.count == model.count && queue.bytes.elementsEqual(model))
        }
    }

    @Test(
        "an outbound queue gives back prefixes and messages in order, in steps of any size",
        arguments: [4, 5, 6] as [UInt64])
    func outboundQueue(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = OutboundQueue()
        var output = OutputQueue()
        defer {
            queue.deallocate()
            output.deallocate()
        }
        var model: [UInt8] = []
        for _ in 0..<2000 {
            if Int.random(in: 0..<5, using: &random) > 0 {
                let prefix = random.bytes(count: Int.random(in: 0...8, using: &random))
                let isLong = Int.random(in: 0..<20, using: &random) == 0
                let data = random.bytes(count: Int.random(in: 0...(isLong ? 20_000 : 300), using: &random))
                prefix.withUnsafeBytes { queue.append(prefix: $0, Bytes(data)) }
                model += prefix + data
            } else {
                let count = Int.random(in: 0...model.count, using: &random)
                queue.move(count, to: &output)
                var moved: [UInt8] = []
                while output.count > 0 { moved += output.taken(atMost: .max) }
                #expect(moved.elementsEqual(model.prefix(count)))
                model.removeFirst(count)
            }
            #expect(queue.byteCount == model.count)
        }
    }

    @Test(
        "an output queue hands out what was copied and what was not in order, whatever is taken",
        arguments: [7, 8, 9] as [UInt64])
    func outputQueue(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = OutputQueue()
        defer { queue.deallocate() }
        var model: [UInt8] = []
        for _ in 0..<3_000 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0...2:
                let bytes = random.bytes(count: Int.random(in: 0...40, using: &random))
                bytes.withUnsafeBytes { queue.append($0) }
                model += bytes
            case 3, 4:
                let data = random.bytes(count: Int.random(in: 1...300, using: &random))
                queue.append(referencing: Bytes(data))
                model += data
            case 5...6:
                let taken = queue.taken(atMost: Int.random(in: 0...900, using: &random))
                #expect(taken.elementsEqual(model.prefix(taken.count)))
                model.removeFirst(taken.count)
            default: queue.releaseIfEmpty()
            }
            #expect(queue.count == model.count)
        }
        while queue.count > 0 {
            let taken = queue.taken(atMost: .max)
            #expect(!taken.isEmpty && taken.elementsEqual(model.prefix(taken.count)))
            model.removeFirst(taken.count)
        }
        #expect(model.isEmpty)
    }

    @Test("messages are let go as soon as they are sent, dropped or their session is gone")
    func ownership() throws {
        final class Owner {}
        weak var sent: Owner?
        weak var dropped: Owner?
        weak var abandoned: Owner?
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 10, alignment: 1)
        block.initializeMemory(as: UInt8.self, repeating: 1)
        defer { block.deallocate() }
        func message(_ owner: Owner) -> Bytes { Bytes(borrowing: UnsafeRawBufferPointer(block), owner: owner) }
        do {
            let (client, _) = try connectedPair()
            let streams = [try client.open(), try client.open(), try client.open()]
            do {
                let owners = [Owner(), Owner(), Owner()]
                (sent, dropped, abandoned) = (owners[0], owners[1], owners[2])
                for (stream, owner) in zip(streams, owners) {
                    client.session.submitData(stream, message(owner), .more)
                    if owner === owners[0] { _ = client.drainAll() }
                }
            }
            #expect(sent == nil && dropped != nil && abandoned != nil)
            client.session.reset(streams[1], .cancel)
            #expect(dropped == nil && abandoned != nil)
        }
        #expect(abandoned == nil)
    }
}

extension OutputQueue {
    /// Takes up to `limit` bytes of what is handed out at once.
    fileprivate mutating func taken(atMost limit: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        let isAll = take { pieces in
            #expect(pieces.count >= 1 && pieces.count <= OutputQueue.pieceCountMax)
            for piece in pieces { bytes += piece }
            bytes = Array(bytes.prefix(limit))
            return bytes.count
        }
        #expect(!isAll || limit >= bytes.count)
        return bytes
    }
}
