import Foundation
import ModelFiles
import TestSupport
import Testing

@Suite("SafetensorsFolder")
struct SafetensorsFolderTests {
    /// Runs `body` with a folder of two shards, `a` in the first and `b` in the second, and the index.
    private func withFolder(index: String, _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "shards-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, tensor, value) in [("1", "a", Float(1.5)), ("2", "b", Float(-2))] {
            let header = #"{"\#(tensor)":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
            var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
            bytes += Data(header.utf8)
            bytes += withUnsafeBytes(of: value.bitPattern.littleEndian) { Data($0) }
            try bytes.write(to: folder.appending(path: "\(name).safetensors"))
        }
        try Data(index.utf8).write(to: folder.appending(path: SafetensorsFolder.indexName))
        try body(folder.path)
    }

    @Test("tensors are found in the shard that the map names")
    func reads() throws {
        let index = """
            {"metadata":{"total_size":8},"weight_map":{"a":"1.safetensors","b":"2.safetensors"}}
            """
        try withFolder(index: index) { path in
            let folder = try SafetensorsFolder(path: path)
            #expect(folder.names == ["a", "b"])
            #expect(try folder.floats("a", shape: [1]) == [1.5])
            #expect(try folder.floats("b", shape: [1]) == [-2])
            #expect(folder["b"]?.file == "\(path)/2.safetensors")
            #expect(folder["c"] == nil)
            do {
                _ = try folder.floats("b", shape: [2])
                Issue.record("another shape was read")
            } catch {
                #expect("\(error)" == "\(path)/2.safetensors: tensor \"b\": expected shape [2], got [1]")
            }
        }
    }

    @Test(
        "a map that lies is refused by the field",
        arguments: [
            (#"{"a":"1.safetensors","b":"3.safetensors"}"#, "3.safetensors: no such file"),
            (#"{"a":"1.safetensors","b":"1.safetensors"}"#, "\"weight_map.b\": 1.safetensors has no such tensor"),
            (#"{"a":"2.safetensors","b":"1.safetensors"}"#, "\"weight_map.a\": 2.safetensors has no such tensor"),
            (
                #"{"a":"1.safetensors","b":"2.safetensors","c":"1.safetensors"}"#,
                "\"weight_map.c\": 1.safetensors has no such tensor"
            ),
            (#"{"a":"../1.safetensors"}"#, "\"weight_map\": file \"../1.safetensors\" is not in the folder"),
            (#"{"a":"/etc/passwd"}"#, "\"weight_map\": file \"/etc/passwd\" is not in the folder"),
            (#"{"a":".."}"#, "\"weight_map\": file \"..\" is not in the folder"),
            (#"{"a":"model.safetensors.index.json"}"#, "is not called *.safetensors"),
            (#"{"a":1}"#, "\"weight_map.a\": expected String"),
            (#"[]"#, "\"weight_map\": expected"),
        ])
    func refuses(map: String, expected: String) throws {
        try withFolder(index: #"{"weight_map":\#(map)}"#) { path in
            do {
                _ = try SafetensorsFolder(path: path)
                Issue.record("the map was accepted")
            } catch {
                #expect("\(error)".hasPrefix(path) && "\(error)".contains(expected), "\(error)")
            }
        }
    }

    @Test("a folder without an index is refused by the name of the index")
    func withoutIndex() {
        #expect(
            throws: ModelFileError(file: "/nowhere/model.safetensors.index.json", problem: "no such file")
        ) { try SafetensorsFolder(path: "/nowhere") }
    }
}
