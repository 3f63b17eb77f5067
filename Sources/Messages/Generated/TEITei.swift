// Made by Proto/generate from tei/v1/tei.proto.
// swift-format-ignore-file

/// What there is to know about the model.
package enum TEIInfoMethods {
    /// The full name of the service.
    package static let service = "tei.v1.Info"

    /// Describes the model and its limits.
    package static let info = MethodSignature<TEIInfoRequest, TEIInfoResponse>(
        path: "/tei.v1.Info/Info")
}

/// Vectors that stand for texts.
///
/// INVALID_ARGUMENT for a text that is too long, or a name or number that the model does not have; RESOURCE_EXHAUSTED
/// when the queue of the model is full, except that the requests of a stream wait for a place; FAILED_PRECONDITION for a
/// model that is no encoder.
package enum TEIEmbedMethods {
    /// The full name of the service.
    package static let service = "tei.v1.Embed"

    /// Turns a text into one vector.
    package static let embed = MethodSignature<TEIEmbedRequest, TEIEmbedResponse>(
        path: "/tei.v1.Embed/Embed")

    /// The same for each text of a stream, in their order. The first that fails ends the stream with its status.
    package static let embedStream = MethodSignature<TEIEmbedRequest, TEIEmbedResponse>(
        path: "/tei.v1.Embed/EmbedStream", clientStreams: true, serverStreams: true)

    /// Always UNIMPLEMENTED: no model here gives a weight to each entry of its vocabulary.
    package static let embedSparse = MethodSignature<TEIEmbedSparseRequest, TEIEmbedSparseResponse>(
        path: "/tei.v1.Embed/EmbedSparse")

    /// As EmbedSparse.
    package static let embedSparseStream = MethodSignature<TEIEmbedSparseRequest, TEIEmbedSparseResponse>(
        path: "/tei.v1.Embed/EmbedSparseStream", clientStreams: true, serverStreams: true)

    /// Turns each token of a text into a vector: its final hidden state, of the length that the model gives it.
    package static let embedAll = MethodSignature<TEIEmbedAllRequest, TEIEmbedAllResponse>(
        path: "/tei.v1.Embed/EmbedAll")

    /// The same for each text of a stream, in their order.
    package static let embedAllStream = MethodSignature<TEIEmbedAllRequest, TEIEmbedAllResponse>(
        path: "/tei.v1.Embed/EmbedAllStream", clientStreams: true, serverStreams: true)
}

/// Classes of texts. Always FAILED_PRECONDITION, as for any model that is no classifier.
package enum TEIPredictMethods {
    /// The full name of the service.
    package static let service = "tei.v1.Predict"

    /// Says how likely each class of a text is.
    package static let predict = MethodSignature<TEIPredictRequest, TEIPredictResponse>(
        path: "/tei.v1.Predict/Predict")

    /// Says how likely each class of a pair of texts is.
    package static let predictPair = MethodSignature<TEIPredictPairRequest, TEIPredictResponse>(
        path: "/tei.v1.Predict/PredictPair")

    /// Predict for each text of a stream.
    package static let predictStream = MethodSignature<TEIPredictRequest, TEIPredictResponse>(
        path: "/tei.v1.Predict/PredictStream", clientStreams: true, serverStreams: true)

    /// PredictPair for each pair of a stream.
    package static let predictPairStream = MethodSignature<TEIPredictPairRequest, TEIPredictResponse>(
        path: "/tei.v1.Predict/PredictPairStream", clientStreams: true, serverStreams: true)
}

/// The order of texts by how well they answer a query. Always FAILED_PRECONDITION, as for any model that is no re-ranker.
package enum TEIRerankMethods {
    /// The full name of the service.
    package static let service = "tei.v1.Rerank"

    /// Orders the texts of a request.
    package static let rerank = MethodSignature<TEIRerankRequest, TEIRerankResponse>(
        path: "/tei.v1.Rerank/Rerank")

    /// Orders the texts of a stream.
    package static let rerankStream = MethodSignature<TEIRerankStreamRequest, TEIRerankResponse>(
        path: "/tei.v1.Rerank/RerankStream", clientStreams: true)
}

