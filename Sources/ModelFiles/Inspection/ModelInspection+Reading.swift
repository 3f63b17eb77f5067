import Vocabulary

extension ModelInspection {
    /// Looks at what lies at `path`: a safetensors, GGUF or ONNX file, or a folder with one of them or with shards.
    ///
    /// Heads are read, weights are not.
    ///
    /// - Throws: `ModelFileError` naming file and field, or `ONNXError`, when the tensors themselves cannot be found.
    package init(path: String) throws {
        guard ModelTensors.exists(path) else { throw ModelFileError(file: path, problem: "no such file") }
        let isFolder = ModelTensors.isFolder(path)
        let models = isFolder ? ModelTensors.files(in: path).filter { $0.hasSuffix(".onnx") } : []
        if path.hasSuffix(".onnx") || models.count == 1 {
            try self.init(onnx: isFolder ? "\(path)/\(models[0])" : path, path: path)
            return
        }
        let file = try ModelTensors.open(path: path)
        let tensors = file.names.compactMap { name in
            file[name].map { tensor in
                Tensor(
                    name: name, type: tensor.elementType.rawValue, shape: tensor.shape,
                    elementCount: tensor.elementCount, byteCount: tensor.data.count)
            }
        }
        if let gguf = file as? GGUFFile {
            let parts = gguf.partCount > 1 ? ", \(gguf.partCount) files" : ""
            self.init(
                path: path, format: "GGUF version \(gguf.version)\(parts)", facts: Facts(gguf: gguf), tensors: tensors,
                warnings: Self.warnings(gguf))
            return
        }
        let shardCount = Set(file.names.compactMap { file[$0]?.file }).count
        self.init(
            path: path, format: file is SafetensorsFolder ? "safetensors, \(shardCount) shards" : "safetensors",
            facts: isFolder ? Facts(folder: path) : Facts(), tensors: tensors, warnings: [])
    }

    private init(onnx file: String, path: String) throws {
        let model = try ONNXModel(file: MappedFile.open(path: file), fileName: file)
        let opset = model.opsetVersions[""].map { ", operators version \($0)" } ?? ""
        let tensors = model.graph.initializers.values.map { tensor in
            Tensor(
                name: tensor.name, type: tensor.elementType.name, shape: tensor.shape,
                elementCount: tensor.data.count / tensor.elementType.byteCount, byteCount: tensor.data.count)
        }
        var facts = Facts()
        facts.architecture = "graph of \(model.graph.nodes.count) nodes"
        self.init(path: path, format: "ONNX\(opset)", facts: facts, tensors: tensors, warnings: [])
    }

    /// What would keep the decoder or encoder of the file from being served.
    private static func warnings(_ gguf: GGUFFile) -> [String] {
        do {
            let model = try GGUFModel(gguf)
            if model.architecture.decoderFamily != nil {
                _ = try DecoderDescription(gguf: gguf)
            } else {
                _ = try EncoderDescription(gguf: gguf)
            }
            return model.unknownNames.map { "tensor \($0) is not part of \(model.architecture.rawValue)" }
        } catch {
            return ["\(error)"]
        }
    }
}

extension ModelInspection.Facts {
    /// What the metadata of a GGUF file says; what it does not say, or says wrongly, is left out.
    init(gguf: GGUFFile) {
        self.init()
        guard let name = try? gguf.string("general.architecture") else { return }
        architecture = name
        contextLength = try? gguf.integer("\(name).context_length")
        layerCount = (try? gguf.integer("\(name).block_count")).flatMap { (0...1024).contains($0) ? $0 : nil }
        if name == GGUFArchitecture.bert.rawValue { pooling = try? EncoderDescription(gguf: gguf).pooling }
        if let kind = try? gguf.string("tokenizer.ggml.model") {
            let names = ["gpt2": "byte-level BPE", "llama": "SentencePiece BPE", "bert": "WordPiece", "t5": "Unigram"]
            tokenizer = "\(names[kind] ?? kind), in the file"
        } else {
            warnings.append("there is no tokenizer in the file")
        }
    }

    /// What `config.json` and the files of a tokenizer say.
    init(folder: String) {
        self.init()
        tokenizer = Self.tokenizer(in: folder)
        if tokenizer == nil { warnings.append("there is no tokenizer.json, tokenizer.model or vocab.txt") }
        guard ModelTensors.exists("\(folder)/config.json") else {
            warnings.append("there is no config.json")
            return
        }
        do {
            let fields = try ConfigurationFields(path: "\(folder)/config.json")
            architecture = try fields.strings("architectures")?.first ?? fields.string("model_type")
            contextLength = try Self.first(fields, ["max_position_embeddings", "n_positions"], max: 1 << 24)
            layerCount = try Self.first(fields, ["num_hidden_layers", "n_layer", "n_layers"], max: 1024)
            if DecoderFamily.allCases.contains(where: { $0.architecture == architecture }) {
                _ = try DecoderDescription(directory: folder)
            } else if try EncoderDescription.describes(path: "\(folder)/config.json") {
                pooling = try EncoderDescription(directory: folder).pooling
            }
        } catch {
            warnings.append("\(error)")
        }
    }

    private static func first(
        _ fields: ConfigurationFields, _ names: [String], max: Int
    ) throws(ModelFileError) -> Int? {
        for name in names { if let size = try fields.optionalSize(name, max: max) { return size } }
        return nil
    }

    private static func tokenizer(in folder: String) -> String? {
        struct File: Decodable {
            struct Model: Decodable {
                let type: String?
            }

            let model: Model?
        }
        let json = "\(folder)/tokenizer.json"
        if ModelTensors.exists(json) {
            let file = try? JSONFile.decode(File.self, path: json)
            return "\(file?.model?.type ?? "unknown kind"), tokenizer.json"
        }
        if ModelTensors.exists("\(folder)/tokenizer.model") { return "SentencePiece, tokenizer.model" }
        return ModelTensors.exists("\(folder)/vocab.txt") ? "WordPiece, vocab.txt" : nil
    }
}

extension ONNXElementType {
    /// As safetensors calls it.
    fileprivate var name: String {
        switch self {
        case .float: "F32"
        case .uint8: "U8"
        case .int8: "I8"
        case .uint16: "U16"
        case .int16: "I16"
        case .int32: "I32"
        case .int64: "I64"
        case .bool: "BOOL"
        case .float16: "F16"
        case .double: "F64"
        case .uint32: "U32"
        case .uint64: "U64"
        case .bfloat16: "BF16"
        }
    }
}
