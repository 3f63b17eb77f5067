import Compute
package import Engine
package import Messages
import Models
import Routing
package import Vocabulary

/// `apus.vision.v1.Vision`: what a picture shows.
package struct VisionService: Sendable {
    private let engine: Engine

    package init(engine: Engine) { self.engine = engine }

    /// How many labels a caller gets who does not say.
    static let labelCountDefault = 5

    /// Names what a picture shows, likeliest first.
    ///
    /// - Throws: NOT_FOUND; INVALID_ARGUMENT for a model of another modality, or a picture or tensor that does not fit;
    ///   RESOURCE_EXHAUSTED; DEADLINE_EXCEEDED; CANCELLED.
    package func classify(
        _ request: ClassifyRequest, _ call: CallContext
    ) async throws(ServingError) -> ClassifyResponse {
        let selector = try ModelSelector(name: request.model, version: request.version)
        let description = try engine.description(of: selector)
        guard description.modality == .vision, let input = description.inputs.first else {
            throw ServingError(
                .invalidArgument,
                "model '\(request.model)' is a \(description.modality.rawValue) model; Classify takes vision models",
                label: "wrong_modality")
        }
        let labelCount = request.topK.map(Int.init) ?? Self.labelCountDefault
        guard labelCount >= 1 else { throw ServingError(.invalidArgument, "top_k: expected at least 1, got 0") }
        let tensor = try tensor(request, input: input)
        let answer = try await engine.infer(
            selector, InferenceInput(tensors: [tensor]), as: description, for: call)
        guard let scores = answer.output.tensors.first?.tensor, scores.dataType == .float32 else {
            throw ServingError(
                .failedPrecondition, "model '\(request.model)' gives no FP32 scores, so there is nothing to rank")
        }
        let values = scores.array(of: Float.self)
        let best = highest(labelCount, of: description.scoreKind == .logits ? softmax(values) : values)
        return ClassifyResponse(
            classifications: best.map { index, score in
                Classification(
                    index: UInt32(index), label: index < description.labels.count ? description.labels[index] : "",
                    score: score)
            },
            queueMicroseconds: answer.usage.queueNanoseconds / 1000,
            computeMicroseconds: answer.usage.computeNanoseconds / 1000,
            batchSize: UInt32(clamping: answer.usage.batchSampleCount))
    }

    /// The one tensor the model gets: an encoded picture as bytes, or the picture's values with a batch axis of 1.
    private func tensor(_ request: ClassifyRequest, input: TensorDescription) throws(ServingError) -> NamedTensor {
        do {
            switch request.image {
            case .encoded(let bytes):
                return NamedTensor(encodedImageInputName, try Tensor(elements: [bytes], shape: [1]))
            case .tensor(let image):
                guard let dataType = DataType(wireName: image.datatype) else {
                    throw ServingError(
                        .invalidArgument,
                        "image.tensor.datatype: '\(image.datatype.shown(byteCountMax: 32))' is no type of a tensor"
                    )
                }
                return NamedTensor(
                    input.name, try Tensor(dataType, shape: [1] + image.shape.map(Int.init), data: image.data))
            case nil:
                throw ServingError(.invalidArgument, "expected an encoded image or a tensor, got neither")
            }
        } catch let error as TensorError {
            throw ServingError(.invalidArgument, "image.tensor: \(error)")
        } catch let error as ServingError {
            throw error
        } catch {
            preconditionFailure("unexpected \(error)")
        }
    }
}

/// The input by which vision models take pictures that are still encoded: BYTES `[n]`, JPEG or PNG.
private let encodedImageInputName = "encoded_image"
