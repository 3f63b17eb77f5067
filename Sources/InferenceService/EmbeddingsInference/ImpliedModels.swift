package import Engine
import Messages
import Models
import Routing
package import Vocabulary

/// A request of a protocol that knows one model a server, and so names none.
protocol ModellessRequest: Message {}

/// Which model a call is for whose requests name none.
///
/// In this order: the one that its metadata name, the one that the configuration names, and the only encoder there is.
package struct ImpliedModels: Sendable {
    /// The models that might be meant.
    private struct Candidates {
        var encoders: Set<ModelName> = []
        /// Models of texts of shards that do not say what they do.
        var possible: Set<ModelName> = []
        /// Whether shards may have more that nobody knows of yet.
        var mayBeMore = false
    }

    /// Nil where the configuration names none.
    private let configured: ModelName?
    private let candidates: @Sendable () -> Candidates

    /// - Parameters:
    ///   - configured: the model of calls that say nothing; nil where the configuration names none.
    ///   - engine: whose encoders might be meant.
    ///   - directory: other servers, whose encoders might be meant as well.
    package init(configured: ModelName?, engine: Engine, directory: ShardDirectory? = nil) {
        self.configured = configured
        candidates = {
            var found = Candidates(encoders: Set(engine.models.filter(\.isEncoder).map(\.name)))
            guard let directory else { return found }
            found.mayBeMore = directory.awaitsReports
            for model in directory.catalog {
                switch model.task {
                case .embed: found.encoders.insert(model.name)
                case .unknown where model.modality == "text": found.possible.insert(model.name)
                case .unknown, .other: break
                }
            }
            return found
        }
    }

    /// For a server without models.
    package init() {
        configured = nil
        candidates = { Candidates() }
    }

    /// The model of a call.
    ///
    /// - Parameters:
    ///   - name: what the metadata `apus-model` say.
    ///   - call: who asks; what it may not call is not named to it.
    /// - Returns: a model, which need not be there.
    /// - Throws: NOT_FOUND for a name that no model can have; FAILED_PRECONDITION naming the choices; UNAVAILABLE where
    ///   there is none, and shards have not said yet what they serve.
    func model(named name: String?, _ call: CallContext) throws(ServingError) -> ModelSelector {
        if let name { return try ModelSelector(name: name) }
        if let configured { return ModelSelector(name: configured) }
        let found = candidates()
        let all = found.encoders.union(found.possible)
        if found.encoders.count == 1, all.count == 1, let only = found.encoders.first {
            return ModelSelector(name: only)
        }
        guard !all.isEmpty || !found.mayBeMore else {
            throw ServingError(
                .unavailable, "no encoder is known yet: shards have not said what they serve", label: "no_replica",
                retryAdvice: .after(nanoseconds: CircuitBreaker.openNanosecondsMin))
        }
        let choices = all.filter(call.mayCall).map(\.name).sorted()
        throw ServingError(
            .failedPrecondition,
            (choices.isEmpty
                ? "there is no encoder here"
                : "requests of tei.v1 name no model, and there are several, or it is not known to be an encoder: "
                    + choices.joined(separator: ", "))
                + "; name one in the metadata apus-model, or under tei.model in the server's configuration",
            label: "no_implied_model")
    }
}
