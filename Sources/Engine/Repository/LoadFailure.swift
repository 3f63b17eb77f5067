import Vocabulary

/// Why a version of a model could not be loaded.
struct LoadFailure: Error, Equatable, Sendable {
    /// With files and what is wrong in them: for the log, and for who looks after the server.
    let detail: String
    /// That it was for want of memory; nil for anything else, which stays so until its files change.
    var shortage: MemoryShortage?

    /// What callers read, who have no business with the folders of the server.
    static let summary = "it could not be loaded; the log of the server says why"

    func reason(for reader: RepositoryTable.Reader) -> String {
        if let shortage, reader == .caller { return shortage.error.message }
        return reader == .administrator ? detail : Self.summary
    }

    /// The answer to who has asked for it to be loaded.
    func servingError(_ name: ModelName, for reader: RepositoryTable.Reader) -> ServingError {
        if let error = shortage?.error { return error }
        return ServingError(
            .failedPrecondition, "failed to load '\(name)', \(reason(for: reader))", label: "load_failed")
    }
}

/// That there is not memory enough for a model.
struct MemoryShortage: Error, Equatable, Sendable {
    /// Bytes that it takes, or is thought to.
    let byteCount: Int
    /// RESOURCE_EXHAUSTED.
    let error: ServingError

    static func == (left: MemoryShortage, right: MemoryShortage) -> Bool { left.byteCount == right.byteCount }
}

extension ServingError {
    /// The answer to who has asked for a model to be loaded that may be there, and cannot be read now.
    static func unreadable(_ name: ModelName, _ problem: String, for reader: RepositoryTable.Reader) -> ServingError {
        let reason = reader == .administrator ? problem : "its folder cannot be read now"
        return ServingError(.unavailable, "failed to load '\(name)', \(reason)", label: "unreadable_model")
    }
}
