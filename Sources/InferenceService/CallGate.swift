import Messages
import RPC
import Routing
package import Telemetry
package import Tenancy
package import Vocabulary

/// The way of every call to its service: who asks, may they, decode, answer, encode, one line in the access log.
///
/// - Isolation: any event loop.
package struct CallGate: Sendable {
    private let tenants: TenantGate
    private let clock: any MonotonicClock
    private let log: Log
    private let record: Record?
    private let forwarder: Forwarder?
    private let impliedModels: ImpliedModels

    /// Takes down what a call of a tenant has used of a model, before the caller hears of it; the model is empty for a
    /// call that named none there is.
    package typealias Record = @Sendable (Consumption, TenantID, _ model: String) -> Void

    /// Writes one line; the entry is made only if somebody wants it.
    package typealias Log = @Sendable (StatusCode, () -> AccessLogEntry) -> Void

    package init(
        tenants: TenantGate, clock: any MonotonicClock, record: Record? = nil, forwarder: Forwarder? = nil,
        impliedModels: ImpliedModels = ImpliedModels(), log: @escaping Log
    ) {
        self.tenants = tenants
        self.clock = clock
        self.record = record
        self.forwarder = forwarder
        self.impliedModels = impliedModels
        self.log = log
    }

    /// Lets a call in, runs `answer`, and writes the line about it.
    func pass<Answer>(
        _ context: ServerContext, for audience: MethodAudience, _ answer: (GateKeeper) async throws -> Answer
    ) async throws -> Answer {
        let keeper = keeper(context)
        do {
            try keeper.enter(audience)
            let answer = try await answer(keeper)
            finish(keeper, nil)
            return answer
        } catch {
            finish(keeper, ServingError(handlerError: error))
            throw error
        }
    }

    /// As `pass`, for an answer that does not wait; nil, and no trace, when `answer` finds that it would have to.
    func passAtOnce(
        _ context: ServerContext, for audience: MethodAudience, _ answer: (GateKeeper) throws -> Bytes?
    ) throws -> Bytes? {
        let keeper = keeper(context)
        do {
            try keeper.enter(audience)
            guard let answer = try answer(keeper) else {
                keeper.withdraw()
                return nil
            }
            finish(keeper, nil)
            return answer
        } catch {
            finish(keeper, ServingError(handlerError: error))
            throw error
        }
    }

    private func keeper(_ context: ServerContext) -> GateKeeper {
        GateKeeper(
            context: context, tenants: tenants, record: record, forwarder: forwarder, impliedModels: impliedModels)
    }

    private func finish(_ keeper: GateKeeper, _ failure: ServingError?) {
        keeper.leave(failure: failure)
        log(failure?.code ?? .ok) { keeper.entry(failure: failure, now: clock.now()) }
    }
}
