import ModelFiles
import TestSupport
import Vocabulary

extension FuzzTarget {
    /// A model file into the reader that the first byte names: GGUF, safetensors, the index of a folder of shards, GGUF
    /// in two files.
    ///
    /// What is accepted must be readable to the last element, and lie within the file.
    static let weights = FuzzTarget("weights", seeds: { try WeightsSeeds.all() }) { input in
        var cursor = ByteCursor(input)
        let reader = cursor.byte()
        let bytes = Bytes(copying: cursor.rest)
        switch reader % 4 {
        case 0: try WeightsBench.readGGUF(bytes)
        case 3: try WeightsBench.readParts(bytes)
        case 1:
            guard let file = try? SafetensorsFile(bytes: bytes, file: "input") else { return }
            try WeightsBench.read(file, byteCountMax: bytes.count)
        default: try WeightsBench.readIndex(bytes)
        }
    }
}

private enum WeightsBench {
    static func readGGUF(_ bytes: Bytes) throws {
        guard let file = try? GGUFFile(bytes: bytes, file: "input") else { return }
        try readGGUF(file, byteCountMax: bytes.count)
    }

    /// Two files, the first of as many bytes as the first two say.
    static func readParts(_ bytes: Bytes) throws {
        guard bytes.count >= 2 else { return }
        let middle = min(2 + (Int(bytes[0]) | Int(bytes[1]) << 8), bytes.count)
        guard let first = try? GGUFFile(bytes: bytes[2..<middle], file: "first"),
            let second = try? GGUFFile(bytes: bytes[middle..<bytes.count], file: "second"),
            let joined = try? GGUFFile(joining: [first, second])
        else { return }
        try require(joined.names.count == first.names.count + second.names.count, "tensors are lost or double")
        try readGGUF(joined, byteCountMax: bytes.count)
    }

    private static func readGGUF(_ file: GGUFFile, byteCountMax: Int) throws {
        try read(file, byteCountMax: byteCountMax)
        for key in file.keys {
            try require(file.value(key) != nil, "the key \(key) has no value")
            if case .array(let array)? = file.value(key) {
                let counts = [array.integers?.count, array.floats?.count, array.strings?.count, array.arrays?.count]
                try require(counts.allSatisfy { ($0 ?? array.count) == array.count }, "\(key) has other elements")
            }
        }
        _ = try? DecoderDescription(gguf: file)
        _ = try? EncoderDescription(gguf: file)
        guard let model = try? GGUFModel(file) else { return }
        try read(model, byteCountMax: 2 * byteCountMax)
    }

    /// Every tensor as numbers, if it is of any that Apus reads.
    static func read(_ file: some TensorFile, byteCountMax: Int) throws {
        var byteCount = 0
        for name in file.names {
            guard let tensor = file[name] else { throw FuzzFinding(description: "the tensor \(name) is not there") }
            byteCount += tensor.elementType == .float32 ? 0 : tensor.data.count
            guard let floats = try? file.floats(name, shape: tensor.shape) else { continue }
            try require(floats.count == tensor.elementCount, "\(name) has \(floats.count) elements")
            try require(floats.allSatisfy(\.isFinite), "\(name) has an element that is no number")
        }
        try require(byteCount <= byteCountMax, "\(byteCount) bytes of tensors in a file of \(byteCountMax)")
    }

    static func readIndex(_ bytes: Bytes) throws {
        var opened: [String] = []
        let folder = try? SafetensorsFolder(path: "folder", index: bytes) { name throws(ModelFileError) in
            opened.append(name)
            return try SafetensorsFile(bytes: Bytes(WeightsSeeds.safetensors), file: name)
        }
        try require(opened.allSatisfy { !$0.contains("/") && !$0.hasPrefix(".") }, "\(opened) were opened")
        if let folder { try read(folder, byteCountMax: 1 << 20) }
    }
}

private enum WeightsSeeds {
    static let safetensors: [UInt8] = {
        let header = """
            {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[4,8]}}
            """
        return withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
            + [0, 0, 128, 63, 0, 64, 128, 63]
    }()

    static func all() throws -> [(name: String, bytes: [UInt8])] {
        let index = #"{"metadata":{},"weight_map":{"a":"1.safetensors","b":"1.safetensors"}}"#
        return [
            ("gguf", [0] + decoder()), ("gguf-quantised", [0] + quantised()), ("safetensors", [1] + safetensors),
            ("index", [2] + Array(index.utf8)), ("gguf-parts", [3] + parts()),
        ]
    }

    /// Two files of one model, behind the length of the first.
    private static func parts() -> [UInt8] {
        let files = (0..<2).map { number in
            var writer = GGUFWriter()
            writer.values = [
                ("split.no", .uint32(UInt32(number))), ("split.count", .uint32(2)), ("split.tensors.count", .uint32(2)),
            ]
            writer.add("tensor.\(number)", shape: [2], [1, 2])
            return writer.file
        }
        return [UInt8(truncatingIfNeeded: files[0].count), UInt8(files[0].count >> 8)] + files[0] + files[1]
    }

    /// A decoder of one layer without weights but for the embeddings and the queries.
    private static func decoder() -> [UInt8] {
        var writer = GGUFWriter()
        writer.values = [
            ("general.architecture", .string("llama")), ("llama.context_length", .uint32(8)),
            ("llama.embedding_length", .uint32(4)), ("llama.block_count", .uint32(1)),
            ("llama.feed_forward_length", .uint32(4)), ("llama.attention.head_count", .uint32(2)),
            ("llama.attention.layer_norm_rms_epsilon", .float(1e-5)), ("general.alignment", .uint32(32)),
            ("tokenizer.ggml.tokens", .strings(["a", "b"])), ("flag", .bool(true)),
        ]
        writer.add("token_embd.weight", shape: [2, 4], [1, 2, 3, 4, 5, 6, 7, 8])
        writer.add("blk.0.attn_q.weight", shape: [4, 4], [Float](repeating: 0.5, count: 16))
        return writer.file
    }

    private static func quantised() -> [UInt8] {
        var writer = GGUFWriter()
        // Q8_0 and Q4_K by their numbers: blocks of 34 and 144 bytes.
        writer.tensors = [
            .init("q8", [32, 2], type: 8, offset: 0), .init("q4", [256], type: 12, offset: 96),
        ]
        writer.data = [UInt8](repeating: 17, count: 96 + 144)
        return writer.file
    }
}
