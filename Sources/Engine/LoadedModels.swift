import Models
import Routing
import Vocabulary

/// Every model by name and version, and once more those that answer at once, by what callers write.
///
/// Why twice: a call of an immediate model costs so little that a lookup in the general table would be a part of it.
struct LoadedModels {
    private(set) var table = ModelTable<LoadedModel>()
    private(set) var immediate: [ModelSelector: LoadedModel] = [:]

    /// Puts a model in place, and gives back the one it replaces.
    mutating func insert(_ model: LoadedModel) -> LoadedModel? {
        let description = model.description
        let replaced = table.insert(model, name: description.name, version: description.version)
        refresh(description.name)
        return replaced
    }

    mutating func remove(name: ModelName, version: ModelVersion) {
        _ = table.remove(name: name, version: version)
        refresh(name)
    }

    private mutating func refresh(_ name: ModelName) {
        for selector in immediate.keys where selector.name == name { immediate[selector] = nil }
        let versions = table.versions(of: name)
        guard !versions.isEmpty else { return }
        let selectors = [ModelSelector(name: name)] + versions.map { ModelSelector(name: name, version: $0) }
        for selector in selectors {
            guard let model = try? table.target(of: selector), model.immediateModel != nil else { continue }
            immediate[selector] = model
        }
    }
}
