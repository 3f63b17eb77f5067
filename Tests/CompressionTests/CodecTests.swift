import CZlib
import Compression
import TestSupport
import Testing
import Vocabulary

@Suite("Compressing and decompressing messages")
struct CodecTests {
    /// Text that compresses well, and differs everywhere.
    static func text(byteCount: Int) -> Bytes {
        Bytes((0..<byteCount / 8 + 1).flatMap { Array("line \($0 % 500) ".utf8) }.prefix(byteCount))
    }

    @Test(
        "what was compressed comes back, whatever its length", arguments: CompressionFormat.allCases,
        [2, 100, 1023, 1024, 1025, 4096, 65_536, 300_000])
    func roundTrip(format: CompressionFormat, byteCount: Int) throws {
        let codec = Codec()
        let message = Self.text(byteCount: byteCount)
        for _ in 0..<3 {
            guard let compressed = codec.compress(message, format) else {
                // Headers and checksum are longer than what a short message saves.
                #expect(byteCount < 100)
                continue
            }
            #expect(compressed.count < message.count)
            #expect(try codec.decompress(compressed, format, byteCountMax: byteCount) == message)
            #expect(try codec.decompress(compressed, format, byteCountMax: byteCount * 10) == message)
        }
    }

    @Test("B61: what zlib itself wrote is read: deflate is RFC 1950, gzip RFC 1952")
    func formats() throws {
        let codec = Codec()
        let message = Self.text(byteCount: 1000)
        let deflate = try #require(codec.compress(message, .deflate))
        let gzip = try #require(codec.compress(message, .gzip))
        #expect(deflate[0] == 0x78)
        #expect(gzip[0] == 0x1F && gzip[1] == 0x8B)
        #expect(throws: CompressionError.malformed) { try codec.decompress(deflate, .gzip, byteCountMax: 4096) }
        #expect(throws: CompressionError.malformed) { try codec.decompress(gzip, .deflate, byteCountMax: 4096) }
        var stored = [UInt8](repeating: 0, count: 4096)
        var storedCount = UInt(stored.count)
        let result = message.withUnsafeBytes {
            compress2(&stored, &storedCount, $0.bindMemory(to: UInt8.self).baseAddress, UInt(message.count), 9)
        }
        #expect(result == Z_OK)
        #expect(try codec.decompress(Bytes(stored[..<Int(storedCount)]), .deflate, byteCountMax: 1000) == message)
    }

    @Test("random bytes do not shrink, so they are not compressed", arguments: CompressionFormat.allCases)
    func incompressible(format: CompressionFormat) {
        var generator = SeededGenerator(seed: 5)
        let codec = Codec()
        for byteCount in [0, 1, 2, 50, 5000] {
            #expect(codec.compress(Bytes(generator.bytes(count: byteCount)), format) == nil)
        }
    }

