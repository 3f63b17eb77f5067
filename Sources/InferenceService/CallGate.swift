import Messages
import RPC
import Routing
package import Tenancy
package import Vocabulary

/// The way of every call to its service: who asks, may they, decode, answer, encode.
///
/// What it learns of a call stays with the call (`ServerContext.callNote`), for whoever observes its end:
/// `AccessLogEntry.init(_:)` reads it.
///
/// - Isolation: any event loop.
package final class CallGate: Sendable {
    let tenants: TenantGate
    let record: Record?
    let forwarder: Forwarder?
    let isServed: @Sendable (ModelName) -> Bool
    let impliedModels: ImpliedModels
    private let tracing: CallTracing?

    /// Takes down what a call of a tenant has used of a model, before the caller hears of it; the model is nil for a
    /// call that named none there is.
    package typealias Record = @Sendable (Consumption, TenantID, _ model: ModelName?) -> Void

    /// - Parameters:
    ///   - tenants: who may call what, and how much.
    ///   - record: takes down what calls use; nil where nobody keeps it.
    ///   - forwarder: decides which calls other servers answer; nil where there are none.
    ///   - isServed: whether this server has a model, so that a call that fails is counted by its name.
    ///   - impliedModels: the models of requests that name none.
    ///   - tracing: makes spans of calls; nil where nobody wants any.
    package init(
        tenants: TenantGate, record: Record? = nil, forwarder: Forwarder? = nil,
        isServed: @escaping @Sendable (ModelName) -> Bool = { _ in false },
        impliedModels: ImpliedModels = ImpliedModels(), tracing: CallTracing? = nil
    ) {
        self.isServed = isServed
        self.tenants = tenants
        self.tracing = tracing
        self.record = record
        self.forwarder = forwarder
        self.impliedModels = impliedModels
    }

    /// Lets a call in, runs `answer`, and settles what it has used.
    ///
    /// Where `isRepeatable`, that is done again when the tenant's budget has more than what was set aside for this
    /// server, as soon as it has come.
    func pass<Answer>(
        _ context: ServerContext, for audience: MethodAudience, isRepeatable: Bool = false,
        _ answer: (GateKeeper) async throws -> Answer
    ) async throws -> Answer {
        var waitCountMax = isRepeatable ? AdvanceDesk.waitCountMax : 0
        while true {
            let roundCount = tenants.desk?.roundCount
            let keeper = keeper(of: context)
            do {
                try keeper.enter(audience)
                let answer = try await answer(keeper)
                keeper.leave(failure: nil)
                return answer
            } catch {
                let failure = keeper.call.readable(ServingError(handlerError: error))
                if waitCountMax > 0, failure.isWantOfAdvance, let roundCount, let desk = tenants.desk {
                    waitCountMax -= 1
                    if await desk.wait(for: roundCount), keeper.withdrawUnused() { continue }
                }
                keeper.leave(failure: failure)
                throw failure.label == "unknown_model" ? failure : error
            }
        }
    }

    /// Whether some calls are other servers'.
    var forwards: Bool { forwarder != nil }

    /// As `pass`, for an answer that needs no task; nil, and no trace, when `answer` finds that it would.
    ///
    /// Who promises an answer for later ends the call's stay himself, by `GateKeeper.leave`.
    func passAtOnce(
        _ context: ServerContext, for audience: MethodAudience, _ answer: (GateKeeper) throws -> ImmediateAnswer?
    ) throws -> ImmediateAnswer? {
        let keeper = keeper(of: context)
        do {
            try keeper.enter(audience)
            guard let answer = try answer(keeper) else {
                keeper.withdraw()
                return nil
            }
            if case .message = answer { keeper.leave(failure: nil) }
            return answer
        } catch {
            let failure = keeper.call.readable(ServingError(handlerError: error))
            // That is to be waited for, if the database answers at all.
            if failure.isWantOfAdvance, tenants.desk?.isAnswering == true, keeper.withdrawUnused() { return nil }
            keeper.leave(failure: failure)
            throw failure.label == "unknown_model" ? failure : error
        }
    }

    private func keeper(of context: ServerContext) -> GateKeeper {
        GateKeeper(context: context, gate: self, traced: tracing?.begin(context))
    }
}
