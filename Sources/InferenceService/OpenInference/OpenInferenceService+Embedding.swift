import Compute
import Engine
import Messages
import Models
import Routing
import TextModels
import Vocabulary

extension OpenInferenceService {
    /// Turns the texts of a request into vectors: by an encoder, or by a decoder whose output `embedding` is asked for.
    ///
    /// ```
    /// text_input   BYTES [n]                one text or more
    /// truncate     BOOL  [1]                true takes the beginning of a text that is too long
    ///    →
    /// embedding    FP32  [n, hiddenSize]    each row of length 1
    /// ```
    ///
    /// - Throws: INVALID_ARGUMENT naming the tensor, and the text by its index when one is too long; as `modelInfer`.
    func embed(_ asked: AskedInference, _ call: CallContext) async throws(ServingError) -> ModelInferResponse {
        let (input, selector) = (asked.input, asked.selector)
        let wanted = try EmbeddingInference(input)
        for name in input.requestedOutputs where name != EncoderModel.outputName {
            throw ServingError(
                .invalidArgument,
                "unexpected inference output '\(name.shown())' for model '\(selector.name)', it has "
                    + "\([EncoderModel.outputName])")
        }
        let tally = UsageTally()
        call.begin(tally)
        defer { call.end(tally) }
        let answer = try await engine.embed(
            selector, texts: wanted.texts, truncates: wanted.truncates, deadline: call.deadline,
            share: call.share, field: EmbeddingInference.inputName, tally: tally
        ) { (tokenCount) throws(ServingError) in try call.reserve(tokens: tokenCount) }
        call.meter?.digest?.add(vectors: answer.vectors)
        return try asked.response(answer.name, answer.version, try Self.output(answer.vectors))
    }

    /// The tensor of vectors that all have as many numbers.
    private static func output(_ vectors: [[Float]]) throws(ServingError) -> InferenceOutput {
        do {
            let rows = try Tensor(Array(vectors.joined()), shape: [vectors.count, vectors.first?.count ?? 0])
            return InferenceOutput(tensors: [NamedTensor(EncoderModel.outputName, rows)])
        } catch {
            throw ServingError(.internal, "the vectors do not make a tensor: \(error)")
        }
    }
}

/// Embeddings asked for in tensors.
private struct EmbeddingInference {
    static let inputName = "text_input"

    private(set) var texts: [String] = []
    /// Whether of a text that is too long the beginning is taken.
    private(set) var truncates = false

    /// - Throws: INVALID_ARGUMENT naming the tensor, what was expected and what came.
    init(_ input: InferenceInput) throws(ServingError) {
        guard let text = input.tensor(Self.inputName), text.dataType == .bytes, text.shape.count == 1,
            text.elementCount > 0
        else {
            let got = input.tensor(Self.inputName).map { "\($0.dataType.wireName) \($0.shape)" } ?? "nothing"
            throw TextInference.invalid(Self.inputName, "expected BYTES [n], n at least 1, got \(got)")
        }
        texts = try TextInference.texts(Self.inputName, text)
        for named in input.tensors where named.name != Self.inputName {
            guard named.name == "truncate" else {
                throw ServingError(
                    .invalidArgument, "unexpected input '\(named.name.shown())' for a model that embeds texts")
            }
            truncates = try TextInference.truth(named.name, named.tensor)
        }
    }
}

extension ModelDescription {
    /// Whether a request is for vectors: any to an encoder, and one to a decoder that asks for `embedding`.
    func isToEmbed(_ input: InferenceInput) -> Bool {
        guard modality == .text else { return false }
        return isEncoder || input.requestedOutputs.contains(EncoderModel.outputName)
    }

    /// Whether it turns texts into vectors, and does nothing else.
    var isEncoder: Bool { outputs.contains { $0.name == EncoderModel.outputName } }
}