/// Texts to tokens and back.
package enum TEITokenizeMethods {
    /// The full name of the service.
    package static let service = "tei.v1.Tokenize"

    /// Cuts a text into the tokens of the model.
    package static let tokenize = MethodSignature<TEIEncodeRequest, TEIEncodeResponse>(
        path: "/tei.v1.Tokenize/Tokenize")

    /// The same for each text of a stream, in their order.
    package static let tokenizeStream = MethodSignature<TEIEncodeRequest, TEIEncodeResponse>(
        path: "/tei.v1.Tokenize/TokenizeStream", clientStreams: true, serverStreams: true)

    /// Writes the text of tokens.
    package static let decode = MethodSignature<TEIDecodeRequest, TEIDecodeResponse>(
        path: "/tei.v1.Tokenize/Decode")

    /// The same for the tokens of each request of a stream, in their order.
    package static let decodeStream = MethodSignature<TEIDecodeRequest, TEIDecodeResponse>(
        path: "/tei.v1.Tokenize/DecodeStream", clientStreams: true, serverStreams: true)
}

/// What a model does.
package enum TEIModelType: Hashable, Sendable {
    /// It turns texts into vectors: every model that answers here.
    case embedding
    /// It tells classes of texts apart.
    case classifier
    /// It orders texts by how well they answer a query.
    case reranker
    /// A value of a newer schema.
    case unrecognized(Int32)

    /// The value on the wire.
    package var rawValue: Int32 {
        switch self {
        case .embedding: 0
        case .classifier: 1
        case .reranker: 2
        case .unrecognized(let value): value
        }
    }

    /// Any value has a case.
    package init(rawValue: Int32) {
        switch rawValue {
        case 0: self = .embedding
        case 1: self = .classifier
        case 2: self = .reranker
        default: self = .unrecognized(rawValue)
        }
    }
}

/// The side on which a text that is too long loses tokens.
package enum TEITruncationDirection: Hashable, Sendable {
    /// Its end goes.
    case right
    /// Its beginning goes.
    case left
    /// A value of a newer schema.
    case unrecognized(Int32)

    /// The value on the wire.
    package var rawValue: Int32 {
        switch self {
        case .right: 0
        case .left: 1
        case .unrecognized(let value): value
        }
    }

    /// Any value has a case.
    package init(rawValue: Int32) {
        switch rawValue {
        case 0: self = .right
        case 1: self = .left
        default: self = .unrecognized(rawValue)
        }
    }
}

/// Asks about the model.
package struct TEIInfoRequest: Message {
    package init() {}
}

/// What there is to know about the model.
package struct TEIInfoResponse: Message {
    /// Of the server.
    package var version: String
    /// Never set.
    package var sha: String?
    /// Never set.
    package var dockerLabel: String?
    /// The name of the model.
    package var modelId: String
    /// The version of the model, a positive integer.
    package var modelSha: String?
    /// How most of its weights are kept: `float32`, `bfloat16`, `int8` or `int4`.
    package var modelDtype: String
    /// Always MODEL_TYPE_EMBEDDING.
    package var modelType: TEIModelType
    /// Texts that may wait for the model.
    package var maxConcurrentRequests: UInt32
    /// Most tokens of a text, with what the tokenizer puts around it.
    package var maxInputLength: UInt32
    /// Most tokens of all texts that share an execution.
    package var maxBatchTokens: UInt32
    /// Never set: texts share an execution up to a number of tokens.
    package var maxBatchRequests: UInt32?
    /// Texts in one request: 1.
    package var maxClientBatchSize: UInt32
    /// Threads that cut texts into tokens.
    package var tokenizationWorkers: UInt32

    package init(
        version: String = "",
        sha: String? = nil,
        dockerLabel: String? = nil,
        modelId: String = "",
        modelSha: String? = nil,
        modelDtype: String = "",
        modelType: TEIModelType = .embedding,
        maxConcurrentRequests: UInt32 = 0,
        maxInputLength: UInt32 = 0,
        maxBatchTokens: UInt32 = 0,
        maxBatchRequests: UInt32? = nil,
        maxClientBatchSize: UInt32 = 0,
        tokenizationWorkers: UInt32 = 0
    ) {
        self.version = version
        self.sha = sha
        self.dockerLabel = dockerLabel
        self.modelId = modelId
        self.modelSha = modelSha
        self.modelDtype = modelDtype
        self.modelType = modelType
        self.maxConcurrentRequests = maxConcurrentRequests
        self.maxInputLength = maxInputLength
        self.maxBatchTokens = maxBatchTokens
        self.maxBatchRequests = maxBatchRequests
        self.maxClientBatchSize = maxClientBatchSize
        self.tokenizationWorkers = tokenizationWorkers
    }
}

