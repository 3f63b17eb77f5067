import Synchronization
package import Vocabulary

/// The rules of a server: read by every call, changed by whoever may.
///
/// - Isolation: any thread; one short lock, and none as long as there are no rules.
package final class SharedSpanRules: Sendable {
    private let rules: Mutex<SpanRules>
    private let areThere: Atomic<Bool>

    package init(_ rules: SpanRules) {
        self.rules = Mutex(rules)
        areThere = Atomic(!rules.isEmpty)
    }

    /// Decides about one call of a model, and counts it.
    package func decide(_ model: ModelName, hasParent: Bool) -> SpanRules.Verdict {
        guard areThere.load(ordering: .relaxed) else { return .asConfigured }
        return rules.withLock { $0.decide(model, hasParent: hasParent) }
    }

    /// Looks at the rules, or changes them: all that `body` does, or nothing when it throws.
    package func update<Answer: Sendable>(
        _ body: (inout SpanRules) throws(ServingError) -> Answer
    ) throws(ServingError) -> Answer {
        let result: Result<Answer, ServingError> = rules.withLock { rules in
            Result { () throws(ServingError) in
                var changed = rules
                let answer = try body(&changed)
                rules = changed
                areThere.store(!changed.isEmpty, ordering: .relaxed)
                return answer
            }
        }
        return try result.get()
    }
}
