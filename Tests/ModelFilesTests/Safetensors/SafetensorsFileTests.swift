import ModelFiles
import TestSupport
import Testing
import Vocabulary

@Suite("SafetensorsFile")
struct SafetensorsFileTests {
    /// A file with `header` and `dataByteCount` bytes 0, 1, 2 ….
    private func file(_ header: String, dataByteCount: Int) -> Bytes {
        var bytes: [UInt8] = []
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: header.utf8)
        bytes.append(contentsOf: (0..<dataByteCount).map { UInt8(truncatingIfNeeded: $0) })
        return Bytes(bytes)
    }

    private func message(_ header: String, dataByteCount: Int) -> String {
        do {
            _ = try SafetensorsFile(bytes: file(header, dataByteCount: dataByteCount), file: "m")
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test("float tensors of every width read as Float32, also at unaligned offsets")
    func readsFloats() throws {
        let header = """
            {"__metadata__":{"format":"pt"},"odd":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},\
            "f":{"dtype":"F32","shape":[1,2],"data_offsets":[1,9]},\
            "h":{"dtype":"F16","shape":[2],"data_offsets":[9,13]},\
            "b":{"dtype":"BF16","shape":[2],"data_offsets":[13,17]},\
            "i":{"dtype":"I64","shape":[],"data_offsets":[17,25]}}
            """
        var bytes = file(header, dataByteCount: 0).array
        bytes.append(7)
        for bits in [Float(1.5).bitPattern, Float(-2).bitPattern] {
            withUnsafeBytes(of: bits.littleEndian) { bytes.append(contentsOf: $0) }
        }
        for bits: UInt16 in [0x3C00, 0xC000, 0x3FC0, 0x0000] {
            withUnsafeBytes(of: bits.littleEndian) { bytes.append(contentsOf: $0) }
        }
        withUnsafeBytes(of: Int64(-9).littleEndian) { bytes.append(contentsOf: $0) }
        let tensors = try SafetensorsFile(bytes: Bytes(bytes), file: "m")
        #expect(tensors.names == ["b", "f", "h", "i", "odd"])
        #expect(try tensors.floats("f", shape: [1, 2]) == [1.5, -2])
        #expect(try tensors.floats("h", shape: [2]) == [1, -2])
        #expect(try tensors.floats("b", shape: [2]) == [1.5, 0])
        #expect(try tensors.integers("i", shape: []) == [-9])
        #expect(throws: ModelFileError.self) { try tensors.floats("i", shape: []) }
        #expect(throws: ModelFileError.self) { try tensors.floats("f", shape: [2]) }
        #expect(throws: ModelFileError.self) { try tensors.floats("absent", shape: [2]) }
    }

    @Test(
        "a header that lies is refused by the name of the tensor",
        arguments: [
            (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "takes 8 bytes"),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 4, "do not lie in the 4 bytes"),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, 4, "do not lie in"),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, "do not lie in"),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4]}}"#, 4, "do not lie in"),
            (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "impossible shape"),
            (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}"#, 4, "impossible shape"),
            (#"{"a":{"dtype":"Q9","shape":[1],"data_offsets":[0,4]}}"#, 4, "unsupported dtype"),
            (#"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#, 4, "needs dtype, shape and data_offsets"),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "leaves a gap"),
        ])
    func refusesLies(header: String, dataByteCount: Int, expected: String) {
        let text = message(header, dataByteCount: dataByteCount)
        #expect(text.hasPrefix("m: tensor \"a\": "))
        #expect(text.contains(expected))
    }

    @Test("overlapping tensors and bytes behind the last are refused")
    func refusesLayouts() {
        let overlap = """
            {"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}
            """
        #expect(message(overlap, dataByteCount: 6) == "m: tensor \"b\": overlaps the tensor before it")
        let short = #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#
        #expect(message(short, dataByteCount: 6) == "m: has 2 bytes behind the last tensor")
    }

    @Test(
        "a header that is not the expected JSON is refused",
        arguments: ["", "[]", "{", "{\"a\":1}", "{\"a\":{\"dtype\":3}}"])
    func refusesOtherJSON(header: String) {
        #expect(message(header, dataByteCount: 0).hasPrefix("m: "))
    }

    @Test("a file cut at any byte is refused by name, never read past its end")
    func survivesTruncation() {
        let whole = file(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, dataByteCount: 8)
        for count in 0..<whole.count {
            let error = #expect(throws: ModelFileError.self) { try SafetensorsFile(bytes: whole[0..<count], file: "m") }
            #expect(error?.field != nil, "\(count) bytes")
        }
        #expect(throws: Never.self) { try SafetensorsFile(bytes: whole, file: "m") }
    }

    @Test("random changes to a file are read or refused, never fatal")
    func survivesMutations() {
        var random = SeededGenerator(seed: 7)
        let whole = file(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, dataByteCount: 8).array
        for _ in 0..<5_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let tensors = try? SafetensorsFile(bytes: Bytes(bytes), file: "m") {
                for name in tensors.names { _ = try? tensors.floats(name, shape: [2]) }
            }
        }
    }

    @Test(
        "weights that are infinite or not numbers are refused by name",
        arguments: [
            ("F32", 0x7F80_0000, 4), ("F32", 0xFF80_0000, 4), ("F32", 0x7FC0_0000, 4), ("F16", 0x7C00, 2),
            ("F16", 0xFC00, 2), ("F16", 0x7E00, 2), ("BF16", 0x7F80, 2), ("BF16", 0xFF80, 2), ("BF16", 0x7FC0, 2),
        ])
    func refusesNonFinite(type: String, bits: UInt32, byteCount: Int) throws {
        let header = #"{"a":{"dtype":"\#(type)","shape":[1],"data_offsets":[0,\#(byteCount)]}}"#
        var bytes = file(header, dataByteCount: 0).array
        withUnsafeBytes(of: bits.littleEndian) { bytes.append(contentsOf: $0.prefix(byteCount)) }
        let tensors = try SafetensorsFile(bytes: Bytes(bytes), file: "m")
        let error = #expect(throws: ModelFileError.self) { try tensors.floats("a", shape: [1]) }
        #expect(error?.field == "tensor \"a\"")
    }

    @Test("a missing file, a folder and an empty file are refused by name")
    func refusesOtherFiles() {
        #expect(throws: ModelFileError(file: "/nowhere", problem: "no such file")) {
            try SafetensorsFile(path: "/nowhere")
        }
        #expect(throws: ModelFileError(file: "/tmp", problem: "is not a regular file")) {
            try SafetensorsFile(path: "/tmp")
        }
        #expect(throws: ModelFileError.self) { try SafetensorsFile(path: "/dev/null") }
    }
}
