import Compute
import Engine
import Models
import Vocabulary

extension GenerationRequest {
    /// A generation asked for in tensors: `text_input` BYTES `[1]`, and `max_tokens` INT32 `[1]` if wanted.
    ///
    /// - Throws: INVALID_ARGUMENT naming the tensor, what was expected and what came.
    /// - Source: the tensor names of Triton's text backends.
    init(tensors input: InferenceInput, _ call: CallContext) throws(ServingError) {
        for tensor in input.tensors where !["text_input", "max_tokens"].contains(tensor.name) {
            throw ServingError(
                .invalidArgument, "unexpected input '\(tensor.name)'. Expected text_input and, if wanted, max_tokens")
        }
        guard let text = input.tensor("text_input"), text.dataType == .bytes, text.elementCount == 1 else {
            let got = input.tensor("text_input").map { "\($0.dataType.wireName) \($0.shape)" } ?? "nothing"
            throw ServingError(.invalidArgument, "input 'text_input': expected BYTES [1], got \(got)")
        }
        guard let prompt = text.byteElements[0].utf8String else {
            throw ServingError(.invalidArgument, "input 'text_input': expected UTF-8 text")
        }
        var tokenCountMax: Int?
        if let count = input.tensor("max_tokens") {
            guard count.dataType == .int32, count.elementCount == 1 else {
                throw ServingError(
                    .invalidArgument,
                    "input 'max_tokens': expected INT32 [1], got \(count.dataType.wireName) \(count.shape)")
            }
            tokenCountMax = Int(count.array(of: Int32.self)[0])
        }
        self.init(
            prompt: .text(prompt), tokenCountMax: tokenCountMax ?? Self.tokenCountMaxDefault,
            deadline: call.deadline, tenant: call.tenant)
    }

    /// How many tokens are generated for a caller who does not say.
    static let tokenCountMaxDefault = 128
}

extension InferenceOutput {
    /// `text_output` BYTES `[1]`.
    static func text(_ text: String) throws(ServingError) -> InferenceOutput {
        do {
            return InferenceOutput(
                tensors: [NamedTensor("text_output", try Tensor(elements: [Bytes(utf8: text)], shape: [1]))])
        } catch {
            throw ServingError(.internal, "the generated text does not make a tensor: \(error)")
        }
    }
}
