import Messages
import Vocabulary

/// A picture for a vision model.
public enum Picture: Hashable, Sendable {
    /// A JPEG or PNG file of any size; the server prepares it as the model wants.
    case encoded([UInt8])
    /// Pixels as the model takes them: channels, height and width as its metadata has them, without the batch.
    case pixels(InferenceTensor)
}

/// What a picture shows.
public struct PictureClasses: Hashable, Sendable {
    /// One thing that a picture may show.
    public struct Candidate: Hashable, Sendable {
        /// Counted from 0 in the model's list of classes.
        public let index: Int
        /// Empty when the model has no names.
        public let label: String
        /// From 0 to 1.
        public let probability: Float
    }

    /// The likeliest classes, likeliest first.
    public let candidates: [Candidate]
    /// Where the time went.
    public let cost: BatchCost
}

/// What a call that ran in a batch cost.
public struct BatchCost: Hashable, Sendable {
    /// Until the model began.
    public let queueTime: Duration
    /// That the model took for the batch.
    public let computeTime: Duration
    /// Calls that ran together, this one included.
    public let batchSize: Int
}

extension ApusClient {
    /// Names what a picture shows.
    ///
    /// Answers with `candidateCountMax` classes, at least 1, or 5; without `version`, by the newest of the model.
    ///
    /// - Throws: NOT_FOUND for an unknown model, INVALID_ARGUMENT for a picture that cannot be decoded or does not fit
    ///   the model, RESOURCE_EXHAUSTED when the server's queue is full.
    public func classify(
        model: String, version: Int? = nil, picture: Picture, candidateCountMax: Int? = nil,
        timeout: Duration? = nil
    ) async throws(ApusError) -> PictureClasses {
        var request = ClassifyRequest(model: model, version: wireVersion(version), image: picture.message)
        if let candidateCountMax { request.topK = try number(candidateCountMax, "the number of candidates") }
        let response = try await call(VisionMethods.classify, request, timeout: timeout)
        return PictureClasses(
            candidates: response.classifications.map {
                PictureClasses.Candidate(index: Int($0.index), label: $0.label, probability: $0.score)
            },
            cost: BatchCost(
                queueTime: Duration(microseconds: response.queueMicroseconds),
                computeTime: Duration(microseconds: response.computeMicroseconds),
                batchSize: Int(response.batchSize)))
    }
}

extension Picture {
    fileprivate var message: ClassifyRequest.Image {
        switch self {
        case .encoded(let file): .encoded(Bytes(file))
        case .pixels(let tensor):
            .tensor(
                ImageTensor(
                    datatype: tensor.dataType, shape: tensor.shape.map(Int64.init), data: Bytes(tensor.contents)))
        }
    }
}
