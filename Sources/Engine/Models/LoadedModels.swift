import Models
import Routing
import Vocabulary

/// Every model by name and version, and once more those that answer at once, by what callers write.
///
/// Why twice: a call of an immediate model costs so little that a lookup in the general table would be a part of it.
struct LoadedModels {
    private(set) var table = ModelTable<LoadedModel>()
    private(set) var immediate: [ModelSelector: LoadedModel] = [:]
    private var aliases = AliasTable()

    /// The model that a caller means.
    ///
    /// - Throws: NOT_FOUND naming the model and the ones there are.
    func target(of selector: ModelSelector) throws(ServingError) -> LoadedModel {
        try table.target(of: aliases.resolve(selector))
    }

    /// Whether there is a model that a caller means.
    func contains(_ selector: ModelSelector) -> Bool { table.contains(aliases.resolve(selector)) }

    /// The versions of a model, or of what an alias leads to, ascending.
    func versions(of name: ModelName) -> [ModelVersion] {
        let selector = aliases.resolve(ModelSelector(name: name))
        return selector.version.map { [$0] } ?? table.versions(of: selector.name)
    }

    /// What keeps a model from being put in place; nil when nothing does.
    func objection(to model: EngineModel, name: ModelName) -> ServingError? {
        aliases.objection(to: model.aliases, of: name) { !table.versions(of: $0).isEmpty }
    }

    /// Puts a model in place with its aliases, which replace those of its other versions, and gives back the one it
    /// replaces.
    mutating func insert(_ model: LoadedModel, aliases: [ModelAlias] = []) -> LoadedModel? {
        let description = model.description
        let replaced = table.insert(model, name: description.name, version: description.version)
        let before = self.aliases.names(of: description.name)
        self.aliases.set(aliases, of: description.name)
        refresh(description.name, formerly: before)
        return replaced
    }

    /// Puts another one of the same name and version in the place of a model, whose aliases stay; false when it is not
    /// there any more.
    mutating func replace(_ model: LoadedModel, by other: LoadedModel) -> Bool {
        let description = model.description
        let selector = ModelSelector(name: description.name, version: description.version)
        guard (try? table.target(of: selector)) === model else { return false }
        _ = table.insert(other, name: description.name, version: description.version)
        refresh(description.name, formerly: [])
        return true
    }

    mutating func remove(name: ModelName, version: ModelVersion) {
        _ = table.remove(name: name, version: version)
        let before = aliases.names(of: name)
        if table.versions(of: name).isEmpty { aliases.set([], of: name) }
        refresh(name, formerly: before)
    }

    private mutating func refresh(_ name: ModelName, formerly: [ModelName]) {
        let names = Set([name] + formerly + aliases.names(of: name))
        for selector in immediate.keys where names.contains(selector.name) { immediate[selector] = nil }
        let versions = table.versions(of: name)
        for name in names {
            for selector in [ModelSelector(name: name)] + versions.map({ ModelSelector(name: name, version: $0) }) {
                guard let model = try? target(of: selector), model.immediateModel != nil else { continue }
                immediate[selector] = model
            }
        }
    }
}