/// What a request used and where its time went.
package struct TEIMetadata: Message {
    /// Characters of the text, as it came.
    package var computeChars: UInt32
    /// Tokens that were computed.
    package var computeTokens: UInt32
    /// From the request to its answer, in nanoseconds, as all times here.
    package var totalTimeNs: UInt64
    /// Cutting the text into tokens.
    package var tokenizationTimeNs: UInt64
    /// Waiting for the model.
    package var queueTimeNs: UInt64
    /// The execution that the text was in, with others.
    package var inferenceTimeNs: UInt64

    package init(
        computeChars: UInt32 = 0,
        computeTokens: UInt32 = 0,
        totalTimeNs: UInt64 = 0,
        tokenizationTimeNs: UInt64 = 0,
        queueTimeNs: UInt64 = 0,
        inferenceTimeNs: UInt64 = 0
    ) {
        self.computeChars = computeChars
        self.computeTokens = computeTokens
        self.totalTimeNs = totalTimeNs
        self.tokenizationTimeNs = tokenizationTimeNs
        self.queueTimeNs = queueTimeNs
        self.inferenceTimeNs = inferenceTimeNs
    }
}

/// Asks for the vector of a text.
package struct TEIEmbedRequest: Message {
    /// The text.
    package var inputs: String
    /// Whether a text that is too long loses tokens, instead of being refused.
    package var truncate: Bool
    /// Whether the vector is scaled to length 1; when absent: yes.
    package var normalize: Bool?
    /// Where it loses them.
    package var truncationDirection: TEITruncationDirection
    /// Which of the prompts of the model's `config_sentence_transformers.json` stands in front of the text; none when
    /// absent.
    package var promptName: String?
    /// How many numbers of the vector are kept, before it is scaled; all when absent. For models that were trained for it.
    package var dimensions: UInt32?

    package init(
        inputs: String = "",
        truncate: Bool = false,
        normalize: Bool? = nil,
        truncationDirection: TEITruncationDirection = .right,
        promptName: String? = nil,
        dimensions: UInt32? = nil
    ) {
        self.inputs = inputs
        self.truncate = truncate
        self.normalize = normalize
        self.truncationDirection = truncationDirection
        self.promptName = promptName
        self.dimensions = dimensions
    }
}

/// The vector of a text.
package struct TEIEmbedResponse: Message {
    /// As many numbers as the model gives, or `dimensions`.
    package var embeddings: [Float]
    /// What it used.
    package var metadata: TEIMetadata?

    package init(embeddings: [Float] = [], metadata: TEIMetadata? = nil) {
        self.embeddings = embeddings
        self.metadata = metadata
    }
}

/// Asks for the weights of a text's words.
package struct TEIEmbedSparseRequest: Message {
    /// The text.
    package var inputs: String
    /// As in EmbedRequest.
    package var truncate: Bool
    /// As in EmbedRequest.
    package var truncationDirection: TEITruncationDirection
    /// As in EmbedRequest.
    package var promptName: String?

    package init(
        inputs: String = "",
        truncate: Bool = false,
        truncationDirection: TEITruncationDirection = .right,
        promptName: String? = nil
    ) {
        self.inputs = inputs
        self.truncate = truncate
        self.truncationDirection = truncationDirection
        self.promptName = promptName
    }
}

/// The weight of an entry of the vocabulary.
package struct TEISparseValue: Message {
    /// The entry.
    package var index: UInt32
    /// Its weight.
    package var value: Float

    package init(index: UInt32 = 0, value: Float = 0) {
        self.index = index
        self.value = value
    }
}

