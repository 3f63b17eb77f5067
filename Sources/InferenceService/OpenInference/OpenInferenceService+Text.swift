import Engine
import Messages
import Models
import Routing
import TextModels
import Vocabulary

extension OpenInferenceService {
    /// Generates all of a text and answers with it as a tensor.
    func generate(_ asked: AskedInference, _ call: CallContext) async throws(ServingError) -> ModelInferResponse {
        let wanted = try TextInference(asked.input, call)
        guard !wanted.streams else {
            throw ServingError(
                .unimplemented, "ModelInfer RPC doesn't stream; send 'stream' through ModelStreamInfer, or false",
                label: "stream_in_unary_call")
        }
        let stream = try await start(wanted, asked, call)
        call.begin(stream)
        defer { call.end(stream) }
        var text = wanted.opening
        var logprob: Float = 0
        var end: (EngineFinishReason, EngineUsage)?
        while let event = try await stream.next() {
            switch event {
            case .piece(let piece):
                call.meter?.note(piece)
                text += piece.text
                logprob += piece.logprobs.reduce(0) { $0 + $1.chosen.logprob }
            case .finished(.cancelled, _, _): throw Self.cancelled
            case .finished(let reason, let usage, let answer):
                call.meter?.digest?.end(answer: answer, reason)
                end = (reason, usage)
            }
        }
        return try asked.response(
            stream.name, stream.version, try wanted.output(text, end: end, logprob: logprob))
    }

    /// Begins a text, once what is wanted of it is known to be had.
    func start(
        _ wanted: TextInference, _ asked: AskedInference, _ call: CallContext
    ) async throws(ServingError) -> GenerationStream {
        let known = ["text_output"] + wanted.extras.map(\.rawValue)
        for name in asked.input.requestedOutputs where !known.contains(name) {
            throw ServingError(
                .invalidArgument,
                "unexpected inference output '\(name.shown())' for model '\(asked.selector.name)', it has \(known)")
        }
        return try await engine.generate(asked.selector, wanted.request) { (tokenCount) throws(ServingError) in
            try call.reserve(tokens: tokenCount)
        }
    }

    /// Of a text that was given up.
    static let cancelled = ServingError(.cancelled, "the caller cancelled the generation")
}
