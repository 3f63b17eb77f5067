import Foundation
import ModelFiles
import TestSupport
import Testing
import Vocabulary

/// The files that `Tests/Fixtures/make_gguf.py` makes with the `gguf` Python package.
enum GGUFFixture {
    static func path(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Fixtures/GGUF/\(name).gguf").standardizedFileURL.path
    }

    static func bytes(_ name: String) throws -> Bytes { try MappedFile.open(path: path(name)) }
}

@Suite("GGUFFile")
struct GGUFFileTests {
    @Test("metadata of every type is what the gguf package wrote")
    func metadata() throws {
        let file = try GGUFFile(path: GGUFFixture.path("types"))
        #expect(file.version == 3)
        #expect(try file.string("general.architecture") == "llama")
        #expect(try file.integer("test.unsigned") == 4_000_000_000)
        #expect(file.value("test.large") == .large(.max))
        #expect(try file.integer("test.negative") == -(1 << 40))
        #expect(try file.number("test.float") == Double(Float(1e-5)))
        #expect(try file.flag("test.bool") == true)
        #expect(try file.string("test.string") == "Grüße")
        #expect(try file.strings("test.strings") == ["a", "", "☃"])
        #expect(try file.integers(key: "test.integers") == [1, -2, 3])
        #expect(try file.floats(key: "test.floats") == [0.5, -1.5])
        guard case .array(let nested)? = file.value("test.nested") else {
            Issue.record("test.nested is no list")
            return
        }
        #expect(nested.arrays?.map(\.integers) == [[1, 2], [3]])
        #expect(try file.string("absent") == nil)
        #expect(throws: ModelFileError.self) { try file.integer("test.large") }
        #expect(throws: ModelFileError.self) { try file.strings("test.integers") }
        #expect(throws: ModelFileError.self) { try file.integer("test.string") }
    }

    @Test(
        "weights of every type have the bits that the gguf package gives them",
        arguments: [
            "F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
        ])
    func dequantizes(type: String) throws {
        let file = try GGUFFile(path: GGUFFixture.path("types"))
        let expected = try GGUFFile(path: GGUFFixture.path("expected"))
        let tensor = try #require(file["weights.\(type)"])
        #expect(tensor.elementType.rawValue == type)
        let floats = try file.floats("weights.\(type)", shape: tensor.shape)
        let right = try expected.floats("weights.\(type)", shape: tensor.shape)
        #expect(floats.count == tensor.elementCount && floats.count >= 30)
        #expect(floats.map(\.bitPattern) == right.map(\.bitPattern))
    }

    @Test("blocks are widened one by one as together, at any alignment")
    func blocksAlone() throws {
        let tensor = try #require(try GGUFFile(path: GGUFFixture.path("types"))["weights.Q6_K"])
        let block = tensor.elementType.block
        let count = tensor.data.count / block.byteCount
        let together = [Float](unsafeUninitializedCapacity: count * block.elementCount) { floats, initialized in
            tensor.data.withUnsafeBytes {
                tensor.elementType.dequantize(
                    blocks: $0, count: count, into: .init(rebasing: floats[..<(count * block.elementCount)]))
            }
            initialized = count * block.elementCount
        }
        for index in 0..<count {
            let odd = [0] + tensor.data[index * block.byteCount..<(index + 1) * block.byteCount].array
            var alone = [Float](repeating: 0, count: block.elementCount)
            odd.withUnsafeBytes { odd in
                alone.withUnsafeMutableBufferPointer {
                    tensor.elementType.dequantize(
                        blocks: UnsafeRawBufferPointer(rebasing: odd.dropFirst()), count: 1, into: $0)
                }
            }
            #expect(alone[...] == together[index * block.elementCount..<(index + 1) * block.elementCount])
        }
    }

    @Test("version 2 is read like version 3")
    func version2() throws {
        var writer = GGUFWriter()
        writer.version = 2
        writer.add("a", shape: [2, 1], [1, -2])
        let file = try GGUFFile(bytes: Bytes(writer.file), file: "m")
        #expect(file.version == 2)
        #expect(try file.floats("a", shape: [2, 1]) == [1, -2])
        // Of little-endian files version 3 changed nothing but the number.
        var bytes = try GGUFFixture.bytes("types").array
        bytes[4] = 2
        let (second, third) = (
            try GGUFFile(bytes: Bytes(bytes), file: "types"), try GGUFFile(path: GGUFFixture.path("types"))
        )
        #expect(second.version == 2 && second.names == third.names && second.names.count == 13)
        for name in third.names {
            let shape = try #require(third[name]).shape
            #expect(try second.floats(name, shape: shape) == third.floats(name, shape: shape))
        }
    }
}

