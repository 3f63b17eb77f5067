package import Vocabulary

/// Which of the versions that lie in a repository are served.
package enum VersionPolicy: Sendable, Equatable {
    /// So many of the highest, at least one.
    case latest(Int)
    case all
    /// These, whatever else there is; ascending.
    case listed([ModelVersion])

    /// The versions to serve of those that are there, ascending; of those that are listed also the ones that are not
    /// there, which whoever loads them will find missing.
    package func served(of versions: [ModelVersion]) -> [ModelVersion] {
        switch self {
        case .latest(let count): Array(versions.sorted().suffix(count))
        case .all: versions.sorted()
        case .listed(let listed): listed
        }
    }
}
