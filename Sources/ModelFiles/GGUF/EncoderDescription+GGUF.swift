extension EncoderDescription {
    /// Reads what the metadata of a GGUF file says about its encoder.
    ///
    /// Read the tensors through `GGUFModel`, and the rest is as after `config.json` of a BERT. RoBERTa and DistilBERT
    /// are written as BERT: without the rows of positions that no token takes, and without token types. Where the file
    /// says nothing about pooling, the vector is the mean, as without the files of sentence-transformers; what these
    /// say about the longest text is in no key.
    ///
    /// - Parameters:
    ///   - gguf: the file; of its tables only the shapes are looked at.
    ///   - contextLength: most tokens of a text; nil for what the file says.
    /// - Throws: `ModelFileError` naming the key or tensor, also of anything that would change the result and is not
    ///   computed here.
    /// - Source: the converter published with llama.cpp, and `gguf/constants.py` of the Python package `gguf`.
    package init(gguf: GGUFFile, contextLength: Int? = nil) throws(ModelFileError) {
        let fields = try GGUFFields(gguf)
        guard fields.architecture == .bert else {
            throw gguf.keyError(
                "general.architecture",
                "\"\(fields.architecture.rawValue)\" makes no vectors of texts, expected \"bert\"")
        }
        let reader = GGUFEncoderReader(fields: fields)
        family = .bert
        hiddenSize = try fields.size("embedding_length", max: Limit.hidden)
        layerCount = try fields.size("block_count", max: Limit.layers)
        intermediateSize = try fields.size("feed_forward_length", max: Limit.intermediate)
        headCount = try reader.headCount(hiddenSize: hiddenSize)
        vocabularySize = try reader.rowCount("token_embd.weight", max: Limit.vocabulary)
        positionCount = try reader.rowCount("position_embd.weight", max: Limit.positions)
        firstPosition = 0
        let types = "token_types.weight"
        tokenTypeCount = gguf[types] == nil ? 0 : try reader.rowCount(types, max: Limit.tokenTypes)
        epsilon = try reader.epsilon()
        // No key says which; the converter knows models with this one only.
        activation = .gelu
        lengthMax = min(try fields.size("context_length", max: Limit.positions), positionCount, contextLength ?? .max)
        pooling = try reader.pooling()
        try reader.refuseCausal()
        lowercases = false
    }
}

/// Reads and checks the keys of an encoder.
private struct GGUFEncoderReader {
    let fields: GGUFFields

    /// The rows of a table; of its columns the reader of the weights takes care.
    func rowCount(_ name: String, max: Int) throws(ModelFileError) -> Int {
        guard let shape = fields.gguf[name]?.shape else { throw fields.gguf.error(name, "is missing") }
        guard shape.count == 2, (1...max).contains(shape[0]) else {
            throw fields.gguf.error(name, "expected 1...\(max) rows, got \(shape)")
        }
        return shape[0]
    }

    func headCount(hiddenSize: Int) throws(ModelFileError) -> Int {
        let count = try fields.size("attention.head_count", max: hiddenSize)
        guard hiddenSize % count == 0 else {
            throw fields.error("attention.head_count", "\(count) does not divide embedding_length \(hiddenSize)")
        }
        let usual = [
            ("attention.head_count_kv", count), ("attention.key_length", hiddenSize / count),
            ("attention.value_length", hiddenSize / count),
        ]
        for (name, expected) in usual {
            if let other = try fields.gguf.integer(fields.key(name)), other != expected {
                throw fields.error(name, "expected \(expected), got \(other)")
            }
        }
        return count
    }

    func epsilon() throws(ModelFileError) -> Float {
        let name = "attention.layer_norm_epsilon"
        guard let epsilon = try fields.positiveNumber(name) else { throw fields.error(name, "is missing") }
        guard epsilon < 1 else { throw fields.error(name, "expected less than 1, got \(epsilon)") }
        return Float(epsilon)
    }

    /// How the hidden states become one vector: by the numbers that llama.cpp gives the kinds.
    func pooling() throws(ModelFileError) -> EncoderDescription.Pooling {
        switch try fields.gguf.integer(fields.key("pooling_type")) {
        case nil, 1?: return .mean
        case 2?: return .firstToken
        case let other?:
            let names = ["none", "mean", "first token", "last token", "rank"]
            let name = names.indices.contains(other) ? " (\(names[other]))" : ""
            throw fields.error("pooling_type", "expected 1 (mean) or 2 (first token), got \(other)\(name)")
        }
    }

    /// An encoder sees what comes behind a token as well as what stands before it.
    func refuseCausal() throws(ModelFileError) {
        if try fields.gguf.flag(fields.key("attention.causal")) == true {
            throw fields.error("attention.causal", "expected false, got true")
        }
    }
}
