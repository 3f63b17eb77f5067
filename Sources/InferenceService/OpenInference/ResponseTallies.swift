import Synchronization
import Vocabulary

/// What became of the responses that are the same in number, each in its stream.
struct ResponseTally: Equatable {
    var sentCount: UInt64 = 0
    /// The time since the response before, or since the request for the first.
    var sentNanoseconds: UInt64 = 0
    var failureCount: UInt64 = 0
    var failureNanoseconds: UInt64 = 0
    var cancellationCount: UInt64 = 0
}

/// The streamed responses of each version of each model, by their number in the stream.
///
/// Bounded: responses beyond `responseCountMax` of a stream count as the last of those, for a text may have a thousand.
///
/// - Isolation: any thread.
final class ResponseTallies: Sendable {
    static let responseCountMax = 64

    /// How a response ended.
    enum Ending { case sent, failed, cancelled }

    private struct Key: Hashable {
        let name: ModelName
        let version: ModelVersion
    }

    private let tallies = Mutex<[Key: [ResponseTally]]>([:])

    /// Counts response `index`, counted from 0, of a stream.
    func count(_ index: Int, _ ending: Ending, nanoseconds: UInt64, name: ModelName, version: ModelVersion) {
        let index = min(index, Self.responseCountMax - 1)
        let key = Key(name: name, version: version)
        tallies.withLock { tallies in
            while tallies[key, default: []].count <= index { tallies[key, default: []].append(ResponseTally()) }
            switch ending {
            case .sent:
                tallies[key]![index].sentCount += 1
                tallies[key]![index].sentNanoseconds &+= nanoseconds
            case .failed:
                tallies[key]![index].failureCount += 1
                tallies[key]![index].failureNanoseconds &+= nanoseconds
            case .cancelled: tallies[key]![index].cancellationCount += 1
            }
        }
    }

    /// Those of one version.
    func all(name: ModelName, version: ModelVersion) -> [ResponseTally] {
        tallies.withLock { $0[Key(name: name, version: version)] ?? [] }
    }
}
