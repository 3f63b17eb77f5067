import Compute
import ModelFiles
import Models
package import Routing
import Scheduling
package import TextModels
package import Tokenizers
package import Vocabulary

/// A text that an encoder is to read by itself, and how.
package struct TextToEncode: Sendable {
    package var text: String
    /// Which of the model's prompts stands in front of it; nil for none.
    package var promptName: String?
    /// What it loses when it is too long; nil when it is refused then.
    package var truncation: Truncation?
    package var output = EncoderOutput.vector
    /// Whether it waits for a place while the model's queue is full, instead of being refused.
    package var waitsForPlace = false

    package init(_ text: String) { self.text = text }
}

/// What an encoder has made of a text.
package struct EncodedText: Sendable {
    /// One vector behind the other, as the model gives them: that of the text, or those of its tokens.
    package let values: [Float]
    /// Numbers in a vector.
    package let vectorSize: Int
    /// Its share of the execution that it was in, as tenants pay for it.
    package let usage: Usage
    /// That execution as a whole.
    package let executionNanoseconds: UInt64
    package let tokenizationNanoseconds: UInt64
    /// Of the model.
    package let version: ModelVersion
}

/// What there is to know about an encoder beside its description.
package struct EncoderTerms: Sendable {
    package let name: ModelName
    package let version: ModelVersion
    /// Most tokens of a text.
    package let lengthMax: Int
    /// Most tokens of an execution.
    package let batchTokenCountMax: Int
    package let queueCapacity: Int
    /// As tensors' types are called: `float32`, `bfloat16`, `int8`, `int4`.
    package let weightType: String
    package let threadCount: Int
    /// Numbers in a vector.
    package let vectorSize: Int
}

extension Engine {
    /// Texts with fewer bytes are cut on the caller's thread, which may be an event loop.
    private static let inlineByteCountMax = 2048

    /// Lets an encoder read one text.
    ///
    /// - Parameters:
    ///   - selector: the model, and a version unless the latest will do.
    ///   - request: the text; errors call it `inputs`.
    ///   - deadline: once it has passed, it is not computed any more.
    ///   - share: whose text it is.
    ///   - tally: says what it costs, also before the answer and of a text that fails.
    ///   - reserve: is asked for its tokens before it waits.
    /// - Returns: what `output` asks for.
    /// - Throws: NOT_FOUND; FAILED_PRECONDITION for a model that is no encoder; INVALID_ARGUMENT saying what is wrong
    ///   with the text or its prompt; RESOURCE_EXHAUSTED when the queue is full, or `reserve` refuses;
    ///   DEADLINE_EXCEEDED; CANCELLED; UNAVAILABLE at shutdown.
    package func encode(
        _ selector: ModelSelector, _ request: TextToEncode, deadline: Deadline = .never,
        share: TenantShare = TenantShare(), tally: UsageTally? = nil, reserve: TokenReservation = { _ in }
    ) async throws(ServingError) -> EncodedText {
        try await holding(selector, for: share.tenant) { (loaded) throws(ServingError) in
            let start = clock.now()
            let tokens = try await Self.beside(request.text.utf8.count > Self.inlineByteCountMax, in: loaded) {
                (pipeline) throws(ServingError) in
                try pipeline.tokens(
                    of: pipeline.prompted(request.text, by: request.promptName), field: "inputs",
                    truncation: request.truncation)
            }
            let arrival = clock.now()
            try reserve(tokens.count)
            let pending = PendingInference(
                ticket: newTicket(), input: EncoderModel.input(tokens, output: request.output),
                sampleCount: tokens.count, key: .any, deadline: deadline, share: share, arrival: arrival)
            let usage: @Sendable () -> Usage = { [clock] in
                var usage = Usage()
                usage.add(textOf: pending.sampleCount, in: pending.usage(at: clock.now()))
                return usage
            }
            tally?.begin(by: loaded.description.version, reservedTokenCount: tokens.count, usage)
            guard !Task.isCancelled else { throw .cancelledByCaller }
            if request.waitsForPlace {
                try await loaded.enterQueueWhenFree(share)
            } else {
                try loaded.enterQueue(share)
            }
            let answer = try await answer(to: pending, by: loaded)
            loaded.count { $0.promptTokenCount += UInt64(tokens.count) }
            let tensor = answer.output.tensors[0].tensor
            return EncodedText(
                values: tensor.array(of: Float.self), vectorSize: tensor.shape.last ?? 0, usage: usage(),
                executionNanoseconds: answer.usage.computeNanoseconds,
                tokenizationNanoseconds: arrival.nanoseconds(since: start), version: answer.version)
        }
    }

