package import Engine
package import Messages
import Routing
import Tenancy
import TextModels
import Tokenizers
package import Vocabulary

/// `tei.v1`: what clients of text-embeddings-inference call, answered by an encoder.
///
/// A call names no model in its requests; which one it is has been found out before, see `ImpliedModels`. An
/// `authorization` in the metadata, by which that server knows its callers, means nothing here: the certificate does.
package struct EmbeddingsInferenceService: Sendable {
    private let engine: Engine
    private let clock: any MonotonicClock
    private let serverVersion: String

    package init(engine: Engine, clock: any MonotonicClock, serverVersion: String) {
        self.engine = engine
        self.clock = clock
        self.serverVersion = serverVersion
    }

    /// Describes the model of the call.
    ///
    /// - Throws: NOT_FOUND; FAILED_PRECONDITION for a model that is no encoder.
    package func info(_ request: TEIInfoRequest, _ call: CallContext) async throws(ServingError) -> TEIInfoResponse {
        let terms = try await engine.encoderTerms(of: try Self.model(of: call), for: call.tenant)
        return TEIInfoResponse(
            version: serverVersion, modelId: terms.name.name, modelSha: terms.version.description,
            modelDtype: terms.weightType, modelType: .embedding,
            maxConcurrentRequests: UInt32(clamping: terms.queueCapacity),
            maxInputLength: UInt32(clamping: terms.lengthMax),
            maxBatchTokens: UInt32(clamping: terms.batchTokenCountMax), maxClientBatchSize: 1,
            tokenizationWorkers: UInt32(clamping: terms.threadCount))
    }

    /// Turns a text into one vector.
    ///
    /// - Parameters:
    ///   - request: the text.
    ///   - call: who asks.
    ///   - waitsForPlace: whether it waits while the queue is full, as requests of a stream do.
    /// - Returns: the vector, and what it took.
    /// - Throws: as `Engine.encode`; INVALID_ARGUMENT for more dimensions than there are.
    package func embed(
        _ request: TEIEmbedRequest, _ call: CallContext, waitsForPlace: Bool = false
    ) async throws(ServingError) -> TEIEmbedResponse {
        if request.dimensions == 0 {
            throw ServingError(.invalidArgument, "dimensions: expected at least 1, got 0", label: "bad_dimensions")
        }
        var text = TextToEncode(request.inputs)
        text.promptName = request.promptName
        text.truncation = try Self.truncation(request.truncate, request.truncationDirection)
        text.waitsForPlace = waitsForPlace
        let (encoded, metadata) = try await encode(text, call)
        var vector = encoded.values
        if let dimensions = request.dimensions {
            guard dimensions <= vector.count else {
                throw ServingError(
                    .invalidArgument, "dimensions: expected at most \(vector.count), got \(dimensions)",
                    label: "bad_dimensions")
            }
            vector = Array(vector.prefix(Int(dimensions)))
        }
        return TEIEmbedResponse(
            embeddings: request.normalize ?? true ? normalized(vector) : vector, metadata: metadata)
    }

    /// Turns each token of a text into a vector.
    ///
    /// - Throws: as `embed`.
    package func embedAll(
        _ request: TEIEmbedAllRequest, _ call: CallContext, waitsForPlace: Bool = false
    ) async throws(ServingError) -> TEIEmbedAllResponse {
        var text = TextToEncode(request.inputs)
        text.promptName = request.promptName
        text.truncation = try Self.truncation(request.truncate, request.truncationDirection)
        text.output = .tokens
        text.waitsForPlace = waitsForPlace
        let (encoded, metadata) = try await encode(text, call)
        let size = max(1, encoded.vectorSize)
        return TEIEmbedAllResponse(
            tokenEmbeddings: stride(from: 0, to: encoded.values.count, by: size).map {
                TEITokenEmbedding(embeddings: Array(encoded.values[$0..<$0 + size]))
            }, metadata: metadata)
    }

    /// How large answers of `embedAll` are.
    struct AnswerSizes: Sendable {
        /// Most tokens of a text, and numbers in the vector of each.
        let lengthMax: Int
        let vectorSize: Int

        /// The most that an answer has: no text has more tokens than bytes, but for those that stand around it.
        func byteCount(_ request: TEIEmbedAllRequest) -> Int {
            let promptByteCount = 1024
            return min(lengthMax, request.inputs.utf8.count + promptByteCount) * vectorSize * MemoryLayout<Float>.stride
        }
    }

    /// - Throws: as `info`.
    func answerSizes(for call: CallContext) async throws(ServingError) -> AnswerSizes {
        let terms = try await engine.encoderTerms(of: try Self.model(of: call), for: call.tenant)
        return AnswerSizes(lengthMax: terms.lengthMax, vectorSize: terms.vectorSize)
    }

    /// Cuts a text into tokens.
    ///
    /// - Throws: NOT_FOUND; FAILED_PRECONDITION; INVALID_ARGUMENT naming the field.
    package func tokenize(
        _ request: TEIEncodeRequest, _ call: CallContext
    ) async throws(ServingError) -> TEIEncodeResponse {
        let pieces = try await engine.tokenize(
            try Self.model(of: call), request.inputs, promptName: request.promptName,
            addsSpecialTokens: request.addSpecialTokens, for: call.tenant)
        return TEIEncodeResponse(
            tokens: pieces.map { piece in
                TEISimpleToken(
                    id: UInt32(bitPattern: piece.token), text: piece.text, special: piece.range == nil,
                    start: (piece.range?.lowerBound).map { UInt32(clamping: $0) },
                    stop: (piece.range?.upperBound).map { UInt32(clamping: $0) })
            })
    }

    /// Writes the text of tokens.
    ///
    /// - Throws: as `tokenize`.
    package func decode(
        _ request: TEIDecodeRequest, _ call: CallContext
    ) async throws(ServingError) -> TEIDecodeResponse {
        guard request.ids.count <= Engine.detokenizedCountMax else {
            throw ServingError(
                .invalidArgument, "ids: expected at most \(Engine.detokenizedCountMax), got \(request.ids.count)",
                label: "too_many_tokens")
        }
        let text = try await engine.detokenize(
            try Self.model(of: call), request.ids.map(Int32.init(wire:)),
            keepsSpecialTokens: !request.skipSpecialTokens, for: call.tenant)
        return TEIDecodeResponse(text: text)
    }

    /// The answer where that server would need a model that gives a weight to each entry of its vocabulary.
    static let noSparseModel = ServingError(
        .unimplemented, "no model here has sparse embeddings; Embed gives a vector of a text, EmbedAll of each token",
        label: "no_sparse_model")
    /// The answers where that server would need another kind of model, with the codes that it has for them.
    static let noClassifier = ServingError(
        .failedPrecondition, "Model is not a classifier model", label: "no_classifier")
    static let noReranker = ServingError(
        .failedPrecondition, "model is not a re-ranker model", label: "no_reranker")

    private func encode(
        _ text: TextToEncode, _ call: CallContext
    ) async throws(ServingError) -> (EncodedText, TEIMetadata) {
        let start = clock.now()
        let tally = UsageTally()
        call.begin(tally)
        defer {
            // What it reserved, and no more: other requests of the same stream have reserved as well.
            call.meter?.end(
                tally, settling: MeteredAmounts(tokens: UInt64(clamping: tally.reservedTokenCount)))
        }
        let encoded = try await engine.encode(
            try Self.model(of: call), text, deadline: call.deadline, share: call.share, tally: tally
        ) { (tokenCount) throws(ServingError) in try call.reserve(tokens: tokenCount) }
        let metadata = TEIMetadata(
            computeChars: UInt32(clamping: text.text.unicodeScalars.count),
            computeTokens: UInt32(clamping: encoded.usage.promptTokenCount),
            totalTimeNs: clock.now().nanoseconds(since: start), tokenizationTimeNs: encoded.tokenizationNanoseconds,
            queueTimeNs: encoded.usage.queueNanoseconds, inferenceTimeNs: encoded.executionNanoseconds)
        return (encoded, metadata)
    }

    private static func model(of call: CallContext) throws(ServingError) -> ModelSelector {
        guard let model = call.impliedModel else {
            throw ServingError(.internal, "a call of tei.v1 came without its model")
        }
        return model
    }

    private static func truncation(
        _ truncates: Bool, _ direction: TEITruncationDirection
    ) throws(ServingError) -> Truncation? {
        switch direction {
        case .right: return truncates ? .end : nil
        case .left: return truncates ? .beginning : nil
        case .unrecognized(let value):
            throw ServingError(.invalidArgument, "truncation_direction: expected 0 or 1, got \(value)")
        }
    }
}

extension TEIInfoRequest: ModellessRequest {}
extension TEIEmbedRequest: ModellessRequest {}
extension TEIEmbedAllRequest: ModellessRequest {}
extension TEIEncodeRequest: ModellessRequest {}
extension TEIDecodeRequest: ModellessRequest {}
