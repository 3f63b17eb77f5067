import TestSupport

/// Small random changes to bytes, for runs without libFuzzer.
enum ByteMutation {
    private static let interesting: [UInt8] = [0, 1, 5, 0x20, 0x25, 0x2F, 0x7F, 0x80, 0xFE, 0xFF]

    /// One to four changes.
    static func mutate(_ input: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = input
        for _ in 0..<Int.random(in: 1...4, using: &random) { change(&bytes, &random) }
        return bytes
    }

    private static func change(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
        guard !bytes.isEmpty else { return bytes = random.bytes(count: 8) }
        let index = Int.random(in: 0..<bytes.count, using: &random)
        let end = min(bytes.count, index + Int.random(in: 1...32, using: &random))
        switch Int.random(in: 0..<7, using: &random) {
        case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[index] = interesting.randomElement(using: &random)!
        case 2: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 3: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
        case 4: bytes.removeSubrange(index..<end)
        case 5: bytes.insert(contentsOf: bytes[index..<end], at: Int.random(in: 0...bytes.count, using: &random))
        default: bytes.removeLast(bytes.count - index)
        }
    }
}
