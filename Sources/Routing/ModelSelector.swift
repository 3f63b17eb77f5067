package import Vocabulary

/// What a caller says to name a model: a name, and a version unless the latest will do.
package struct ModelSelector: Hashable, Sendable, CustomStringConvertible {
    package let name: ModelName
    /// Nil for the latest version there is.
    package let version: ModelVersion?

    package init(name: ModelName, version: ModelVersion? = nil) {
        self.name = name
        self.version = version
    }

    /// Reads the two strings of a request; an empty version means the latest.
    ///
    /// - Throws: NOT_FOUND for a name or version that no model can have, in the words for a model that is not there.
    package init(name: String, version: String = "") throws(ServingError) {
        guard let modelName = ModelName(name) else {
            throw ServingError(
                .notFound, "Request for unknown model: '\(name.shown())' is not found", label: "unknown_model")
        }
        guard !version.isEmpty else {
            self.init(name: modelName)
            return
        }
        guard let modelVersion = ModelVersion(version) else {
            throw ServingError(
                .notFound,
                "Request for unknown model: '\(name)' version '\(version.shown())' is not found: expected a "
                    + "positive integer",
                label: "unknown_model")
        }
        self.init(name: modelName, version: modelVersion)
    }

    package var description: String { version.map { "'\(name)' version \($0)" } ?? "'\(name)'" }
}
