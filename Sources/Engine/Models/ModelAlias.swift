import Routing
package import Vocabulary

/// Another name for a model, which callers use as its own.
package struct ModelAlias: Sendable, Equatable {
    package let name: ModelName
    /// What it always leads to; nil for the version that the model's own name leads to.
    package let version: ModelVersion?

    package init(name: ModelName, version: ModelVersion? = nil) {
        self.name = name
        self.version = version
    }
}

/// Which names lead to other names.
struct AliasTable {
    private var targets: [ModelName: ModelSelector] = [:]

    /// The model that a caller means.
    func resolve(_ selector: ModelSelector) -> ModelSelector {
        guard let target = targets[selector.name] else { return selector }
        return ModelSelector(name: target.name, version: selector.version ?? target.version)
    }

    /// The aliases that lead to a model.
    func names(of model: ModelName) -> [ModelName] {
        targets.filter { $0.value.name == model }.map(\.key)
    }

    /// Replaces the aliases of a model.
    mutating func set(_ aliases: [ModelAlias], of model: ModelName) {
        for name in names(of: model) { targets[name] = nil }
        for alias in aliases { targets[alias.name] = ModelSelector(name: model, version: alias.version) }
    }

    /// What keeps a model from having these aliases.
    ///
    /// - Parameters:
    ///   - aliases: wanted.
    ///   - model: that wants them.
    ///   - isModel: whether a name is that of a model.
    /// - Returns: FAILED_PRECONDITION naming the alias; nil when nothing does.
    func objection(to aliases: [ModelAlias], of model: ModelName, isModel: (ModelName) -> Bool) -> ServingError? {
        for alias in aliases {
            let owner = targets[alias.name]?.name ?? model
            guard owner == model, !isModel(alias.name) else {
                return ServingError(
                    .failedPrecondition,
                    "alias '\(alias.name)' of model '\(model)' leads to model "
                        + "'\(owner == model ? alias.name : owner)' already", label: "alias_taken")
            }
        }
        return isModel(model) || targets[model] == nil
            ? nil
            : ServingError(
                .failedPrecondition, "'\(model)' is an alias of model '\(targets[model]?.name ?? model)'",
                label: "alias_taken")
    }
}
