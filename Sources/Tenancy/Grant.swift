package import Vocabulary

/// What a tenant may do with a model.
package enum ModelAction: String, CaseIterable, Hashable, Sendable {
    /// Run it.
    case infer
    /// Ask what it takes and gives, how it is served, and what it has done.
    case inspect
    /// Load and unload it, where callers decide what is served.
    case manage
}

/// One thing that a tenant may do: these actions, by these methods, on these models.
package struct Grant: Hashable, Sendable {
    /// Nil for all of them.
    package var models: Set<ModelName>?
    /// Beside health and reflection; nil for all that are for tenants.
    package var methods: [MethodPattern]?
    package var actions: Set<ModelAction>

    /// What a tenant may do of whom nothing else is said.
    package static let actionsDefault: Set<ModelAction> = [.infer, .inspect]

    package init(
        models: Set<ModelName>? = nil, methods: [MethodPattern]? = nil,
        actions: Set<ModelAction> = Grant.actionsDefault
    ) {
        self.models = models
        self.methods = methods
        self.actions = actions
    }

    /// Whether it holds for a method, as far as its name and kind go.
    func allows(path: String, _ action: ModelAction) -> Bool {
        actions.contains(action) && (methods.map { $0.contains { $0.matches(path: path) } } ?? true)
    }

    /// Whether nothing that tenants do by default is left out.
    var isOpen: Bool { models == nil && methods == nil && actions.isSuperset(of: Grant.actionsDefault) }
}