/// The weights of a text's words.
package struct TEIEmbedSparseResponse: Message {
    /// Those that are not 0.
    package var sparseEmbeddings: [TEISparseValue]
    /// What it used.
    package var metadata: TEIMetadata?

    package init(sparseEmbeddings: [TEISparseValue] = [], metadata: TEIMetadata? = nil) {
        self.sparseEmbeddings = sparseEmbeddings
        self.metadata = metadata
    }
}

/// Asks for the vectors of a text's tokens.
package struct TEIEmbedAllRequest: Message {
    /// The text.
    package var inputs: String
    /// As in EmbedRequest.
    package var truncate: Bool
    /// As in EmbedRequest.
    package var truncationDirection: TEITruncationDirection
    /// As in EmbedRequest.
    package var promptName: String?

    package init(
        inputs: String = "",
        truncate: Bool = false,
        truncationDirection: TEITruncationDirection = .right,
        promptName: String? = nil
    ) {
        self.inputs = inputs
        self.truncate = truncate
        self.truncationDirection = truncationDirection
        self.promptName = promptName
    }
}

/// The vector of a token.
package struct TEITokenEmbedding: Message {
    /// As many numbers as the model gives.
    package var embeddings: [Float]

    package init(embeddings: [Float] = []) {
        self.embeddings = embeddings
    }
}

/// The vectors of a text's tokens.
package struct TEIEmbedAllResponse: Message {
    /// One for each token, those that the tokenizer puts around a text included.
    package var tokenEmbeddings: [TEITokenEmbedding]
    /// What it used.
    package var metadata: TEIMetadata?

    package init(tokenEmbeddings: [TEITokenEmbedding] = [], metadata: TEIMetadata? = nil) {
        self.tokenEmbeddings = tokenEmbeddings
        self.metadata = metadata
    }
}

/// Asks for the classes of a text.
package struct TEIPredictRequest: Message {
    /// The text.
    package var inputs: String
    /// As in EmbedRequest.
    package var truncate: Bool
    /// Whether the scores are those of the model, instead of probabilities.
    package var rawScores: Bool
    /// As in EmbedRequest.
    package var truncationDirection: TEITruncationDirection

    package init(
        inputs: String = "",
        truncate: Bool = false,
        rawScores: Bool = false,
        truncationDirection: TEITruncationDirection = .right
    ) {
        self.inputs = inputs
        self.truncate = truncate
        self.rawScores = rawScores
        self.truncationDirection = truncationDirection
    }
}

/// Asks for the classes of a pair of texts.
package struct TEIPredictPairRequest: Message {
    /// One text, or two.
    package var inputs: [String]
    /// As in EmbedRequest.
    package var truncate: Bool
    /// As in PredictRequest.
    package var rawScores: Bool
    /// As in EmbedRequest.
    package var truncationDirection: TEITruncationDirection

    package init(
        inputs: [String] = [],
        truncate: Bool = false,
        rawScores: Bool = false,
        truncationDirection: TEITruncationDirection = .right
    ) {
        self.inputs = inputs
        self.truncate = truncate
        self.rawScores = rawScores
        self.truncationDirection = truncationDirection
    }
}

/// A class.
package struct TEIPrediction: Message {
    /// How likely it is.
    package var score: Float
    /// What it is called.
    package var label: String

    package init(score: Float = 0, label: String = "") {
        self.score = score
        self.label = label
    }
}

/// The classes of a text.
package struct TEIPredictResponse: Message {
    /// The likeliest first.
    package var predictions: [TEIPrediction]
    /// What it used.
    package var metadata: TEIMetadata?

    package init(predictions: [TEIPrediction] = [], metadata: TEIMetadata? = nil) {
        self.predictions = predictions
        self.metadata = metadata
    }
}

/// Asks for the order of texts.
package struct TEIRerankRequest: Message {
    /// What they are to answer.
    package var query: String
    /// The texts.
    package var texts: [String]
    /// As in EmbedRequest.
    package var truncate: Bool
    /// As in PredictRequest.
    package var rawScores: Bool
    /// Whether the answer has the texts.
    package var returnText: Bool
    /// As in EmbedRequest.
    package var truncationDirection: TEITruncationDirection

    package init(
        query: String = "",
        texts: [String] = [],
        truncate: Bool = false,
        rawScores: Bool = false,
        returnText: Bool = false,
        truncationDirection: TEITruncationDirection = .right
    ) {
        self.query = query
        self.texts = texts
        self.truncate = truncate
        self.rawScores = rawScores
        self.returnText = returnText
        self.truncationDirection = truncationDirection
    }
}

