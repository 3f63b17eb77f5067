import Synchronization
package import Vocabulary

/// Something that can be asked at any time what it has cost: for whoever has to know before the answer is there, or of
/// a request that fails.
///
/// - Isolation: any thread.
package protocol UsageSource: AnyObject, Sendable {
    /// What it has cost until now; once it is answered, what the answer says.
    var usage: Usage { get }
    /// The version that answers; nil until that is found out.
    var answeringVersion: ModelVersion? { get }
}

/// What requests cost that the engine answers at once: filled in by the engine, read by whoever charges for it.
package final class UsageTally: UsageSource {
    private struct State {
        var version: ModelVersion?
        /// Nil before there is anything to cost.
        var measure: (@Sendable () -> Usage)?
        var reservedTokenCount = 0
    }

    private let state = Mutex(State())

    package init() {}

    package var usage: Usage { state.withLock { $0.measure }?() ?? Usage() }
    package var answeringVersion: ModelVersion? { state.withLock { $0.version } }

    /// Of a single text, the tokens that were asked for beforehand.
    package var reservedTokenCount: Int { state.withLock { $0.reservedTokenCount } }

    /// From now on it costs what `measure` says.
    func begin(
        by version: ModelVersion, reservedTokenCount: Int = 0, _ measure: @escaping @Sendable () -> Usage
    ) {
        state.withLock {
            $0 = State(version: version, measure: measure, reservedTokenCount: reservedTokenCount)
        }
    }
}

extension Usage {
    /// Adds what a text costs that is computed beside others: its times and tokens, and the longest wait of all.
    mutating func add(text: Usage) {
        queueNanoseconds = max(queueNanoseconds, text.queueNanoseconds)
        computeNanoseconds &+= text.computeNanoseconds
        promptTokenCount += text.promptTokenCount
    }

    /// Adds what the part of an execution costs that a text had with others, and the tokens it brought.
    mutating func add(textOf tokenCount: Int, in execution: Usage) {
        queueNanoseconds = max(queueNanoseconds, execution.queueNanoseconds)
        guard execution.batchSampleCount > 0 else { return }
        computeNanoseconds &+= execution.computeNanoseconds * UInt64(tokenCount) / UInt64(execution.batchSampleCount)
        promptTokenCount += tokenCount
    }
}
