import Configuration
import Vocabulary

extension ModelSettings {
    /// The keys about versions, names and the beginning, which are the same for every platform.
    mutating func readRepository(_ map: ConfigurationMap) throws(ConfigurationError) {
        versionPolicy = try VersionPolicy(reading: "versions", of: map) ?? versionPolicy
        aliases = try ModelAlias.all(in: map)
        for section in try map.maps("warm_up") { warmUp.append(try WarmUpRequest(reading: section)) }
    }
}

extension VersionPolicy {
    /// `latest`, `all`, `{latest: 2}` or `[1, 3]`; nil when the key is absent.
    fileprivate init?(reading key: String, of map: ConfigurationMap) throws(ConfigurationError) {
        switch map.kind(of: key) {
        case nil:
            // Known, even where it is absent.
            _ = try map.string(key)
            return nil
        case .map:
            guard let section = try map.map(key), let count = try section.integer("latest", in: 1...1000) else {
                throw map.error(at: key, "expected {latest: 2} for the two latest")
            }
            self = .latest(count)
        case .list:
            let numbers = try map.strings(key) ?? []
            let versions = numbers.compactMap { ModelVersion($0) }
            guard versions.count == numbers.count, !versions.isEmpty, Set(versions).count == versions.count else {
                throw map.error(at: key, "expected different positive integers, such as [1, 3]")
            }
            self = .listed(versions.sorted())
        case .text:
            switch try map.string(key) {
            case "latest"?: self = .latest(1)
            case "all"?: self = .all
            case let text:
                throw map.error(
                    at: key, "expected latest, all, {latest: 2} or [1, 3], got \"\((text ?? "").shown())\"")
            }
        }
    }
}

extension ModelAlias {
    fileprivate static func all(in map: ConfigurationMap) throws(ConfigurationError) -> [ModelAlias] {
        guard let section = try map.map("aliases") else { return [] }
        var aliases: [ModelAlias] = []
        for key in section.keys {
            guard let name = ModelName(key) else {
                throw section.error(at: key, "\"\(key.shown())\" cannot be the name of a model")
            }
            let text = try section.requiredString(key)
            let version = ModelVersion(text)
            guard version != nil || text == "latest" else {
                throw section.error(at: key, "expected latest or a version, got \"\(text.shown())\"")
            }
            aliases.append(ModelAlias(name: name, version: version))
        }
        return aliases
    }
}

extension WarmUpRequest {
    fileprivate init(reading map: ConfigurationMap) throws(ConfigurationError) {
        self.init()
        count = try map.integer("count", in: 1...1000) ?? count
        batchSize = try map.integer("batch_size", in: 1...4096) ?? batchSize
        text = try map.string("text") ?? text
        tokenCountMax = try map.integer("max_tokens", in: 1...4096) ?? tokenCountMax
        for text in try map.strings("open_extents") ?? [] {
            guard let extent = Int(text), (1...1 << 28).contains(extent) else {
                throw map.error(at: "open_extents", "expected positive integers, got \"\(text.shown())\" in it")
            }
            openExtents.append(extent)
        }
    }
}
