import Compute
import Constraints
import Engine
import Models
import Vocabulary

/// A generation asked for in tensors, and what is to come back.
///
/// ```
/// text_input                BYTES [1]   the prompt
/// sampling_parameters       BYTES [1]   a JSON object, see `SamplingObject`
/// max_tokens, temperature, top_k, top_p, min_p, repetition_penalty, presence_penalty, frequency_penalty, seed
///                           any number [1]; they win over sampling_parameters
/// stop                      BYTES [n]   texts that end the answer
/// stream, streaming         BOOL [1]    pieces as they come; through ModelStreamInfer only
/// exclude_input_in_output   BOOL [1]    false puts the prompt in front of the answer
/// return_finish_reason, return_num_input_tokens, return_num_output_tokens, return_cumulative_logprob
///                           BOOL [1]    outputs beside text_output
/// ```
///
/// - Source: the tensor names of Triton's vLLM backend and of Dynamo.
struct TextInference {
    var request: GenerationRequest
    /// Whether pieces are sent as they come.
    private(set) var streams = false
    /// What stands in front of the answer.
    private(set) var opening = ""
    /// The outputs beside `text_output`.
    private(set) var extras: Set<Extra> = []

    /// An output that is only there when it is asked for.
    enum Extra: String, CaseIterable {
        case finishReason = "finish_reason"
        case inputTokenCount = "num_input_tokens"
        case outputTokenCount = "num_output_tokens"
        case cumulativeLogprob = "cumulative_logprob"
    }

    /// How many tokens are generated for a caller who does not say.
    static let tokenCountMaxDefault = 128

    /// - Throws: INVALID_ARGUMENT naming the tensor, what was expected and what came.
    init(_ input: InferenceInput, _ call: CallContext) throws(ServingError) {
        guard let text = input.tensor("text_input"), text.dataType == .bytes, text.elementCount == 1 else {
            let got = input.tensor("text_input").map { "\($0.dataType.wireName) \($0.shape)" } ?? "nothing"
            throw Self.invalid("text_input", "expected BYTES [1], got \(got)")
        }
        let prompt = try Self.texts("text_input", text)[0]
        request = GenerationRequest(
            prompt: .text(prompt), tokenCountMax: Self.tokenCountMaxDefault, deadline: call.deadline,
            tenant: call.tenant, weight: call.weight)
        request.priority = call.priority.level
        if let parameters = input.tensor("sampling_parameters") {
            guard parameters.elementCount == 1 else {
                throw Self.invalid("sampling_parameters", "expected BYTES [1], got \(parameters.shape)")
            }
            try SamplingObject(Self.texts("sampling_parameters", parameters)[0]).apply(to: &request)
        }
        for named in input.tensors where !["text_input", "sampling_parameters"].contains(named.name) {
            try take(named.name, named.tensor, prompt: prompt)
        }
        if extras.contains(.cumulativeLogprob), request.logprobCount == nil { request.logprobCount = 0 }
    }

    private mutating func take(_ name: String, _ tensor: Tensor, prompt: String) throws(ServingError) {
        switch name {
        case "max_tokens": request.tokenCountMax = try Self.integer(name, tensor)
        case "temperature": request.sampling.temperature = Float(try Self.number(name, tensor))
        case "top_k": request.sampling.topK = max(0, try Self.integer(name, tensor))
        case "top_p": request.sampling.topP = Float(try Self.number(name, tensor))
        case "min_p": request.sampling.minP = Float(try Self.number(name, tensor))
        case "repetition_penalty": request.sampling.repetitionPenalty = Float(try Self.number(name, tensor))
        case "presence_penalty": request.sampling.presencePenalty = Float(try Self.number(name, tensor))
        case "frequency_penalty": request.sampling.frequencyPenalty = Float(try Self.number(name, tensor))
        case "seed": request.sampling.seed = UInt64(bitPattern: Int64(try Self.integer(name, tensor)))
        case "stop": request.stopStrings = try Self.texts(name, tensor)
        case "stream", "streaming": streams = try Self.truth(name, tensor)
        case "exclude_input_in_output": opening = try Self.truth(name, tensor) ? "" : prompt
        default:
            guard name.hasPrefix("return_"), let extra = Extra(rawValue: String(name.dropFirst("return_".count))) else {
                throw ServingError(.invalidArgument, "unexpected input '\(name.shown())' for a text model")
            }
            if try Self.truth(name, tensor) { extras.insert(extra) }
        }
    }

    static func invalid(_ name: String, _ problem: String) -> ServingError {
        ServingError(.invalidArgument, "input '\(name)': \(problem)")
    }

