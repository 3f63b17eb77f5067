package import Engine
import Messages
import Models
import Routing
import TextModels
package import Vocabulary

/// A request of a protocol that knows one model a server, and so names none.
protocol ModellessRequest: Message {}

/// Which model a call is for whose requests name none.
///
/// In this order: the one that its metadata name, the one that the configuration names, and the only one there is.
package struct ImpliedModels: Sendable {
    /// Nil where the configuration names none.
    private let configured: ModelName?
    /// The models that might be meant: those of which there must be only one, and others whose kind is not known here.
    private let candidates: @Sendable () -> (certain: [ModelName], possible: [ModelName])

    /// - Parameters:
    ///   - configured: the model of calls that say nothing; nil where the configuration names none.
    ///   - engine: whose encoders might be meant.
    ///   - directory: other servers, which do not say which of their models of texts are encoders.
    package init(configured: ModelName?, engine: Engine, directory: ShardDirectory? = nil) {
        self.configured = configured
        candidates = {
            let encoders = engine.models.filter { $0.outputs.contains { $0.name == EncoderModel.outputName } }
            let others = (directory?.catalog ?? []).filter { $0.modality == "text" }
            return (encoders.map(\.name), others.map(\.name))
        }
    }

    /// For a server without models.
    package init() {
        configured = nil
        candidates = { ([], []) }
    }

    /// The model of a call.
    ///
    /// - Parameters:
    ///   - name: what the metadata `apus-model` say.
    ///   - call: who asks; what it may not call is not named to it.
    /// - Returns: a model, which need not be there.
    /// - Throws: NOT_FOUND for a name that no model can have; FAILED_PRECONDITION naming the choices.
    func model(named name: String?, _ call: CallContext) throws(ServingError) -> ModelSelector {
        if let name { return try ModelSelector(name: name) }
        if let configured { return ModelSelector(name: configured) }
        let (certain, possible) = candidates()
        let names = Set(certain)
        if names.count == 1, possible.allSatisfy(names.contains), let only = names.first {
            return ModelSelector(name: only)
        }
        let choices = names.union(possible).filter(call.mayCall).map(\.name).sorted()
        throw ServingError(
            .failedPrecondition,
            (choices.isEmpty
                ? "there is no encoder here"
                : "requests of tei.v1 name no model, and there are several: \(choices.joined(separator: ", "))")
                + "; name one in the metadata apus-model, or under tei.model in the server's configuration",
            label: "no_implied_model")
    }
}