    @Test(
        "B56: decompressing stops one byte over the limit, and exactly the limit is fine",
        arguments: CompressionFormat.allCases)
    func limit(format: CompressionFormat) throws {
        let codec = Codec()
        for byteCount in [100, 4096, 100_000] {
            let compressed = try #require(codec.compress(Bytes([UInt8](repeating: 0, count: byteCount)), format))
            #expect(try codec.decompress(compressed, format, byteCountMax: byteCount).count == byteCount)
            #expect(throws: CompressionError.tooLong(byteCountMax: byteCount - 1)) {
                try codec.decompress(compressed, format, byteCountMax: byteCount - 1)
            }
            #expect(throws: CompressionError.tooLong(byteCountMax: 0)) {
                try codec.decompress(compressed, format, byteCountMax: 0)
            }
        }
        // Of one byte, in a stored block (RFC 1951 §3.2.4).
        let one = Bytes([0x78, 0x01, 1, 1, 0, 0xfe, 0xff, 7, 0, 8, 0, 8])
        guard format == .deflate else { return }
        #expect(try codec.decompress(one, format, byteCountMax: 1) == Bytes([7]))
        #expect(throws: CompressionError.tooLong(byteCountMax: 0)) {
            try codec.decompress(one, format, byteCountMax: 0)
        }
    }

    @Test("B56: a bomb of 260 KB that holds 256 MiB is given up at the limit")
    func bomb() throws {
        let bomb = try Self.bomb(zeroByteCount: 256 << 20)
        #expect(bomb.count < 512 << 10)
        #expect(throws: CompressionError.tooLong(byteCountMax: 4 << 20)) {
            try Codec().decompress(bomb, .gzip, byteCountMax: 4 << 20)
        }
    }

    /// A gzip stream of zeros, made piece by piece.
    static func bomb(zeroByteCount: Int) throws -> Bytes {
        var stream = z_stream()
        try #require(apus_deflateInit2(&stream, 9, MAX_WBITS + 16, 8) == Z_OK)
        defer { deflateEnd(&stream) }
        var zeros = [UInt8](repeating: 0, count: 1 << 20)
        var output = [UInt8](repeating: 0, count: 1 << 16)
        var bomb: [UInt8] = []
        for piece in 0..<zeroByteCount >> 20 {
            let isLast = piece == zeroByteCount >> 20 - 1
            zeros.withUnsafeMutableBufferPointer { zeros in
                output.withUnsafeMutableBufferPointer { output in
                    stream.next_in = zeros.baseAddress
                    stream.avail_in = UInt32(zeros.count)
                    repeat {
                        stream.next_out = output.baseAddress
                        stream.avail_out = UInt32(output.count)
                        deflate(&stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                        bomb += output[..<(output.count - Int(stream.avail_out))]
                    } while stream.avail_out == 0
                }
            }
        }
        return Bytes(bomb)
    }

    @Test(
        "B55: a stream that is cut, changed or followed by more is malformed, and the codec goes on",
        arguments: CompressionFormat.allCases)
    func malformed(format: CompressionFormat) throws {
        let codec = Codec()
        let message = Self.text(byteCount: 500)
        let compressed = try #require(codec.compress(message, format)).array
        for count in 0..<compressed.count {
            #expect(throws: CompressionError.malformed) {
                try codec.decompress(Bytes(compressed[..<count]), format, byteCountMax: 4096)
            }
        }
        #expect(throws: CompressionError.malformed) {
            try codec.decompress(Bytes(compressed + [0]), format, byteCountMax: 4096)
        }
        // The limit is met exactly, and only the checksum is wrong or missing.
        for count in (compressed.count - 4)..<compressed.count {
            #expect(throws: CompressionError.malformed) {
                try codec.decompress(Bytes(compressed[..<count]), format, byteCountMax: 500)
            }
            var changed = compressed
            changed[count] ^= 1
            #expect(throws: CompressionError.malformed) {
                try codec.decompress(Bytes(changed), format, byteCountMax: 500)
            }
        }
        #expect(try codec.decompress(Bytes(compressed), format, byteCountMax: 500) == message)
    }

    @Test(
        "B56: slices of any size come to the same, each costs about what it may, and the limit is exact",
        arguments: CompressionFormat.allCases, [1, 7, 1000, 65_536, Int.max])
    func slices(format: CompressionFormat, sliceByteCount: Int) throws {
        let codec = Codec()
        let message = Self.text(byteCount: 20_000)
        let compressed = try #require(codec.compress(message, format))
        for byteCountMax in [19_999, 20_000, 1 << 20] {
            let decompression = try codec.begin(compressed, format, byteCountMax: byteCountMax)
            defer { codec.end(decompression) }
            var whole: Bytes?
            do {
                while whole == nil {
                    let before = decompression.workByteCount
                    if case .finished(let bytes) = try decompression.advance(byteCountMax: sliceByteCount) {
                        whole = bytes
                    }
                    let work = decompression.workByteCount - before
                    #expect(sliceByteCount == .max || work <= 2 * sliceByteCount)
                }
            } catch {
                #expect(error == .tooLong(byteCountMax: byteCountMax))
            }
            #expect(whole == (byteCountMax < 20_000 ? nil : message))
        }
    }

    @Test("random bytes never crash it, and seldom mean anything")
    func randomBytes() {
        var generator = SeededGenerator(seed: 9)
        let codec = Codec()
        for _ in 0..<2000 {
            let bytes = Bytes(generator.bytes(count: Int.random(in: 0...60, using: &generator)))
            let format = CompressionFormat.allCases.randomElement(using: &generator)!
            if let output = try? codec.decompress(bytes, format, byteCountMax: 1000) { #expect(output.count <= 1000) }
        }
    }
}
