import Compute
import Models
import Vocabulary

/// A request that a model answers before it is called ready, so that the first caller does not pay for what the first
/// request of its kind costs; its tensors are zeros.
package struct WarmUpRequest: Sendable, Equatable {
    /// How often it is sent, at least once.
    package var count = 1
    /// Samples in it, at least one.
    package var batchSize = 1
    /// The extents for those that the model leaves open, in the order of its inputs.
    package var openExtents: [Int] = []
    /// The text, for a model of texts.
    package var text = "Once upon a time"
    /// Tokens that are written.
    package var tokenCountMax = 4

    package init() {}
}

extension Engine {
    /// Answers a request by a model that is installed and that nobody else can call yet.
    ///
    /// It goes the way of every other request, so that what it warms up is what they will use; then the model's
    /// counters begin again from zero.
    func warmUp(_ loaded: LoadedModel, with request: WarmUpRequest) async throws(ServingError) {
        defer { loaded.count { $0.forgetRequests() } }
        do throws(ServingError) {
            for _ in 0..<request.count { try await answer(request, by: loaded) }
        } catch {
            throw ServingError(
                .failedPrecondition, "model '\(loaded.description.name)' failed to answer its warm-up: \(error)",
                label: "warm_up_failed")
        }
    }

    private func answer(_ request: WarmUpRequest, by loaded: LoadedModel) async throws(ServingError) {
        switch loaded.kind {
        case .batch:
            _ = try await infer(loaded, try request.input(of: loaded.description), deadline: .never)
        case .text:
            let stream = try await generate(
                loaded, GenerationRequest(prompt: .text(request.text), tokenCountMax: request.tokenCountMax))
            while try await stream.next() != nil {}
        case .encoder:
            _ = try await embed(loaded, texts: Array(repeating: request.text, count: request.batchSize))
        case .resting: throw loaded.notReady
        }
    }
}

extension WarmUpRequest {
    /// A tensor with more is a slip of the pen.
    private static let elementCountMax = 1 << 28

    /// The tensors for a model.
    ///
    /// - Throws: FAILED_PRECONDITION when extents that the model leaves open are not given.
    func input(of model: ModelDescription) throws(ServingError) -> InferenceInput {
        var open = openExtents[...]
        var tensors: [NamedTensor] = []
        for input in model.inputs where !input.isOptional {
            var shape = input.shape
            for (index, extent) in shape.enumerated() where extent == -1 {
                if index == 0, model.hasBatchExtent {
                    shape[index] = batchSize
                    continue
                }
                guard let given = open.popFirst() else {
                    throw ServingError(
                        .failedPrecondition,
                        "input '\(input.name)' has the shape \(shape): warm_up names no extent for each -1 in it",
                        label: "warm_up_failed")
                }
                shape[index] = given
            }
            tensors.append(NamedTensor(input.name, try tensor(input.dataType, shape: shape)))
        }
        return InferenceInput(tensors: tensors)
    }

    private func tensor(_ type: DataType, shape: [Int]) throws(ServingError) -> Tensor {
        do {
            var elementCount = 1
            for extent in shape {
                let (product, overflow) = elementCount.multipliedReportingOverflow(by: extent)
                guard !overflow, product <= Self.elementCountMax else { throw TensorError.shapeOverflow(shape) }
                elementCount = product
            }
            // An element of BYTES is nothing but its length, of four bytes.
            let byteCount = elementCount * (type.elementByteCount ?? 4)
            let zeros = Bytes(byteCount: byteCount) { $0.initializeMemory(as: UInt8.self, repeating: 0) }
            return try Tensor(type, shape: shape, data: zeros)
        } catch {
            throw ServingError(.failedPrecondition, "warm_up: \(error)", label: "warm_up_failed")
        }
    }
}
