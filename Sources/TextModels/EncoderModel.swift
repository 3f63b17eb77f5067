package import Compute
package import ModelFiles
package import Models
package import Vocabulary

/// What an encoder gives for a text.
package enum EncoderOutput: Sendable {
    /// One vector that stands for it: FP32 `[hiddenSize]`.
    case vector
    /// The final hidden state of each of its tokens: FP32 `[tokenCount, hiddenSize]`.
    case tokens
}

/// An encoder of the BERT family that turns the tokens of a text into one vector.
///
/// A sample of a batch is a token: texts share an execution up to a budget of tokens, and nothing is padded.
///
/// - Isolation: loading on any thread; computing on the engine thread only.
package final class EncoderModel: BatchModel {
    package let description: ModelDescription
    package let encoder: EncoderDescription
    let weights: EncoderWeights
    private let workspace = Workspace()
    /// One for each thread that computes groups of texts.
    private var lanes: [Lane] = []

    /// The one input: INT32 `[tokenCount]`, the ids of a text with what the tokenizer puts around it.
    package static let inputName = "input_ids"
    /// The output of a request that names none: FP32 `[hiddenSize]`, not scaled to any length.
    package static let outputName = "embedding"
    /// The output for whoever wants tokens instead: FP32 `[tokenCount, hiddenSize]`.
    package static let tokensOutputName = "token_embeddings"

    /// Most tokens of an execution, unless one text is longer: so many that the products run at full speed, and so few
    /// that what they read stays in the caches and a request that comes does not wait long.
    package static let batchTokenCountMax = 1024

    /// Tokens of a group of texts that one thread takes through all layers: with more, their numbers leave the cache of
    /// a core; with fewer, the products read the weights too often to run at full speed.
    private static let groupTokenCounts = 128...256
    /// Groups for a thread, so that one that the system runs late does not keep the others waiting for long.
    private static let groupsPerThread = 2

    /// Loads the model in `directory`: `config.json`, what sentence-transformers keeps beside it, and the weights in
    /// `model.safetensors` or in shards; or one GGUF file that holds all of it.
    ///
    /// - Parameters:
    ///   - directory: of the files.
    ///   - name: what it is called.
    ///   - version: of the files.
    ///   - contextLength: most tokens of a text; nil for what the files say.
    ///   - format: how the weights of its linear layers are stored; nil for the file's own, see `EncoderWeights`.
    ///   - progress: is told after each layer and table, on the calling thread.
    /// - Throws: `ModelFileError` naming file and field or tensor.
    package convenience init(
        directory: String, name: ModelName, version: ModelVersion, contextLength: Int? = nil,
        format: WeightFormat? = .float32, progress: (LoadProgress) -> Void = { _ in }
    ) throws(ModelFileError) {
        let file = try ModelTensors.open(path: directory)
        let encoder: EncoderDescription
        let tensors: any TensorFile
        if let gguf = file as? GGUFFile {
            encoder = try EncoderDescription(gguf: gguf, contextLength: contextLength)
            tensors = try GGUFModel(gguf)
        } else {
            encoder = try EncoderDescription(directory: directory, contextLength: contextLength)
            tensors = file
        }
        self.init(
            encoder, weights: try EncoderWeights(tensors, encoder, format: format, progress: progress), name: name,
            version: version)
    }

    /// A model of weights that were loaded already; several may share them.
    package init(_ encoder: EncoderDescription, weights: EncoderWeights, name: ModelName, version: ModelVersion) {
        self.encoder = encoder
        self.weights = weights
        description = ModelDescription(
            name: name, version: version, modality: .text, platform: "apus_text",
            inputs: [TensorDescription("text_input", .bytes, shape: [-1])],
            outputs: [TensorDescription(Self.outputName, .float32, shape: [-1, encoder.hiddenSize])],
            batchSizeMax: 0)
    }

    /// How its matrices are kept, those that decide the size.
    package var weightFormat: WeightFormat { weights.layers.first?.down.matrix.format ?? .float32 }

    /// Bytes of the packed matrices and of the tables of tokens and positions.
    package var weightByteCount: Int { weights.byteCount }

    /// Most tokens of an execution.
    package var tokenBudget: Int { max(Self.batchTokenCountMax, encoder.lengthMax) }

    /// The input that asks for the vector of the text of these tokens.
    package static func input(_ tokens: [Int32]) -> InferenceInput { input(tokens, output: .vector) }

    /// The input that stands for the text of these tokens.
    package static func input(_ tokens: [Int32], output: EncoderOutput) -> InferenceInput {
        let data = tokens.withUnsafeBytes { Bytes(copying: $0) }
        guard let tensor = try? Tensor(.int32, shape: [tokens.count], data: data) else {
            preconditionFailure("\(data.count) bytes of \(tokens.count) tokens")
        }
        return InferenceInput(
            tensors: [NamedTensor(inputName, tensor)],
            requestedOutputs: output == .tokens ? [tokensOutputName] : [])
    }

    /// Runs one token through the weights.
    package func warmUp(on gang: ComputeGang) throws { _ = try vectors(of: [[0]], on: gang) }

    /// Checks the tokens of a text and counts them.
    ///
    /// - Throws: INVALID_ARGUMENT when there are none or too many, or one is not in the vocabulary.
    package func sampleCount(of input: InferenceInput) throws(ServingError) -> Int {
        guard input.tensors.count == 1, let tensor = input.tensor(Self.inputName), tensor.dataType == .int32,
            tensor.shape.count == 1
        else {
            throw ServingError(
                .invalidArgument, "expected one input '\(Self.inputName)' INT32 [-1] for model '\(description.name)'")
        }
        let tokens = tensor.array(of: Int32.self)
        guard (1...encoder.lengthMax).contains(tokens.count) else {
            throw ServingError(
                .invalidArgument,
                "\(Self.inputName): expected 1 to \(encoder.lengthMax) tokens for model '\(description.name)', got "
                    + "\(tokens.count)", label: "too_long")
        }
        if let index = tokens.firstIndex(where: { $0 < 0 || Int($0) >= encoder.vocabularySize }) {
            throw ServingError(
                .invalidArgument,
                "\(Self.inputName): expected token ids in 0..<\(encoder.vocabularySize), got \(tokens[index]) at index "
                    + "\(index)")
        }
        return tokens.count
    }

    package func batchKey(of input: InferenceInput) -> BatchKey { .any }

    package func execute(
        _ batch: [InferenceInput], on gang: ComputeGang
    ) -> [Result<InferenceOutput, ServingError>] {
        do {
            let texts = batch.map { $0.tensors[0].tensor.array(of: Int32.self) }
            let outputs = batch.map { input -> EncoderOutput in
                input.requestedOutputs.contains(Self.tokensOutputName) ? .tokens : .vector
            }
            return try zip(outputs, values(of: texts, outputs, on: gang)).map { output, values in
                .success(InferenceOutput(tensors: [try tensor(output, values)]))
            }
        } catch {
            let failure = ServingError(.resourceExhausted, "model '\(description.name)': \(error)")
            return batch.map { _ in .failure(failure) }
        }
    }

    private func tensor(_ output: EncoderOutput, _ values: [Float]) throws -> NamedTensor {
        switch output {
        case .vector: NamedTensor(Self.outputName, try Tensor(values, shape: [values.count]))
        case .tokens:
            NamedTensor(
                Self.tokensOutputName,
                try Tensor(values, shape: [values.count / encoder.hiddenSize, encoder.hiddenSize]))
        }
    }

    /// The vectors of texts given as tokens, each `hiddenSize` numbers.
    ///
    /// - Throws: `ComputeError.outOfMemory`.
    package func vectors(of texts: [[Int32]], on gang: ComputeGang) throws(ComputeError) -> [[Float]] {
        try values(of: texts, Array(repeating: .vector, count: texts.count), on: gang)
    }

    /// What `outputs` asks of each of the texts, given as tokens.
    ///
    /// When there are enough texts, each thread takes groups of them through all layers by itself: what a layer hands
    /// to the next stays in that core's cache, and no thread waits for another before the end. Otherwise the threads
    /// share each step. The bits are the same.
    ///
    /// - Throws: `ComputeError.outOfMemory`.
    private func values(
        of texts: [[Int32]], _ outputs: [EncoderOutput], on gang: ComputeGang
    ) throws(ComputeError) -> [[Float]] {
        let share = texts.reduce(0) { $0 + $1.count } / (gang.threadCount * Self.groupsPerThread)
        guard share >= Self.groupTokenCounts.lowerBound else {
            return try EncoderPass(encoder, weights, texts: texts, workspace, gang).run(outputs)
        }
        let groups = Self.groups(of: texts, tokenCount: min(share, Self.groupTokenCounts.upperBound))
        if lanes.count < gang.threadCount || lanes[0].gang.kernels.tier != gang.kernels.tier {
            lanes = (0..<gang.threadCount).map { _ in Lane(kernels: gang.kernels) }
        }
        var results = [Result<[[Float]], ComputeError>](repeating: .success([]), count: groups.count)
        results.withUnsafeMutableBufferPointer { buffer in
            // Each group has a place of its own, and each thread a lane.
            let (places, lanes) = (buffer, lanes)
            gang.parallelFor(
                count: groups.count,
                perThread: { range, thread in
                    for index in range {
                        let group = groups[index]
                        places[index] = lanes[thread].run(Array(texts[group]), Array(outputs[group]), of: self)
                    }
                })
        }
        var values: [[Float]] = []
        for result in results { values += try result.get() }
        return values
    }

    /// Cuts texts into groups of neighbours, of at least `tokenCount` tokens each but for the last.
    private static func groups(of texts: [[Int32]], tokenCount: Int) -> [Range<Int>] {
        var groups: [Range<Int>] = []
        var (start, sum) = (0, 0)
        for (index, tokens) in texts.enumerated() {
            sum += tokens.count
            guard sum >= tokenCount || index + 1 == texts.count else { continue }
            groups.append(start..<index + 1)
            (start, sum) = (index + 1, 0)
        }
        return groups
    }
}

/// What one thread needs to compute by itself; used by one thread at a time.
private final class Lane {
    let gang: ComputeGang
    private let workspace = Workspace()

    init(kernels: Kernels) { gang = ComputeGang(threadCount: 1, kernels: kernels) }

    func run(
        _ texts: [[Int32]], _ outputs: [EncoderOutput], of model: EncoderModel
    ) -> Result<[[Float]], ComputeError> {
        Result { () throws(ComputeError) in
            try EncoderPass(model.encoder, model.weights, texts: texts, workspace, gang).run(outputs)
        }
    }
}
