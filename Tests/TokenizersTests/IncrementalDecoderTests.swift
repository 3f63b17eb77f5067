import TestSupport
import Testing
import Tokenizers

@Suite("IncrementalDecoder")
struct IncrementalDecoderTests {
    /// Token `t` is the byte `t`; nothing else exists.
    private struct ByteTokenizer: Tokenizer {
        var leadingSpaceCount = 0
        var vocabularySize: Int { 256 }

        func encode(_ text: String, addsSpecialTokens: Bool) throws(TokenizerError) -> [Int32] {
            text.utf8.map(Int32.init)
        }

        func bytes(of token: Int32) -> [UInt8] { [UInt8(token)] }
    }

    @Test("a character appears with its last byte and not before")
    func wholeCharacters() {
        var decoder = IncrementalDecoder(ByteTokenizer())
        #expect("aé☺😈".utf8.map { decoder.append(Int32($0)) } == ["a", "", "é", "", "", "☺", "", "", "", "😈"])
        #expect(decoder.finish() == "")
    }

    @Test("joined pieces are what decoding all bytes at once gives, for any bytes")
    func anyBytes() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<5_000 {
            let bytes = (0..<Int.random(in: 0...12, using: &random)).map { _ -> UInt8 in
                Bool.random(using: &random)
                    ? UInt8.random(in: 0x80...0xFF, using: &random) : UInt8.random(in: 0...0x7F, using: &random)
            }
            var decoder = IncrementalDecoder(ByteTokenizer())
            let pieces = bytes.map { decoder.append(Int32($0)) }
            #expect(pieces.joined() + decoder.finish() == String(decoding: bytes, as: UTF8.self), "\(bytes)")
        }
    }

    @Test("no piece ever holds a replacement character when the whole text has none")
    func noHalves() {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<500 {
            let text = String(
                String.UnicodeScalarView(
                    (0..<8).compactMap { _ in
                        Unicode.Scalar(UInt32.random(in: 0...0xFFFF, using: &random))
                    })
            ).replacing("\u{FFFD}", with: "")
            var decoder = IncrementalDecoder(ByteTokenizer())
            for byte in text.utf8 { #expect(!decoder.append(Int32(byte)).unicodeScalars.contains("\u{FFFD}")) }
        }
    }

    @Test("the tokenizer's own leading space is dropped once, at the start only")
    func leadingSpace() {
        let tokenizer = ByteTokenizer(leadingSpaceCount: 1)
        #expect(tokenizer.decode("  a b".utf8.map(Int32.init)) == " a b")
        #expect(tokenizer.decode("a b".utf8.map(Int32.init)) == "a b")
        var continued = IncrementalDecoder(continuing: tokenizer)
        #expect(continued.append(32) == " ")
    }
}