    /// The elements of a BYTES tensor as texts.
    static func texts(_ name: String, _ tensor: Tensor) throws(ServingError) -> [String] {
        guard tensor.dataType == .bytes else { throw invalid(name, "expected BYTES, got \(tensor.dataType.wireName)") }
        var texts: [String] = []
        for element in tensor.byteElements {
            guard let text = element.utf8String else { throw invalid(name, "expected UTF-8 text") }
            texts.append(text)
        }
        return texts
    }

    /// The element of a BOOL `[1]` tensor.
    static func truth(_ name: String, _ tensor: Tensor) throws(ServingError) -> Bool {
        guard tensor.dataType == .bool, tensor.elementCount == 1 else {
            throw invalid(name, "expected BOOL [1], got \(tensor.dataType.wireName) \(tensor.shape)")
        }
        return tensor.array(of: UInt8.self)[0] != 0
    }

    private static func integer(_ name: String, _ tensor: Tensor) throws(ServingError) -> Int {
        let number = try number(name, tensor)
        if tensor.dataType == .int64 || tensor.dataType == .uint64 { return tensor.array(of: Int.self)[0] }
        guard let integer = Int(exactly: number) else { throw invalid(name, "expected an integer, got \(number)") }
        return integer
    }

    private static func number(_ name: String, _ tensor: Tensor) throws(ServingError) -> Double {
        guard tensor.elementCount == 1 else { throw invalid(name, "expected one number, got \(tensor.shape)") }
        switch tensor.dataType {
        case .float32: return Double(tensor.array(of: Float.self)[0])
        case .float64: return tensor.array(of: Double.self)[0]
        case .int8: return Double(tensor.array(of: Int8.self)[0])
        case .int16: return Double(tensor.array(of: Int16.self)[0])
        case .int32: return Double(tensor.array(of: Int32.self)[0])
        case .int64: return Double(tensor.array(of: Int64.self)[0])
        case .uint8: return Double(tensor.array(of: UInt8.self)[0])
        case .uint16: return Double(tensor.array(of: UInt16.self)[0])
        case .uint32: return Double(tensor.array(of: UInt32.self)[0])
        case .uint64: return Double(tensor.array(of: UInt64.self)[0])
        case .bool, .bytes, .float16, .bfloat16:
            throw invalid(name, "expected a number, got \(tensor.dataType.wireName)")
        }
    }
}

extension TextInference {
    /// The tensors of an answer, or of a piece of one: `text_output` BYTES `[1]`, and what was asked for beside it.
    ///
    /// - Parameters:
    ///   - text: of the answer or the piece.
    ///   - end: how the answer ended, with its last piece.
    ///   - logprob: the sum over the answer's tokens so far.
    /// - Returns: the tensors, always in the same order.
    /// - Throws: INTERNAL, when they cannot be made.
    func output(
        _ text: String, end: (reason: EngineFinishReason, usage: EngineUsage)?, logprob: Float
    ) throws(ServingError) -> InferenceOutput {
        do {
            var tensors = [NamedTensor("text_output", try Tensor(elements: [Bytes(utf8: text)], shape: [1]))]
            for extra in Extra.allCases where extras.contains(extra) {
                tensors.append(
                    NamedTensor(
                        extra.rawValue,
                        try Self.tensor(extra, end?.reason, end?.usage ?? EngineUsage(), logprob: logprob)))
            }
            return InferenceOutput(tensors: tensors)
        } catch {
            throw ServingError(.internal, "the generated text does not make a tensor: \(error)")
        }
    }

    /// What was asked for beside the text; where nothing is known yet it is empty or zero.
    private static func tensor(
        _ extra: Extra, _ reason: EngineFinishReason?, _ usage: EngineUsage, logprob: Float
    ) throws(TensorError) -> Tensor {
        switch extra {
        case .finishReason:
            let word = reason.map { Self.word(for: $0) } ?? ""
            return try Tensor(elements: [Bytes(utf8: word)], shape: [1])
        case .inputTokenCount: return try count(usage.promptTokenCount)
        case .outputTokenCount: return try count(usage.generatedTokenCount)
        case .cumulativeLogprob: return try Tensor([logprob], shape: [1])
        }
    }

    /// UINT32 `[1]`.
    private static func count(_ count: Int) throws(TensorError) -> Tensor {
        let data = withUnsafeBytes(of: UInt32(clamping: count).littleEndian) { Bytes(copying: $0) }
        return try Tensor(.uint32, shape: [1], data: data)
    }

    /// As clients of other servers know it.
    private static func word(for reason: EngineFinishReason) -> String {
        switch reason {
        case .stop, .endOfSequence: "stop"
        case .length: "length"
        case .cancelled: "abort"
        }
    }
}
