import Constraints
import Engine
import Vocabulary

/// The JSON object of a `sampling_parameters` tensor.
///
/// ```
/// max_tokens, temperature, top_k (0 or -1: all), top_p, min_p, repetition_penalty, presence_penalty,
/// frequency_penalty, seed, stop (a text or several), stop_token_ids, ignore_eos, logit_bias (token: bias),
/// guided_decoding or structured_outputs: {regex | choice | json (an object or its text) | json_object: true}
/// ```
///
/// Null is as good as absent; any other key is an error that names it.
///
/// - Source: the names of vLLM's SamplingParams.
struct SamplingObject {
    private let members: [JSONText.Member]

    /// - Throws: INVALID_ARGUMENT for a text that is no JSON object.
    init(_ text: String) throws(ServingError) {
        do {
            guard case .object(let members) = try JSONText(parsing: text) else {
                throw TextInference.invalid("sampling_parameters", "expected a JSON object")
            }
            self.members = members
        } catch let error as JSONTextError {
            throw TextInference.invalid("sampling_parameters", "is not JSON: \(error.problem)")
        } catch let error as ServingError {
            throw error
        } catch {
            preconditionFailure("unexpected \(error)")
        }
    }

    /// - Throws: INVALID_ARGUMENT naming the key, what was expected and what came; ranges are the engine's to check.
    func apply(to request: inout GenerationRequest) throws(ServingError) {
        for member in members where member.value != .null { try apply(member.key, member.value, to: &request) }
    }

    private func apply(
        _ key: String, _ value: JSONText, to request: inout GenerationRequest
    ) throws(ServingError) {
        switch key {
        case "max_tokens": request.tokenCountMax = try integer(key, value)
        case "temperature": request.sampling.temperature = try number(key, value)
        case "top_k": request.sampling.topK = max(0, try integer(key, value))
        case "top_p": request.sampling.topP = try number(key, value)
        case "min_p": request.sampling.minP = try number(key, value)
        case "repetition_penalty": request.sampling.repetitionPenalty = try number(key, value)
        case "presence_penalty": request.sampling.presencePenalty = try number(key, value)
        case "frequency_penalty": request.sampling.frequencyPenalty = try number(key, value)
        case "seed": request.sampling.seed = UInt64(bitPattern: Int64(try integer(key, value)))
        case "stop": request.stopStrings = try texts(key, value)
        case "stop_token_ids":
            guard case .array(let tokens) = value else { throw wrong(key, "a list", value) }
            request.stopTokens = try tokens.map { (token) throws(ServingError) in
                Int32(clamping: try integer(key, token))
            }
        case "ignore_eos": request.ignoresEndOfSequence = try truth(key, value)
        case "logit_bias":
            guard case .object(let biases) = value else { throw wrong(key, "an object", value) }
            for bias in biases {
                guard let token = Int32(bias.key) else { throw wrong(key, "token ids as keys", .string(bias.key)) }
                request.sampling.biases[token] = try number(key, bias.value)
            }
        case "guided_decoding", "structured_outputs":
            request.constraint = try constraint(key, value)
        default:
            throw TextInference.invalid("sampling_parameters", "'\(key.shown())' is not supported")
        }
    }

    private func constraint(_ key: String, _ value: JSONText) throws(ServingError) -> ConstraintSpecification? {
        guard case .object(let all) = value else { throw wrong(key, "an object", value) }
        let members = all.filter { $0.value != .null && $0.value != .bool(false) }
        guard members.count <= 1 else { throw wrong(key, "one of regex, choice, json and json_object", value) }
        guard let member = members.first else { return nil }
        switch (member.key, member.value) {
        case ("regex", .string(let text)): return .regex(text)
        case ("choice", .array): return .choices(try texts(key, member.value))
        case ("json", .string(let text)): return .jsonSchema(text)
        case ("json", .object): return .jsonSchema(member.value.text)
        case ("json_object", .bool(true)): return .json
        default: throw wrong(key, "one of regex, choice, json and json_object", value)
        }
    }

    private func texts(_ key: String, _ value: JSONText) throws(ServingError) -> [String] {
        let elements: [JSONText] = if case .array(let elements) = value { elements } else { [value] }
        return try elements.map { (element) throws(ServingError) in
            guard case .string(let text) = element else { throw wrong(key, "texts", element) }
            return text
        }
    }

    private func number(_ key: String, _ value: JSONText) throws(ServingError) -> Float {
        guard case .number(let digits) = value, let number = Float(digits) else { throw wrong(key, "a number", value) }
        return number
    }

    private func integer(_ key: String, _ value: JSONText) throws(ServingError) -> Int {
        guard case .number(let digits) = value, let number = Int(digits) else { throw wrong(key, "an integer", value) }
        return number
    }

    private func truth(_ key: String, _ value: JSONText) throws(ServingError) -> Bool {
        guard case .bool(let truth) = value else { throw wrong(key, "true or false", value) }
        return truth
    }

    private func wrong(_ key: String, _ expected: String, _ value: JSONText) -> ServingError {
        TextInference.invalid(
            "sampling_parameters", "'\(key)': expected \(expected), got \(value.text.shown())")
    }
}
