import CPNG
import CTurboJPEG
import Images
import TestSupport
import Testing
import Vocabulary

@Suite("ImageDecoder")
struct ImageDecoderTests {
    @Test("a PNG gives back its pixels", arguments: [PixelImage.Format.gray8, .rgb8])
    func png(_ format: PixelImage.Format) throws {
        let image = gradient(format, width: 37, height: 21)
        #expect(try ImageDecoder.decode(pngFile(image)) == image)
    }

    @Test(
        "a JPEG gives back its pixels within what the format loses", arguments: [PixelImage.Format.gray8, .rgb8],
        [false, true])
    func jpeg(_ format: PixelImage.Format, isProgressive: Bool) throws {
        let image = gradient(format, width: 64, height: 40)
        let decoded = try ImageDecoder.decode(jpegFile(image, isProgressive: isProgressive))
        #expect(decoded.format == format && decoded.width == 64 && decoded.height == 40)
        let differences = zip(decoded.pixels, image.pixels).map { abs(Int($0) - Int($1)) }
        #expect(differences.reduce(0, +) / differences.count <= 3)
    }

    @Test("a JPEG of four inks becomes RGB")
    func inks() throws {
        // Stored inverted: full cyan, no other ink.
        let inks = [UInt8](repeating: 0, count: 16 * 16 * 4).enumerated().map { UInt8($0.offset % 4 == 0 ? 0 : 255) }
        let file = jpegFile(inks, format: TJPF_CMYK, sampling: TJSAMP_444, width: 16, height: 16)
        let decoded = try ImageDecoder.decode(file)
        #expect(decoded.format == .rgb8)
        #expect(decoded.pixels[0] < 8 && decoded.pixels[1] > 247 && decoded.pixels[2] > 247)
    }

    @Test("what is transparent in a PNG lies on white")
    func transparency() throws {
        // Black, then black that is not there, then half transparent red.
        let file = pngFile(
            [0, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 128], format: PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA, width: 3,
            height: 1)
        let decoded = try ImageDecoder.decode(file)
        #expect(decoded.pixels[0..<6] == [0, 0, 0, 255, 255, 255])
        #expect(decoded.pixels[6] == 255 && decoded.pixels[7] > 100 && decoded.pixels[7] < 220)
    }

    @Test("other bytes are told from pictures")
    func unknown() {
        #expect(throws: ImageError.empty) { try ImageDecoder.decode(Bytes()) }
        #expect(throws: ImageError.unknownFormat) { try ImageDecoder.decode(Bytes(utf8: "GIF89a, and so on")) }
        #expect(throws: ImageError.unknownFormat) { try ImageDecoder.decode(Bytes([0xff, 0xd8])) }
    }

    @Test("limits are checked before anything is allocated")
    func limits() {
        let png = pngFile(gradient(.rgb8, width: 100, height: 50))
        let jpeg = jpegFile(gradient(.rgb8, width: 100, height: 50))
        for file in [png, jpeg] {
            let few = ImageLimits(pixelCountMax: 4999)
            #expect(throws: ImageError.tooManyPixels(width: 100, height: 50, maximum: 4999)) {
                try ImageDecoder.decode(file, limits: few)
            }
            let small = ImageLimits(byteCountMax: file.count - 1)
            #expect(throws: ImageError.tooManyBytes(count: file.count, maximum: file.count - 1)) {
                try ImageDecoder.decode(file, limits: small)
            }
        }
    }

    /// Goal: a header that promises gigapixels costs nothing; method: the sizes in real files are overwritten.
    @Test("a decompression bomb is refused by its header")
    func bombs() {
        var jpeg = jpegFile(gradient(.gray8, width: 16, height: 16)).array
        // The frame header: marker FF C0, two bytes of length, precision, then height and width.
        for index in jpeg.indices.dropLast(8) where jpeg[index] == 0xff && jpeg[index + 1] == 0xc0 {
            jpeg.replaceSubrange(index + 5..<index + 9, with: [0xfd, 0xe8, 0xfd, 0xe8])
            break
        }
        #expect(throws: ImageError.tooManyPixels(width: 65000, height: 65000, maximum: 32 << 20)) {
            try ImageDecoder.decode(Bytes(jpeg))
        }
        // IHDR with its checksum for 60000 x 60000 gray pixels.
        var png = pngFile(gradient(.gray8, width: 16, height: 16)).array
        png.replaceSubrange(16..<24, with: [0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60])
        let checksum = crc32(png[12..<29])
        png.replaceSubrange(29..<33, with: (0..<4).map { UInt8(truncatingIfNeeded: checksum >> (24 - 8 * $0)) })
        #expect(throws: ImageError.tooManyPixels(width: 60000, height: 60000, maximum: 32 << 20)) {
            try ImageDecoder.decode(Bytes(png))
        }
    }

    @Test("a picture cut off anywhere is an error")
    func truncation() {
        let image = gradient(.rgb8, width: 24, height: 24)
        for file in [pngFile(image), jpegFile(image), jpegFile(image, isProgressive: true)] {
            // The last chunk of a PNG and the end marker of a JPEG hold no pixels.
            for length in 0..<file.count - 14 {
                #expect(throws: ImageError.self, "\(length) of \(file.count) bytes") {
                    try ImageDecoder.decode(file[0..<length])
                }
            }
        }
    }

    /// Goal: no bytes trap; method: random bytes in random places of real files; any error and any picture will do.
    @Test("a damaged picture never stops the process")
    func mutation() {
        var random = SeededGenerator(seed: 7)
        let image = gradient(.rgb8, width: 24, height: 24)
        for file in [pngFile(image), jpegFile(image), jpegFile(image, isProgressive: true)] {
            for _ in 0..<300 {
                var bytes = file.array
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[Int.random(in: 2..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                if let decoded = try? ImageDecoder.decode(Bytes(bytes), limits: ImageLimits(pixelCountMax: 1 << 20)) {
                    #expect(decoded.width >= 1 && decoded.height >= 1)
                }
            }
        }
    }

    /// The checksum of PNG chunks (ISO 3309).
    private func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var crc: UInt32 = .max
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 {
                let polynomial: UInt32 = crc & 1 == 1 ? 0xedb8_8320 : 0
                crc = (crc >> 1) ^ polynomial
            }
        }
        return ~crc
    }
}
