import HTTP2
import RPC
import Routing
import TestSupport
import Testing
import Vocabulary

@testable import InferenceService

@Suite("How an attempt to have a call answered by a shard ended")
struct AttemptEndTests {
    private static func failure(_ code: StatusCode, label: String? = nil, isFromShard: Bool) throws -> RPCFailure {
        var list = HeaderList()
        for (name, value) in [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a")] {
            try list.append(name: name, value: value)
        }
        return RPCFailure(ServingError(code, "x", label: label), trailers: isFromShard ? try list.received() : nil)
    }

    @Test(
        "what it says about the shard, and whether another may be asked",
        arguments: [
            (StatusCode.unavailable, false, ReplicaTable.Outcome.lost, true),
            (.unavailable, true, .unreachable, true),
            (.deadlineExceeded, false, .timedOut, false),
            (.deadlineExceeded, true, .answered, false),
            (.cancelled, false, .abandoned, false),
            (.cancelled, true, .answered, false),
            (.resourceExhausted, true, .answered, false),
            // A full queue of this process, headers too long for HTTP/2: nothing the shard has said.
            (.resourceExhausted, false, .abandoned, false),
            (.internal, false, .abandoned, false),
            (.internal, true, .answered, false),
            (.aborted, true, .answered, false),
        ])
    func outcomes(code: StatusCode, isFromShard: Bool, outcome: ReplicaTable.Outcome, isTriedAgain: Bool) throws {
        let failure = try Self.failure(code, isFromShard: isFromShard)
        let end = AttemptEnd(failure, hasBegun: false)
        #expect(end.outcome == outcome && end.mayBeTriedAgain == isTriedAgain)
        #expect(!AttemptEnd(failure, hasBegun: true).mayBeTriedAgain, "the caller has part of an answer")
    }

    @Test("a model that has just left says nothing about the shard's others; any other reason does")
    func models() throws {
        for (label, outcome) in [("model_unloaded", ReplicaTable.Outcome.answered), ("shutting_down", .unreachable)] {
            let error = ServingError(.unavailable, "x", label: label)
            var metadata = Metadata()
            error.appendDetails(to: &metadata)
            var list = HeaderList()
            for (name, value) in [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a")] {
                try list.append(name: name, value: value)
            }
            try metadata.append(to: &list)
            let trailers = try list.received()
            #expect(ServingError.reason(in: trailers) == label.uppercased())
            let end = AttemptEnd(RPCFailure(error, trailers: trailers), hasBegun: false)
            #expect(end.outcome == outcome && end.mayBeTriedAgain)
        }
    }

    @Test("an answer is one")
    func answers() {
        let end = AttemptEnd(nil, hasBegun: true)
        #expect(end.outcome == .answered && end.code == .ok && !end.mayBeTriedAgain)
    }

    @Test("a channel that was replaced says nothing about its shard, and the call goes elsewhere")
    func closedChannels() throws {
        let failure = try Self.failure(.unavailable, label: "channel_closed", isFromShard: false)
        let end = AttemptEnd(failure, hasBegun: false)
        #expect(end.outcome == .abandoned && end.mayBeTriedAgain)
    }

    @Test("a cancellation at the deadline is a time that was too short, but not of a stream that its caller held up")
    func deadlines() throws {
        let failure = try Self.failure(.cancelled, isFromShard: false)
        func end(hasBegun: Bool = false, isStreamOfRequests: Bool = false) -> AttemptEnd {
            AttemptEnd(
                failure, hasBegun: hasBegun, isStreamOfRequests: isStreamOfRequests, cancellation: .timedOut)
        }
        #expect(end().outcome == .timedOut && end().code == .deadlineExceeded)
        #expect(end(hasBegun: true).outcome == .abandoned)
        #expect(end(isStreamOfRequests: true).outcome == .abandoned)
    }
}
