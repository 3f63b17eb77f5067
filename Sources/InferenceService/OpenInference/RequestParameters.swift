import Messages
import Vocabulary

/// What the parameters of a `ModelInferRequest` ask for.
///
/// - Source: Triton's parameters, sequence and schedule policy extensions, whose words for what is wrong these are.
struct RequestParameters: Equatable {
    /// How long the request may wait; nil for as long as the call may take.
    private(set) var timeoutNanoseconds: UInt64?
    /// How urgent it is, 1 being the most urgent; nil when it does not say.
    private(set) var priority: UInt64?
    /// What the response carries back.
    private(set) var echoed: [String: InferParameter] = [:]

    /// - Throws: INVALID_ARGUMENT for a value of another type, a name that is not for callers, and a sequence without
    ///   its id.
    init(_ parameters: [String: InferParameter], model: String) throws(ServingError) {
        var marksSequence = false
        for (name, parameter) in parameters {
            switch (name, parameter.parameterChoice) {
            case ("sequence_id", .int64Param(let id)?): if id != 0 { echoed[name] = parameter }
            case ("sequence_id", .uint64Param(let id)?): if id != 0 { echoed[name] = parameter }
            case ("sequence_id", .stringParam(let id)?): if !id.isEmpty { echoed[name] = parameter }
            case ("sequence_start", .boolParam(let isSet)?), ("sequence_end", .boolParam(let isSet)?):
                marksSequence = marksSequence || isSet
            case ("priority", .uint64Param(let level)?): priority = level == 0 ? nil : level
            case ("priority", .int64Param(let level)?) where level >= 0: priority = level == 0 ? nil : UInt64(level)
            case ("timeout", .int64Param(let microseconds)?) where microseconds >= 0:
                try wait(UInt64(microseconds))
            case ("timeout", .uint64Param(let microseconds)?): try wait(microseconds)
            case ("triton_enable_empty_final_response", .boolParam?): break
            default: try Self.checkOther(name)
            }
        }
        if marksSequence, echoed["sequence_id"] == nil {
            throw ServingError(
                .invalidArgument,
                "inference request to model '\(model)' must specify a non-zero or non-empty correlation ID")
        }
    }

    /// Zero waits for as long as it takes, as clients send it who have nothing to say.
    private mutating func wait(_ microseconds: UInt64) throws(ServingError) {
        guard microseconds > 0 else { return }
        let (nanoseconds, overflow) = microseconds.multipliedReportingOverflow(by: 1000)
        timeoutNanoseconds = overflow ? .max : nanoseconds
    }

    /// Any other name is the caller's own business, unless it is one that has a meaning.
    private static func checkOther(_ name: String) throws(ServingError) {
        let expected: String? =
            switch name {
            case "sequence_id": "int64_param, uint64_param or string_param"
            case "sequence_start", "sequence_end", "triton_enable_empty_final_response": "bool_param"
            case "priority": "uint64_param"
            case "timeout": "int64_param of microseconds"
            default: nil
            }
        if let expected {
            throw ServingError(.invalidArgument, "invalid value type for '\(name)' parameter, expected \(expected).")
        }
        guard !name.hasPrefix("triton_") else {
            throw ServingError(
                .invalidArgument,
                "parameter keys starting with 'triton_' are reserved and should not be specified, got "
                    + "'\(name.shown())'")
        }
    }
}

extension CallContext {
    /// The same call, as urgent as the request says, and with an end for the request's own patience.
    func following(_ parameters: RequestParameters, from now: MonotonicTime) -> CallContext {
        guard parameters.timeoutNanoseconds != nil || parameters.priority != nil else { return self }
        let patience = parameters.timeoutNanoseconds.map { Deadline(now.advanced(byNanoseconds: $0)) } ?? .never
        return CallContext(
            peer: peer, tenant: tenant, weight: weight, priority: priority.saying(parameters.priority),
            deadline: min(deadline, patience), requestID: requestID, allowedModels: allowedModels, meter: meter)
    }
}
