import Foundation
import TestSupport
import Testing
import Vocabulary

@testable import Messages

/// What every message type must do, whichever it is.
@Suite struct MessageTests {
    @Test("there is a sample of every message type that is not part of another's declaration")
    func samplesAreComplete() {
        let sampled = Set(Sample.all.map(\.name))
        let declared = ["inference", "apus.text.v1", "apus.vision.v1", "apus.graph.v1", "apus.admin.v1"]
            .flatMap { topLevelMessages(of: $0) }
        #expect(declared.filter { !sampled.contains($0) } == [])
        #expect(declared.count > 25)
    }

    private func topLevelMessages(of package: String) -> [String] {
        ServiceDescriptors.apus.messageTypes.filter {
            $0.hasPrefix(package + ".") && !$0.dropFirst(package.count + 1).contains(".")
        }
    }

    @Test("a message comes back as it was", arguments: Sample.all)
    func roundTrip(_ sample: Sample) throws {
        #expect(try sample.isEqual(sample.bytes))
        #expect(try sample.recode(sample.bytes) == sample.bytes)
    }

    @Test("a message has the bytes that protoc gives it", .enabled(if: ProtobufTools.hasProtoc), arguments: Sample.all)
    func golden(_ sample: Sample) throws {
        let outcome = try ProtobufTools.encode(sample.name, text: sample.text)
        try #require(outcome.status == 0, "\(outcome.errors)")
        #expect(sample.bytes.array == outcome.output)
        #expect(try sample.isEqual(Bytes(outcome.output)))
    }

    /// Where the cut falls between two fields, what is left is a message; anywhere else it is not.
    @Test("a message cut anywhere within a field is malformed", arguments: Sample.all)
    func truncation(_ sample: Sample) throws {
        let boundaries = fieldBoundaries(of: sample.bytes)
        for byteCount in 0..<sample.bytes.count {
            let cut = sample.bytes[0..<byteCount]
            if boundaries.contains(byteCount) {
                _ = try sample.recode(cut)
            } else {
                #expect(throws: MessageError.malformed(message: sample.name, byteCount: byteCount)) {
                    try sample.recode(cut)
                }
            }
        }
    }

    /// Offsets at which a field of the outermost message ends.
    private func fieldBoundaries(of bytes: Bytes) -> Set<Int> {
        var reader = WireReader(bytes)
        var boundaries: Set = [0]
        while reader.next() != nil { boundaries.insert(reader.position) }
        return boundaries
    }

    @Test("a field that the schema does not know is skipped", arguments: Sample.all)
    func unknownFields(_ sample: Sample) throws {
        // Number 1000 as a varint, eight bytes, a string that is no UTF-8, and four bytes.
        let unknown: [UInt8] =
            [0xC0, 0x3E, 0x96, 0x01] + [0xC1, 0x3E, 1, 2, 3, 4, 5, 6, 7, 8] + [0xC2, 0x3E, 0x02, 0xFF, 0xFE]
            + [0xC5, 0x3E, 1, 2, 3, 4]
        #expect(try sample.isEqual(Bytes(unknown + sample.bytes.array + unknown)))
    }

    /// Whatever decodes must encode to something stable: the same bytes again once they were ours.
    @Test("bytes changed at random are refused or decoded, and never do harm", arguments: Sample.all)
    func mutation(_ sample: Sample) throws {
        var random = SeededGenerator(seed: 0xA905)
        for _ in 0..<500 {
            let bytes = Bytes(mutated(sample.bytes.array, with: &random))
            guard let once = try? sample.recode(bytes) else { continue }
            #expect(try sample.recode(once) == once, "from \(bytes.array)")
        }
    }

    /// One to four changes: a byte set, inserted or removed, or a stretch repeated.
    private func mutated(_ bytes: [UInt8], with random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let index = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0 where index < bytes.count: bytes[index] = .random(in: .min ... .max, using: &random)
            case 1 where index < bytes.count: bytes.remove(at: index)
            case 2: bytes.insert(contentsOf: bytes[index..<min(index + 8, bytes.count)], at: index)
            default: bytes.insert([0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random)!, at: index)
            }
        }
        return bytes
    }
}
