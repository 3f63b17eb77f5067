import Compute
import Foundation
import ModelFiles
import Models
import TestSupport
import TextModels
import Vocabulary

/// A Llama model of random weights, written as a Hugging Face directory and read back.
struct TinyLlama {
    var vocabularySize = 50
    var hiddenSize = 24
    var intermediateSize = 40
    var layerCount = 2
    var headCount = 4
    var keyValueHeadCount = 2
    var headSize = 6
    var contextLengthMax = 64
    var tiesEmbeddings = false
    /// F32, F16 or BF16.
    var elementType = "F32"
    /// Tensors by name; change them to make a hostile file.
    var tensors: [String: (shape: [Int], values: [Float])] = [:]

    static let name = ModelName("tiny")!
    static let version = ModelVersion(1)!

    /// Fills `tensors` with weights of a size that keeps the logits near 1.
    mutating func fill(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        func weights(_ shape: [Int], around center: Float = 0) -> (shape: [Int], values: [Float]) {
            let count = shape.reduce(1, *)
            return (shape, (0..<count).map { _ in center + Float.random(in: -0.5..<0.5, using: &random) })
        }
        let (queries, keys) = (headCount * headSize, keyValueHeadCount * headSize)
        tensors = [
            "model.embed_tokens.weight": weights([vocabularySize, hiddenSize]),
            "model.norm.weight": weights([hiddenSize], around: 1),
        ]
        if !tiesEmbeddings { tensors["lm_head.weight"] = weights([vocabularySize, hiddenSize]) }
        for layer in 0..<layerCount {
            let prefix = "model.layers.\(layer)."
            tensors[prefix + "input_layernorm.weight"] = weights([hiddenSize], around: 1)
            tensors[prefix + "self_attn.q_proj.weight"] = weights([queries, hiddenSize])
            tensors[prefix + "self_attn.k_proj.weight"] = weights([keys, hiddenSize])
            tensors[prefix + "self_attn.v_proj.weight"] = weights([keys, hiddenSize])
            tensors[prefix + "self_attn.o_proj.weight"] = weights([hiddenSize, queries])
            tensors[prefix + "post_attention_layernorm.weight"] = weights([hiddenSize], around: 1)
            tensors[prefix + "mlp.gate_proj.weight"] = weights([intermediateSize, hiddenSize])
            tensors[prefix + "mlp.up_proj.weight"] = weights([intermediateSize, hiddenSize])
            tensors[prefix + "mlp.down_proj.weight"] = weights([hiddenSize, intermediateSize])
        }
    }

    static func filled(seed: UInt64 = 1, _ change: (inout TinyLlama) -> Void = { _ in }) -> TinyLlama {
        var model = TinyLlama()
        change(&model)
        model.fill(seed: seed)
        return model
    }

    var configurationJSON: String {
        """
        {"model_type": "llama", "hidden_size": \(hiddenSize), "intermediate_size": \(intermediateSize),
         "num_hidden_layers": \(layerCount), "num_attention_heads": \(headCount),
         "num_key_value_heads": \(keyValueHeadCount), "head_dim": \(headSize),
         "max_position_embeddings": \(contextLengthMax), "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
         "hidden_act": "silu", "tie_word_embeddings": \(tiesEmbeddings), "vocab_size": \(vocabularySize)}
        """
    }

    /// The tensors as a safetensors file.
    var safetensors: [UInt8] {
        var (header, data): ([String], [UInt8]) = ([], [])
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            let begin = data.count
            for value in tensor.values { data += bytes(value) }
            header.append(
                "\"\(name)\": {\"dtype\": \"\(elementType)\", \"shape\": \(tensor.shape), "
                    + "\"data_offsets\": [\(begin), \(data.count)]}")
        }
        let json = Array("{\(header.joined(separator: ","))}".utf8)
        return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json + data
    }

    private func bytes(_ value: Float) -> [UInt8] {
        switch elementType {
        case "F16": withUnsafeBytes(of: Float16(value).bitPattern.littleEndian) { Array($0) }
        case "BF16": withUnsafeBytes(of: UInt16(value.bitPattern >> 16).littleEndian) { Array($0) }
        default: withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
        }
    }

    /// Writes the directory for as long as `body` runs.
    func withDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
        let directory = FileManager.default.temporaryDirectory.appending(path: "apus-tiny-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try Data(configurationJSON.utf8).write(to: directory.appending(path: "config.json"))
        try Data(safetensors).write(to: directory.appending(path: "model.safetensors"))
        return try body(directory.path)
    }

    func load(_ format: WeightFormat = .float32, cache: CacheFormat = .float32) throws -> DecoderModel {
        try withDirectory {
            try DecoderModel(
                directory: $0, name: Self.name, version: Self.version, format: format, cacheFormat: cache)
        }
    }

    func reference() throws -> LlamaReference {
        try withDirectory { directory in
            let configuration = try DecoderDescription(path: directory + "/config.json")
            return try LlamaReference(SafetensorsFile(path: directory + "/model.safetensors"), configuration)
        }
    }
}