/// Goal: whatever a file says, it is read or refused with an error that says where, without a crash.
@Suite("GGUFFile, hostile files")
struct GGUFFileHostileTests {
    private func message(_ bytes: [UInt8]) -> String {
        do {
            _ = try GGUFFile(bytes: Bytes(bytes), file: "m")
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    private func message(_ change: (inout GGUFWriter) -> Void) -> String {
        var writer = GGUFWriter()
        writer.values = [("k", .uint32(7))]
        writer.add("a", shape: [2], [1, 2])
        change(&writer)
        return message(writer.file)
    }

    @Test("a file cut at any byte is refused by name, never read past its end")
    func truncation() throws {
        let whole = try GGUFFixture.bytes("types")
        // The last tensor takes 60 bytes; behind it are 4 of padding, which nobody needs.
        let end = whole.count - 4
        #expect(try GGUFFile(bytes: whole[0..<end], file: "m").names.count == 13)
        for count in 0..<end {
            do {
                _ = try GGUFFile(bytes: whole[0..<count], file: "m")
                Issue.record("\(count) of \(whole.count) bytes were read")
            } catch {
                #expect(error.field != nil)
            }
        }
    }

    @Test("what is not little-endian GGUF 2 or 3 is refused")
    func versions() {
        #expect(message(Array("GGML".utf8) + [3, 0, 0, 0]) == "m: magic: is not that of a GGUF file")
        #expect(message { $0.version = 1 } == "m: version: expected 2 or 3, got 1")
        #expect(message { $0.version = UInt32(3).byteSwapped } == "m: version: is big-endian, expected little-endian")
    }

    @Test("counts and lengths beyond the file are refused before anything is allocated")
    func counts() {
        let head = Array("GGUF".utf8) + [3, 0, 0, 0]
        let huge = [UInt8](repeating: 0xFF, count: 8)
        let none = [UInt8](repeating: 0, count: 8)
        #expect(message(head + huge + none).hasPrefix("m: tensor count: claims 18446744073709551615 entries"))
        #expect(message(head + none + huge).hasPrefix("m: key count: claims 18446744073709551615 entries"))
        #expect(message { $0.values[0].value = .init(type: 8, bytes: huge) }.hasPrefix("m: metadata \"k\": is trunc"))
        #expect(
            message { $0.values[0].value = .init(type: 9, bytes: [4, 0, 0, 0] + huge) }
                .hasPrefix("m: metadata \"k\": claims 18446744073709551615 entries"))
    }

    @Test("values that are none are refused by the name of their key")
    func values() {
        let unknown = GGUFWriter.Value(type: 13, bytes: [])
        #expect(message { $0.values[0].value = unknown } == "m: metadata \"k\": has unknown value type 13")
        let maybe = GGUFWriter.Value(type: 7, bytes: [2])
        #expect(message { $0.values[0].value = maybe } == "m: metadata \"k\": expected 0 or 1, got 2")
        #expect(message { $0.values.append(("k", .bool(true))) } == "m: metadata \"k\": is there twice")
        let invalid = GGUFWriter.Value(type: 8, bytes: [1, 0, 0, 0, 0, 0, 0, 0, 0xFF])
        #expect(message { $0.values[0].value = invalid } == "m: metadata \"k\": is not UTF-8")
        let arrays = (0..<5).flatMap { _ -> [UInt8] in [9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0] }
        #expect(
            message { $0.values[0].value = .init(type: 9, bytes: arrays) }
                == "m: metadata \"k\": is nested more than 4 deep")
        for value: UInt32 in [0, 3, 1 << 30] {
            #expect(
                message { $0.values[0] = ("general.alignment", .uint32(value)) }
                    == "m: metadata \"general.alignment\": expected a power of two up to 1048576, got \(value)")
        }
    }

    @Test("tensors that lie are refused by their name")
    func tensors() {
        #expect(
            message { $0.tensors[0].extents = [3] }
                == "m: tensor \"a\": needs 12 bytes from 0, the file has 8 bytes of data")
        #expect(message { $0.tensors[0].extents = [1 << 62, 4] }.contains("\"a\": impossible shape"))
        #expect(message { $0.tensors[0].extents = [1 << 63] }.contains("\"a\": impossible extent"))
        #expect(message { $0.tensors[0].extents = [1, 1, 1, 1, 1] }.contains("\"a\": has 5 extents"))
        #expect(message { ($0.tensors[0].extents, $0.tensors[0].type) = ([33], 8) }.contains("\"a\": impossible shape"))
        #expect(message { $0.tensors[0].type = 99 } == "m: tensor \"a\": unknown element type 99")
        #expect(message { $0.tensors[0].offset = 4 }.contains("\"a\": offset 4 is not a multiple of the alignment 32"))
        #expect(message { $0.tensors[0].offset = UInt64.max - 31 }.contains("\"a\": needs 8 bytes from"))
        #expect(message { $0.tensors.append($0.tensors[0]) }.contains("\"a\": overlaps the tensor before it"))
        #expect(message { $0.add("a", shape: [1], [3]) } == "m: tensor \"a\": is there twice")
        #expect(message { $0.tensors[0].name = [0xFF] } == "m: tensor [0]: has a name that is not UTF-8")
        #expect(message { $0.tensors[0].name = [] }.hasPrefix("m: tensor [0]: has a name of 0 bytes"))
        #expect(message { _ in } == "no error")
    }

    @Test("weights that are not numbers are refused when they are read", arguments: [Float.infinity, .nan])
    func notFinite(value: Float) throws {
        var writer = GGUFWriter()
        writer.add("a", shape: [2], [1, value])
        let file = try GGUFFile(bytes: Bytes(writer.file), file: "m")
        #expect(
            throws: ModelFileError(
                file: "m", field: "tensor \"a\"", problem: "has an element that is infinite or not a number")
        ) { try file.floats("a", shape: [2]) }
    }

    @Test("random changes to a file are read or refused, never fatal")
    func mutations() throws {
        var random = SeededGenerator(seed: 11)
        let whole = try GGUFFixture.bytes("types").array
        for _ in 0..<2_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 0..<1800, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            guard let file = try? GGUFFile(bytes: Bytes(bytes), file: "m") else { continue }
            for name in file.names { _ = try? file.floats(name, shape: file[name]!.shape) }
            for key in file.keys { _ = try? file.strings(key) }
        }
    }
}
