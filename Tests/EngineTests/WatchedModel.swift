import Compute
import Models

/// A text model that says what it is about to compute.
final class WatchedModel: TokenModel {
    private let model: any TokenModel
    private let beforeStep: @Sendable ([TokenSpan]) -> Void

    /// - Parameters:
    ///   - model: computes.
    ///   - beforeStep: is called on the engine thread before each step.
    init(_ model: any TokenModel, beforeStep: @escaping @Sendable ([TokenSpan]) -> Void) {
        self.model = model
        self.beforeStep = beforeStep
    }

    var description: ModelDescription { model.description }
    var properties: TokenModelProperties { model.properties }

    func warmUp(on gang: ComputeGang) throws { try model.warmUp(on: gang) }

    func allocateCache(pageCount: Int, tokensPerPage: Int) throws {
        try model.allocateCache(pageCount: pageCount, tokensPerPage: tokensPerPage)
    }

    func step(_ spans: [TokenSpan], on gang: ComputeGang, receive: (Int, UnsafeBufferPointer<Float>) -> Void) {
        beforeStep(spans)
        model.step(spans, on: gang, receive: receive)
    }
}

extension [TokenSpan] {
    /// Tokens that go through the model.
    var tokenCount: Int { reduce(0) { $0 + $1.tokens.count } }
}
