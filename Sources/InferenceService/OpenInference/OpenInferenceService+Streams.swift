import Engine
package import Messages
import Models
import Tenancy
import TextModels
import Vocabulary

extension OpenInferenceService {
    /// Answers the requests of a stream one after the other, in their order; what is wrong with one of them does not
    /// end the stream, unless the caller sent `triton_grpc_error: true`: then the status of the call says it.
    ///
    /// A text model whose request says `stream` answers with each piece as it comes, and at last with an empty text;
    /// everything else with one response. The last response of a request has the parameter `triton_final_response`
    /// true, the ones before false; so nobody waits for an empty one, whether it was asked for or not. It has beside it
    /// what the request has used, as the trailers say it of the whole call.
    ///
    /// Requests of one stream do not run at the same time: whoever wants that opens several streams.
    ///
    /// - Throws: CANCELLED and DEADLINE_EXCEEDED of the whole stream, and what `MessageReader` throws.
    /// - Source: Triton's `ModelStreamInfer`, decoupled models.
    package func modelStreamInfer(
        _ requests: MessageReader<ModelInferRequest>, _ call: CallContext,
        to writer: MessageWriter<ModelStreamInferResponse>
    ) async throws {
        let endsWithError = requests.header("triton_grpc_error") == "true"
        while let request = try await requests.next() {
            var stream = ResponseStream(writer: writer, tallies: responses, clock: clock, meter: call.meter)
            do {
                try await answer(request, call, to: &stream)
            } catch let error as ServingError {
                stream.didFail(error)
                // The request's own patience ends the request; that of the call, the call.
                let isOfCall =
                    error.code == .cancelled
                    || error.code == .deadlineExceeded && call.deadline.isExpired(at: clock.now())
                guard !isOfCall, !endsWithError else { throw error }
                try await writer.write(
                    ModelStreamInferResponse(
                        errorMessage: call.readable(error).message,
                        inferResponse: ModelInferResponse(
                            modelName: request.modelName, modelVersion: request.modelVersion, id: request.id,
                            parameters: stream.used.parameters)))
            }
        }
    }

    private func answer(
        _ request: ModelInferRequest, _ call: CallContext, to responses: inout ResponseStream
    ) async throws {
        let asked = try AskedInference(request, self, call)
        guard asked.description.modality == .text, !asked.description.isToEmbed(asked.input) else {
            return try await responses.send(try await modelInfer(request, call), isFinal: true)
        }
        let call = call.following(asked.parameters, from: clock.now())
        let wanted = try TextInference(asked.input, call)
        guard wanted.streams else {
            return try await responses.send(try await generate(asked, call), isFinal: true)
        }
        let stream = try await start(wanted, asked, call)
        call.begin(stream)
        defer { call.end(stream) }
        responses.begin(stream.name, stream.version)
        var opening = wanted.opening
        var logprob: Float = 0
        while let event = try await stream.next() {
            switch event {
            case .piece(let piece):
                call.meter?.note(piece)
                logprob += piece.logprobs.reduce(0) { $0 + $1.chosen.logprob }
                guard !(opening + piece.text).isEmpty else { continue }
                let output = try wanted.output(opening + piece.text, end: nil, logprob: logprob)
                try await responses.send(try asked.response(stream.name, stream.version, output), isFinal: false)
                opening = ""
            case .finished(.cancelled, _, _): throw Self.cancelled
            case .finished(let reason, let usage, let answer):
                call.meter?.digest?.end(answer: answer, reason)
                let output = try wanted.output(opening, end: (reason, usage), logprob: logprob)
                try await responses.send(
                    try asked.response(stream.name, stream.version, output), isFinal: true, used: Consumption(usage))
            }
        }
    }
}

/// The responses to one request of a stream, counted as they leave.
private struct ResponseStream {
    let writer: MessageWriter<ModelStreamInferResponse>
    let tallies: ResponseTallies
    let clock: any MonotonicClock
    /// Who answers with several responses; nil for everybody else, who is not counted here.
    private var model: (name: ModelName, version: ModelVersion)?
    private var count = 0
    private var last: MonotonicTime
    private let meter: (any CallMeter)?
    private let usedBefore: Consumption

    init(
        writer: MessageWriter<ModelStreamInferResponse>, tallies: ResponseTallies, clock: any MonotonicClock,
        meter: (any CallMeter)?
    ) {
        self.meter = meter
        usedBefore = meter?.usedSoFar ?? Consumption()
        self.writer = writer
        self.tallies = tallies
        self.clock = clock
        last = clock.now()
    }

    /// What the request has used, as far as it has been counted.
    var used: Consumption {
        var part = meter?.usedSoFar ?? Consumption()
        part.remove(usedBefore)
        return part
    }

    mutating func begin(_ name: ModelName, _ version: ModelVersion) { model = (name, version) }

    /// Sends one response; the final one with what the request has used, by the meter unless it is given.
    mutating func send(_ response: ModelInferResponse, isFinal: Bool, used: Consumption? = nil) async throws {
        var response = response
        if isFinal { response.parameters.merge((used ?? self.used).parameters) { $1 } }
        response.parameters["triton_final_response"] = InferParameter(parameterChoice: .boolParam(isFinal))
        // Counted first, so that whoever has it finds it counted.
        didEnd(.sent)
        try await writer.write(ModelStreamInferResponse(inferResponse: response))
    }

    /// The request ends with an error instead of its next response.
    mutating func didFail(_ error: ServingError) { didEnd(error.code == .cancelled ? .cancelled : .failed) }

    private mutating func didEnd(_ ending: ResponseTallies.Ending) {
        guard let model else { return }
        let now = clock.now()
        tallies.count(
            count, ending, nanoseconds: now.nanoseconds(since: last), name: model.name, version: model.version)
        count += 1
        last = now
    }
}
