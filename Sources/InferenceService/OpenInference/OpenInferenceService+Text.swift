import Engine
package import Messages
import Models
import Routing
import TextModels
import Vocabulary

extension OpenInferenceService {
    /// Generates all of a text and answers with it as a tensor.
    func generate(
        _ request: ModelInferRequest, _ input: InferenceInput, selector: ModelSelector, _ call: CallContext
    ) async throws(ServingError) -> ModelInferResponse {
        let wanted = try TextInference(input, call)
        guard !wanted.streams else {
            throw ServingError(
                .unimplemented, "ModelInfer RPC doesn't stream; send 'stream' through ModelStreamInfer, or false",
                label: "stream_in_unary_call")
        }
        let stream = try await start(wanted, input, selector, call)
        defer { call.add(stream.usage) }
        var text = wanted.opening
        var logprob: Float = 0
        var end: (EngineFinishReason, EngineUsage)?
        while let event = try await stream.next() {
            switch event {
            case .piece(let piece):
                text += piece.text
                logprob += piece.logprobs.reduce(0) { $0 + $1.chosen.logprob }
            case .finished(.cancelled, _, _): throw Self.cancelled
            case .finished(let reason, let usage, _): end = (reason, usage)
            }
        }
        return ModelInferResponse(
            id: request.id, model: stream.name, version: stream.version,
            output: try wanted.output(text, end: end, logprob: logprob))
    }

    /// Answers the requests of a stream one after the other; what is wrong with one of them does not end the stream.
    ///
    /// A text model whose request says `stream` answers with each piece as it comes, and at last with an empty text;
    /// everything else with one response. The last response of a request has the parameter `triton_final_response`
    /// true, the ones before false.
    ///
    /// Requests of one stream do not run at the same time: whoever wants that opens several streams.
    ///
    /// - Throws: CANCELLED and DEADLINE_EXCEEDED of the whole stream, and what `MessageReader` throws.
    /// - Source: Triton's `ModelStreamInfer`, decoupled models.
    package func modelStreamInfer(
        _ requests: MessageReader<ModelInferRequest>, _ call: CallContext,
        to writer: MessageWriter<ModelStreamInferResponse>
    ) async throws {
        while let request = try await requests.next() {
            do {
                try await answer(request, call, to: writer)
            } catch let error as ServingError where error.code != .cancelled && error.code != .deadlineExceeded {
                try await writer.write(
                    ModelStreamInferResponse(
                        errorMessage: error.message,
                        inferResponse: ModelInferResponse(
                            modelName: request.modelName, modelVersion: request.modelVersion, id: request.id)))
            }
        }
    }

    private func answer(
        _ request: ModelInferRequest, _ call: CallContext, to writer: MessageWriter<ModelStreamInferResponse>
    ) async throws {
        let selector = try ModelSelector(name: request.modelName, version: request.modelVersion)
        let input = try request.inferenceInput()
        let description = try engine.description(of: selector)
        guard description.modality == .text, !description.isToEmbed(input), let wanted = try streamed(input, call)
        else {
            return try await send(try await modelInfer(request, call), isFinal: true, to: writer)
        }
        let stream = try await start(wanted, input, selector, call)
        defer { call.add(stream.usage) }
        func sendPiece(
            _ text: String, _ end: (EngineFinishReason, EngineUsage)?, _ logprob: Float
        ) async throws {
            let output = try wanted.output(text, end: end, logprob: logprob)
            try await send(
                ModelInferResponse(id: request.id, model: stream.name, version: stream.version, output: output),
                isFinal: end != nil, to: writer)
        }
        var opening = wanted.opening
        var logprob: Float = 0
        while let event = try await stream.next() {
            switch event {
            case .piece(let piece):
                logprob += piece.logprobs.reduce(0) { $0 + $1.chosen.logprob }
                guard !(opening + piece.text).isEmpty else { continue }
                try await sendPiece(opening + piece.text, nil, logprob)
                opening = ""
            case .finished(.cancelled, _, _): throw Self.cancelled
            case .finished(let reason, let usage, _): try await sendPiece(opening, (reason, usage), logprob)
            }
        }
    }

    /// What a request asks for, if it asks for pieces.
    private func streamed(_ input: InferenceInput, _ call: CallContext) throws(ServingError) -> TextInference? {
        let wanted = try TextInference(input, call)
        return wanted.streams ? wanted : nil
    }

    private func start(
        _ wanted: TextInference, _ input: InferenceInput, _ selector: ModelSelector, _ call: CallContext
    ) async throws(ServingError) -> GenerationStream {
        let known = ["text_output"] + wanted.extras.map(\.rawValue)
        for name in input.requestedOutputs where !known.contains(name) {
            throw ServingError(
                .invalidArgument,
                "unexpected inference output '\(name.prefix(64))' for model '\(selector.name)', it has \(known)")
        }
        return try await engine.generate(selector, wanted.request) { (tokenCount) throws(ServingError) in
            try call.reserve(tokens: tokenCount)
        }
    }

    private func send(
        _ response: ModelInferResponse, isFinal: Bool, to writer: MessageWriter<ModelStreamInferResponse>
    ) async throws {
        var response = response
        response.parameters["triton_final_response"] = InferParameter(parameterChoice: .boolParam(isFinal))
        try await writer.write(ModelStreamInferResponse(inferResponse: response))
    }

    private static let cancelled = ServingError(.cancelled, "the caller cancelled the generation")
}
