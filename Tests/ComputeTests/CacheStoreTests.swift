import Compute
import Testing

/// Goal: a page holds what its format says, where it says, and every tier writes the same bits.
@Suite("Keys and values in their pages")
struct CacheStoreTests {
    /// Head size, heads, tokens of a page.
    static let sizes = [(8, 1, 1), (64, 4, 16), (7, 3, 5), (80, 2, 32), (128, 1, 16), (1, 2, 3)]

    @Test("every tier writes what the description says and nothing else", arguments: CacheFormat.allCases, sizes)
    func layout(format: CacheFormat, size: (head: Int, count: Int, tokens: Int)) throws {
        var random = SeededFloats(seed: UInt64(size.head))
        let headByteCount = size.tokens * format.tokenByteCount(headSize: size.head)
        let slots = Set([0, size.tokens / 2, size.tokens - 1])
        let tokens = slots.map { slot in
            (slot, random.array(size.count * size.head).map { $0 * 3 }, random.array(size.count * size.head))
        }
        var expected = [UInt8](repeating: 0xFF, count: size.count * (headByteCount + 8))
        for (slot, keys, values) in tokens {
            for head in 0..<size.count {
                let range = head * size.head..<(head + 1) * size.head
                let page = PlainPage(format, size.head, size.tokens, base: head * (headByteCount + 8))
                page.write(Array(keys[range]), Array(values[range]), slot: slot, to: &expected)
            }
        }
        for tier in supportedTiers {
            let kernels = try #require(Kernels(tier: tier))
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: expected.count, alignment: 4)
            defer { memory.deallocate() }
            memory.initializeMemory(as: UInt8.self, repeating: 0xFF)
            for (slot, keys, values) in tokens {
                kernels.store(
                    CacheToken(
                        keys: keys, values: values, headCount: size.count, headSize: size.head,
                        page: memory.baseAddress!, headStride: headByteCount + 8, format: format,
                        tokensPerPage: size.tokens, slot: slot))
            }
            #expect(Array(memory) == expected, "\(tier)")
        }
    }

    @Test(
        "numbers at the ends of the range, and what is none, give the reference's bits on every tier",
        arguments: CacheFormat.allCases, supportedTiers)
    func extremes(format: CacheFormat, tier: KernelTier) throws {
        let heads: [[Float]] = [
            Array(repeating: 0, count: 20), Array(repeating: -0.0, count: 20), Array(repeating: .nan, count: 20),
            [.infinity, 1, -.infinity, .nan] + Array(repeating: 0.5, count: 16),
            (0..<20).map { Float($0) * 1e-7 }, (0..<20).map { Float($0) * 1e-5 }, (0..<20).map { -Float($0) * 1e30 },
            (0..<20).map { Float($0) * .leastNonzeroMagnitude }, (0..<20).map { Float($0) * 1e6 },
        ]
        let plain = try #require(Kernels(tier: .reference))
        let kernels = try #require(Kernels(tier: tier))
        for head in heads {
            let pages = [plain, kernels].map { kernels in
                let pages = TestPages(format, headSize: 20, pageCount: 1, tokensPerPage: 3, gap: 0)
                pages.store(keys: head, values: head.reversed(), page: 0, slot: 1, kernels)
                return pages.bytes
            }
            #expect(pages[0] == pages[1], "\(head)")
        }
    }

    @Test("eight bits are within half a step of the largest number of the head, the scale's rounding included")
    func error() throws {
        var random = SeededFloats(seed: 3)
        for exponent in -12...12 {
            let size = exponent < 0 ? 1 / Float(1 << -exponent) : Float(1 << exponent)
            let numbers = random.array(64).map { $0 * size }
            let largest = Double(numbers.map(abs).max()!)
            // Half a step, what rounding to half precision moves it, and the step of the smallest halves.
            let bound = largest / 127 * 0.5 * (1 + 0x1p-10) + 127 * 0x1p-25
            for (number, held) in zip(numbers, stored(numbers)) {
                #expect(abs(Double(number) - held) <= bound, "\(number) as \(held)")
            }
        }
    }

    /// A value of one head as it stands in a page of int8 of one token.
    private func stored(_ numbers: [Float]) -> [Double] {
        let size = numbers.count
        let pages = TestPages(.int8, headSize: size, pageCount: 1, tokensPerPage: 1, gap: 0)
        pages.store(keys: numbers.map { _ in 0 }, values: numbers, page: 0, slot: 0, .best)
        let bytes = pages.bytes
        let scale = Float16(bitPattern: UInt16(bytes[2 * size + 2]) | UInt16(bytes[2 * size + 3]) << 8)
        return bytes[size..<2 * size].map { Double(Int8(bitPattern: $0)) * Double(scale) }
    }

    @Test("bytes of a token", arguments: [(CacheFormat.float32, 512), (.bfloat16, 256), (.int8, 132)])
    func byteCount(format: CacheFormat, expected: Int) {
        #expect(format.tokenByteCount(headSize: 64) == expected)
    }

    /// A page of one head in an array of bytes.
    private struct PlainPage {
        let format: CacheFormat
        let headSize: Int
        let tokensPerPage: Int
        let base: Int

        init(_ format: CacheFormat, _ headSize: Int, _ tokensPerPage: Int, base: Int) {
            (self.format, self.headSize, self.tokensPerPage, self.base) = (format, headSize, tokensPerPage, base)
        }

        func write(_ keys: [Float], _ values: [Float], slot: Int, to bytes: inout [UInt8]) {
            let size = format.elementByteCount
            let half = headSize * tokensPerPage
            let (keyElements, valueElements) = (elements(keys), elements(values))
            for i in 0..<headSize {
                put(keyElements[i], at: base + (i * tokensPerPage + slot) * size, to: &bytes)
                put(valueElements[i], at: base + (half + slot * headSize + i) * size, to: &bytes)
            }
            guard format == .int8 else { return }
            for (index, numbers) in [keys, values].enumerated() {
                let scale = TestPages.quantized(numbers).scale.bitPattern
                put(littleEndian(scale), at: base + 2 * (half + index * tokensPerPage + slot), to: &bytes)
            }
        }

        private func put(_ element: [UInt8], at place: Int, to bytes: inout [UInt8]) {
            bytes.replaceSubrange(place..<place + element.count, with: element)
        }

        private func elements(_ numbers: [Float]) -> [[UInt8]] {
            switch format {
            case .float32: numbers.map { littleEndian($0.bitPattern) }
            case .bfloat16: numbers.map { littleEndian(TestPages.bfloat16($0)) }
            case .int8: TestPages.quantized(numbers).elements.map { [UInt8(bitPattern: $0)] }
            }
        }

        private func littleEndian<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
            withUnsafeBytes(of: value.littleEndian) { Array($0) }
        }
    }
}
