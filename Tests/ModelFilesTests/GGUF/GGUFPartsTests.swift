import Foundation
import ModelFiles
import TestSupport
import Testing
import Vocabulary

/// Goal: a model that was split into several files is read as the one that it was, or refused by the name of the file
/// that is wrong.
///
/// Method: `Tests/Fixtures/make_gguf.py` had the `gguf` package write a miniature whole and in three files; wrong files
/// are written by hand.
@Suite("GGUF in several files")
struct GGUFPartsTests {
    private static let first = GGUFFixture.path("split/llama3-scaled-00001-of-00003")

    @Test("the tensors of all files and the metadata of the first are those of the whole", arguments: [1, 2, 3])
    func whole(opened: Int) throws {
        let whole = try GGUFFile(path: GGUFFixture.path("llama3-scaled"))
        let path = Self.first.replacingOccurrences(of: "00001", with: "0000\(opened)")
        let parts = try GGUFFile(path: path)
        #expect(parts.partCount == 3 && whole.partCount == 1 && parts.names == whole.names)
        for name in whole.names {
            let (right, tensor) = (try #require(whole[name]), try #require(parts[name]))
            #expect(tensor.shape == right.shape && tensor.elementType == right.elementType && tensor.data == right.data)
        }
        #expect(Set(parts.names.compactMap { parts[$0]?.file }).count == 3)
        #expect(parts.keys.filter { !$0.hasPrefix("split.") } == whole.keys)
        #expect(try DecoderDescription(gguf: parts) == DecoderDescription(gguf: whole))
        #expect(try GGUFModel(parts).names == GGUFModel(whole).names)
    }

    @Test("a folder with all of them is one model")
    func folder() throws {
        let folder = URL(filePath: Self.first).deletingLastPathComponent().path
        #expect((try ModelTensors.open(path: folder) as? GGUFFile)?.partCount == 3)
        #expect(try ModelInspection(path: folder).format == "GGUF version 3, 3 files")
    }

    /// A part with one tensor.
    private static func part(
        _ number: UInt32, of count: UInt32?, tensor: String, total: UInt32? = nil, name: String? = nil
    ) -> [UInt8] {
        var writer = GGUFWriter()
        writer.values = [("general.architecture", .string("llama")), ("split.no", .uint32(number))]
        if let count { writer.values.append(("split.count", .uint32(count))) }
        if let total { writer.values.append(("split.tensors.count", .uint32(total))) }
        if let name { writer.values.append(("general.name", .string(name))) }
        writer.add(tensor, shape: [1], [1])
        return writer.file
    }

    /// What is said about two files of that content, in a folder of their own.
    private func problem(
        _ parts: [[UInt8]], names: [String] = ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"], opens: Int = 0
    ) throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "apus-parts-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (part, name) in zip(parts, names) { try Data(part).write(to: folder.appending(path: name)) }
        do {
            let file = try GGUFFile(path: folder.appending(path: names[opens]).path)
            return "no error, \(file.names)"
        } catch {
            return "\(error)".replacingOccurrences(of: folder.path + "/", with: "")
        }
    }

    @Test("what is missing, in another place, double or of another model is refused by the name of the file")
    func refusals() throws {
        let (a, b) = (Self.part(0, of: 2, tensor: "a", total: 2), Self.part(1, of: 2, tensor: "b", total: 2))
        #expect(try problem([a, b]) == #"no error, ["a", "b"]"#)
        #expect(try problem([a]) == "m-00002-of-00002.gguf: no such file")
        #expect(try problem([[], b], opens: 1).hasPrefix("m-00001-of-00002.gguf: magic"))
        #expect(
            try problem([a, Self.part(1, of: 2, tensor: "a")])
                == #"m-00002-of-00002.gguf: tensor "a": is in m-00001-of-00002.gguf, too"#)
        #expect(
            try problem([a, Self.part(0, of: 2, tensor: "b")])
                == #"m-00002-of-00002.gguf: metadata "split.no": expected 1, got 0"#)
        #expect(
            try problem([a, Self.part(1, of: 3, tensor: "b")])
                == #"m-00002-of-00002.gguf: metadata "split.count": expected 2, got 3"#)
        #expect(
            try problem([a, Self.part(1, of: nil, tensor: "b")])
                == #"m-00002-of-00002.gguf: metadata "split.count": is missing, expected 2"#)
        #expect(
            try problem([Self.part(0, of: 2, tensor: "a", total: 3), b])
                == #"m-00001-of-00002.gguf: metadata "split.tensors.count": expected 2, which the 2 files have "#
                + "together, got 3")
        #expect(
            try problem([
                Self.part(0, of: 2, tensor: "a", name: "one"), Self.part(1, of: 2, tensor: "b", name: "other"),
            ]) == #"m-00002-of-00002.gguf: metadata "general.name": "other" is another model than "one" in "#
                + "m-00001-of-00002.gguf")
        #expect(
            try problem([Self.part(0, of: 3, tensor: "a"), b])
                == #"m-00001-of-00002.gguf: metadata "split.count": expected 2 as in the name of the file, got 3"#)
    }

    @Test(
        "a part that is not named as one is refused",
        arguments: [
            "m.gguf", "m-1-of-2.gguf", "m-00003-of-00002.gguf", "m-00000-of-00002.gguf", "m-00001-of-02000.gguf",
            "m-0000x-of-00002.gguf", "00001-of-00002.gguf",
        ])
    func names(name: String) throws {
        #expect(
            try problem([Self.part(0, of: 2, tensor: "a")], names: [name])
                == "\(name): metadata \"split.count\": is one of 2 files, expected a name such as "
                + "model-00001-of-0000N.gguf"
        )
    }

    @Test("a file that is one of one is whole, whatever its name")
    func single() throws {
        #expect(try problem([Self.part(0, of: 1, tensor: "a")], names: ["m.gguf"]) == #"no error, ["a"]"#)
    }

    @Test("a folder with files of two models, or with others beside, is refused")
    func mixedFolder() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "apus-parts-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in ["m-00001-of-00002.gguf", "n-00002-of-00002.gguf"] {
            try Data(Self.part(0, of: 2, tensor: "a")).write(to: folder.appending(path: name))
        }
        let error = #expect(throws: ModelFileError.self) { try ModelTensors.open(path: folder.path) }
        #expect(error?.problem.contains("has 2 .gguf files, expected one, or all of one that was split") == true)
    }
}
