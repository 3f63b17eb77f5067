import TestSupport
import Testing
import Vocabulary

@testable import Messages

@Suite struct ArenaTests {
    @Test("pieces are aligned and do not overlap, and all chunks together stay in the budget", arguments: 0..<20)
    func pieces(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let arena = Arena(byteBudget: 1 << 20)
        var pieces: [Range<UInt>] = []
        while true {
            let byteCount = Int.random(in: 0...(Bool.random(using: &random) ? 64 : 20_000), using: &random)
            guard let pointer = arena.allocate(byteCount: byteCount) else { break }
            let start = UInt(bitPattern: pointer)
            #expect(start % (byteCount >= 1024 ? 64 : 16) == 0)
            pointer.initializeMemory(as: UInt8.self, repeating: 0xA5, count: byteCount)
            pieces.append(start..<start + UInt(byteCount))
            #expect(arena.reservedByteCount <= arena.byteBudget)
        }
        #expect(arena.isExhausted)
        let sorted = pieces.filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }
        #expect(zip(sorted, sorted.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound })
        // A budget that is refused while most of it is free would refuse honest messages.
        #expect(pieces.reduce(0) { $0 + $1.count } > arena.byteBudget / 2)
    }

    @Test("a size that no memory has is refused", arguments: [Int.max, Int.max - 63, .min, -1, 1 << 40])
    func absurdSizes(_ byteCount: Int) {
        let arena = Arena(byteBudget: 1 << 20)
        #expect(arena.allocate(byteCount: byteCount) == nil)
        #expect(arena.isExhausted)
    }

    @Test("contents of a message are aligned for kernels and outlive it and its bytes")
    func borrowedContents() throws {
        func contents() throws -> Bytes {
            let tensor = Bytes((0..<4096).map { UInt8(truncatingIfNeeded: $0) })
            let message = ModelInferRequest(modelName: "m", rawInputContents: [Bytes([1]), tensor]).encoded()
            return try ModelInferRequest(decoding: message).rawInputContents[1]
        }
        let tensor = try contents()
        #expect(tensor.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) % 64 } == 0)
        #expect(tensor.array == (0..<4096).map { UInt8(truncatingIfNeeded: $0) })
    }
}
