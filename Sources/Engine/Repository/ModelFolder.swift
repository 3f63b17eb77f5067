package import Vocabulary

/// What a look at the folder of one model has found; nothing of the model itself is read.
package struct ModelFolder: Equatable, Sendable {
    package let name: ModelName
    /// The repository it lies in, as it was given to us.
    package let repository: String
    /// The folder `NAME`.
    let path: String
    /// Which versions are served, or what is wrong with `model.yaml`.
    let policy: Policy
    /// The files beside `model.yaml`, and itself.
    let stamp: FileFingerprint
    let versions: [ModelVersion: FileFingerprint]

    enum Policy: Equatable, Sendable {
        case known(VersionPolicy)
        case broken(String)
    }

    /// What is read when a version is loaded.
    struct VersionStamp: Equatable, Sendable {
        let settings: FileFingerprint
        let files: FileFingerprint?
    }

    /// What keeps every version of it from being loaded; nil when nothing does.
    var problem: String? {
        if case .broken(let problem) = policy { return problem }
        return versions.isEmpty ? "\(path): has no version: a folder named by a positive integer" : nil
    }

    func stamp(of version: ModelVersion) -> VersionStamp {
        VersionStamp(settings: stamp, files: versions[version])
    }
}