/// One of the texts to be put into an order.
package struct TEIRerankStreamRequest: Message {
    /// What it is to answer.
    package var query: String
    /// The text.
    package var text: String
    /// As in EmbedRequest.
    package var truncate: Bool
    /// As in PredictRequest; the first request's counts.
    package var rawScores: Bool
    /// Whether the answer has the texts; the first request's counts.
    package var returnText: Bool
    /// As in EmbedRequest.
    package var truncationDirection: TEITruncationDirection

    package init(
        query: String = "",
        text: String = "",
        truncate: Bool = false,
        rawScores: Bool = false,
        returnText: Bool = false,
        truncationDirection: TEITruncationDirection = .right
    ) {
        self.query = query
        self.text = text
        self.truncate = truncate
        self.rawScores = rawScores
        self.returnText = returnText
        self.truncationDirection = truncationDirection
    }
}

/// The place of a text.
package struct TEIRank: Message {
    /// Which of the texts it is, from 0.
    package var index: UInt32
    /// The text, if it was asked for.
    package var text: String?
    /// How well it answers.
    package var score: Float

    package init(index: UInt32 = 0, text: String? = nil, score: Float = 0) {
        self.index = index
        self.text = text
        self.score = score
    }
}

/// The order of texts.
package struct TEIRerankResponse: Message {
    /// The best first.
    package var ranks: [TEIRank]
    /// What it used.
    package var metadata: TEIMetadata?

    package init(ranks: [TEIRank] = [], metadata: TEIMetadata? = nil) {
        self.ranks = ranks
        self.metadata = metadata
    }
}

/// Asks for the tokens of a text.
package struct TEIEncodeRequest: Message {
    /// The text.
    package var inputs: String
    /// Whether to put around it what the tokenizer does for the model.
    package var addSpecialTokens: Bool
    /// As in EmbedRequest.
    package var promptName: String?

    package init(inputs: String = "", addSpecialTokens: Bool = false, promptName: String? = nil) {
        self.inputs = inputs
        self.addSpecialTokens = addSpecialTokens
        self.promptName = promptName
    }
}

/// A token of a text.
package struct TEISimpleToken: Message {
    /// Its number in the vocabulary.
    package var id: UInt32
    /// The part of the text that it came from, as it is written there; of a special token its name.
    package var text: String
    /// Whether the tokenizer has put it around the text. A special token that is written in the text is none of these.
    package var special: Bool
    /// Where that part begins, in bytes of UTF-8 from the beginning of the text, or of the prompt in front of it. Of a token
    /// that is a part of a character, where the character begins. Not set of a special token.
    package var start: UInt32?
    /// Where it ends: the first byte behind it.
    package var stop: UInt32?

    package init(id: UInt32 = 0, text: String = "", special: Bool = false, start: UInt32? = nil, stop: UInt32? = nil) {
        self.id = id
        self.text = text
        self.special = special
        self.start = start
        self.stop = stop
    }
}

/// The tokens of a text.
package struct TEIEncodeResponse: Message {
    /// In the order of the text.
    package var tokens: [TEISimpleToken]

    package init(tokens: [TEISimpleToken] = []) {
        self.tokens = tokens
    }
}

/// Asks for the text of tokens.
package struct TEIDecodeRequest: Message {
    /// Their numbers in the vocabulary.
    package var ids: [UInt32]
    /// Whether to leave special tokens out.
    package var skipSpecialTokens: Bool

    package init(ids: [UInt32] = [], skipSpecialTokens: Bool = false) {
        self.ids = ids
        self.skipSpecialTokens = skipSpecialTokens
    }
}

/// The text of tokens.
package struct TEIDecodeResponse: Message {
    /// What they stand for.
    package var text: String

    package init(text: String = "") {
        self.text = text
    }
}