    /// The tokens of a text, as an encoder's tokenizer cuts it.
    ///
    /// - Parameters:
    ///   - selector: the model.
    ///   - text: of any length.
    ///   - promptName: which of the model's prompts stands in front of it; nil for none.
    ///   - addsSpecialTokens: whether with what the tokenizer puts around a text.
    ///   - tenant: who asks.
    /// - Returns: the tokens in their order, with their places in the text behind its prompt, and in the prompt.
    /// - Throws: NOT_FOUND; FAILED_PRECONDITION; INVALID_ARGUMENT, as `encode`.
    package func tokenize(
        _ selector: ModelSelector, _ text: String, promptName: String? = nil, addsSpecialTokens: Bool,
        for tenant: TenantID? = nil
    ) async throws(ServingError) -> [TokenPiece] {
        try await holding(selector, for: tenant) { (loaded) throws(ServingError) in
            try await Self.beside(text.utf8.count > Self.inlineByteCountMax, in: loaded) {
                (pipeline) throws(ServingError) in
                let text = try pipeline.prompted(text, by: promptName)
                return try pipeline.pieces(of: text, field: "inputs", addsSpecialTokens: addsSpecialTokens)
            }
        }
    }

    /// The most tokens that are turned back into a text at a time: more than any model reads.
    package static let detokenizedCountMax = 262_144
    /// Fewer tokens are looked up on the caller's thread, which may be an event loop.
    private static let inlineTokenCountMax = 2048

    /// The text of tokens of an encoder.
    ///
    /// - Throws: NOT_FOUND; FAILED_PRECONDITION; INVALID_ARGUMENT for a token that its vocabulary does not have.
    package func detokenize(
        _ selector: ModelSelector, _ tokens: [Int32], keepsSpecialTokens: Bool, for tenant: TenantID? = nil
    ) async throws(ServingError) -> String {
        try await holding(selector, for: tenant) { (loaded) throws(ServingError) in
            let isLong = tokens.count >= Self.inlineTokenCountMax
            return try await Self.beside(isLong, in: loaded) { (pipeline) throws(ServingError) in
                try pipeline.tokenizer.text(of: tokens, keepsSpecialTokens: keepsSpecialTokens)
            }
        }
    }

    /// What there is to know about an encoder.
    ///
    /// - Throws: NOT_FOUND; FAILED_PRECONDITION for a model that is none.
    package func encoderTerms(
        of selector: ModelSelector, for tenant: TenantID? = nil
    ) async throws(ServingError) -> EncoderTerms {
        let threadCount = configuration.threadCount
        return try await holding(selector, for: tenant) { (loaded) throws(ServingError) in
            let (pipeline, limits) = try loaded.encoder()
            let description = loaded.description
            return EncoderTerms(
                name: description.name, version: description.version, lengthMax: pipeline.model.encoder.lengthMax,
                batchTokenCountMax: limits.batchSizeMax, queueCapacity: limits.queueCapacity,
                weightType: "\(pipeline.model.weightFormat)", threadCount: threadCount,
                vectorSize: pipeline.model.encoder.hiddenSize)
        }
    }

    /// Does what takes as long as a text is: on another thread, unless it is short.
    private static func beside<Value: Sendable>(
        _ isLong: Bool, in loaded: LoadedModel,
        _ body: @escaping @Sendable (EncoderPipeline) throws(ServingError) -> Value
    ) async throws(ServingError) -> Value {
        // Of the model, only what does not change is read here.
        nonisolated(unsafe) let pipeline = try loaded.encoder().pipeline
        guard isLong else { return try body(pipeline) }
        return try await Task.detached {
            Result { () throws(ServingError) in try body(pipeline) }
        }.value.get()
    }
}

extension Tokenizer {
    /// The text of tokens that a caller names.
    ///
    /// - Throws: INVALID_ARGUMENT for a token that the vocabulary does not have.
    fileprivate func text(of tokens: [Int32], keepsSpecialTokens: Bool) throws(ServingError) -> String {
        if let index = tokens.firstIndex(where: { $0 < 0 || Int($0) >= vocabularySize }) {
            throw ServingError(
                .invalidArgument, "ids[\(index)]: expected a token in 0..<\(vocabularySize), got \(tokens[index])")
        }
        return decode(tokens, keepsSpecialTokens: keepsSpecialTokens)
    }
}
