package import Vocabulary

/// Which target answers for a model: name and version to whatever serves it.
///
/// A value: who shares it between threads keeps it behind a lock.
package struct ModelTable<Target> {
    /// Ascending by version for each name; no name without a version.
    private var versionsByName: [ModelName: [(version: ModelVersion, target: Target)]] = [:]
    private var nameCount = 0

    package init() {}

    /// Puts `target` in place, and gives back the one it replaces.
    package mutating func insert(_ target: Target, name: ModelName, version: ModelVersion) -> Target? {
        var versions = versionsByName[name] ?? []
        defer {
            versionsByName[name] = versions
            nameCount = versionsByName.count
        }
        let index = versions.firstIndex { $0.version >= version } ?? versions.count
        if index < versions.count, versions[index].version == version {
            defer { versions[index].target = target }
            return versions[index].target
        }
        versions.insert((version, target), at: index)
        return nil
    }

    /// Takes a version out, and gives back what served it.
    package mutating func remove(name: ModelName, version: ModelVersion) -> Target? {
        guard var versions = versionsByName[name], let index = versions.firstIndex(where: { $0.version == version })
        else { return nil }
        let removed = versions.remove(at: index).target
        versionsByName[name] = versions.isEmpty ? nil : versions
        nameCount = versionsByName.count
        return removed
    }

    /// The target of the version asked for, or of the latest.
    ///
    /// - Throws: NOT_FOUND naming the model and, briefly, what there is instead.
    package func target(of selector: ModelSelector) throws(ServingError) -> Target {
        guard let versions = versionsByName[selector.name] else {
            throw unknown("'\(selector.name)' is not found", instead: names.map(\.name), of: "models")
        }
        guard let version = selector.version else { return versions[versions.count - 1].target }
        guard let match = versions.first(where: { $0.version == version }) else {
            throw unknown(
                "'\(selector.name)' version \(version) is not found",
                instead: versions.map { String($0.version.number) }, of: "versions")
        }
        return match.target
    }

    /// Whether there is a target for it.
    ///
    /// Why beside `target(of:)`: to say what there is instead costs more than to look, and most who ask drop it.
    package func contains(_ selector: ModelSelector) -> Bool {
        // A front end has no models of its own, and need not hash the name to know that this is none of them.
        guard nameCount > 0, let versions = versionsByName[selector.name] else { return false }
        return selector.version.map { version in versions.contains { $0.version == version } } ?? true
    }

    /// Every target, by name and then by version.
    package var targets: [Target] {
        names.flatMap { versionsByName[$0, default: []].map(\.target) }
    }

    /// The versions of a model, ascending; empty for one that is not there.
    package func versions(of name: ModelName) -> [ModelVersion] {
        versionsByName[name, default: []].map(\.version)
    }

    private var names: [ModelName] {
        versionsByName.keys.sorted { $0.name < $1.name }
    }

    private func unknown(_ what: String, instead: [String], of kind: String) -> ServingError {
        let countShown = 8
        let list = instead.prefix(countShown).joined(separator: ", ") + (instead.count > countShown ? ", …" : "")
        return ServingError(
            .notFound,
            "Request for unknown model: \(what) (\(instead.isEmpty ? "no \(kind) are loaded" : "\(kind): \(list)"))",
            label: "unknown_model")
    }
}

extension ServingError {
    /// The same error without what there is instead, for callers that are not to know of other models.
    package var withoutAlternatives: ServingError {
        guard label == "unknown_model", let parenthesis = message.firstRange(of: " (") else { return self }
        return ServingError(code, String(message[..<parenthesis.lowerBound]), label: label, retryAdvice: retryAdvice)
    }
}
