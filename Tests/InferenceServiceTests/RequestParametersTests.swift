import Messages
import Testing
import Vocabulary

@testable import InferenceService

@Suite struct RequestParametersTests {
    private typealias Choice = InferParameter.ParameterChoice

    private func read(_ choices: [String: Choice?]) throws -> RequestParameters {
        try RequestParameters(choices.mapValues { InferParameter(parameterChoice: $0) }, model: "m")
    }

    @Test("a timeout is microseconds; none and zero wait as long as it takes")
    func timeout() throws {
        #expect(try read([:]).timeoutNanoseconds == nil)
        #expect(try read(["timeout": .int64Param(0)]).timeoutNanoseconds == nil)
        #expect(try read(["timeout": .int64Param(7)]).timeoutNanoseconds == 7000)
        #expect(try read(["timeout": .uint64Param(.max)]).timeoutNanoseconds == .max)
    }

    @Test("the id of a sequence comes back, unless it is none")
    func sequence() throws {
        let marks: [String: Choice?] = ["sequence_start": .boolParam(true), "sequence_end": .boolParam(false)]
        for id in [Choice.int64Param(5), .uint64Param(5), .stringParam("five")] {
            let echoed = try read(marks.merging(["sequence_id": id]) { $1 }).echoed
            #expect(echoed == ["sequence_id": InferParameter(parameterChoice: id)])
        }
        for id in [Choice.int64Param(0), .uint64Param(0), .stringParam("")] {
            #expect(try read(["sequence_id": id]).echoed.isEmpty)
            #expect(throws: ServingError.self) { try read(marks.merging(["sequence_id": id]) { $1 }) }
        }
    }

    @Test("what is not for the server passes; a priority is accepted")
    func others() throws {
        let parameters = try read([
            "priority": .uint64Param(3), "triton_enable_empty_final_response": .boolParam(true),
            "mine": .stringParam("x"),
        ])
        #expect(parameters.echoed.isEmpty && parameters.timeoutNanoseconds == nil)
        #expect(try read(["priority": .int64Param(0)]) == read([:]))
    }

    @Test(
        "a value of another type, and a name that is reserved, are named",
        arguments: [
            ("sequence_id", .boolParam(true), "'sequence_id' parameter, expected int64_param"),
            ("sequence_start", .int64Param(1), "'sequence_start' parameter, expected bool_param."),
            ("sequence_end", nil, "'sequence_end' parameter, expected bool_param."),
            ("priority", .int64Param(-1), "'priority' parameter, expected uint64_param."),
            ("timeout", .int64Param(-1), "'timeout' parameter"), ("timeout", .stringParam("1"), "'timeout' parameter"),
            ("triton_enable_empty_final_response", .int64Param(1), "expected bool_param."),
            ("triton_other", .boolParam(true), "'triton_' are reserved"),
        ] as [(String, InferParameter.ParameterChoice?, String)])
    func wrong(name: String, choice: InferParameter.ParameterChoice?, words: String) {
        let error = #expect(throws: ServingError.self) { try read([name: choice]) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test("the sooner end of a call and of its request's patience counts")
    func deadline() throws {
        let now = MonotonicTime(nanoseconds: 1_000_000)
        func deadline(_ call: Deadline, _ microseconds: UInt64?) throws -> Deadline {
            let parameters = try read(["timeout": microseconds.map { .uint64Param($0) } ?? .uint64Param(0)])
            return CallContext(peer: nil, tenant: nil, deadline: call, requestID: RequestID(1))
                .following(parameters, from: now).deadline
        }
        let call = Deadline(MonotonicTime(nanoseconds: 1_500_000))
        #expect(try deadline(call, nil) == call)
        #expect(try deadline(call, 200) == Deadline(MonotonicTime(nanoseconds: 1_200_000)))
        #expect(try deadline(call, 900) == call)
        #expect(try deadline(.never, .max) == .never)
    }

    @Test("a request may be more urgent than its call, and keeps the call's ceiling")
    func priority() throws {
        let call = CallContext(
            peer: nil, tenant: nil, priority: CallPriority(ceiling: 3), deadline: .never, requestID: RequestID(1))
        func level(_ choice: InferParameter.ParameterChoice) throws -> Int {
            try call.following(read(["priority": choice]), from: MonotonicTime(nanoseconds: 0)).share.priority
        }
        #expect(try level(.uint64Param(1)) == 3)
        #expect(try level(.int64Param(7)) == 7)
        #expect(try level(.uint64Param(0)) == 5)
    }
}
