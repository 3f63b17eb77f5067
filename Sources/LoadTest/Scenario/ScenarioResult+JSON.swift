package import Foundation
import Vocabulary

/// Why a file is not the result of a scenario.
package enum ScenarioResultError: Error, Equatable, CustomStringConvertible {
    case unreadable(String)
    case notAResult(String)
    case otherVersion(Int)

    package var description: String {
        switch self {
        case .unreadable(let reason): "cannot be read: \(reason)"
        case .notAResult(let reason): "is no result of apus bench scenario: \(reason)"
        case .otherVersion(let version):
            "is a result of schema version \(version); this program reads \(ScenarioResult.schemaVersionNow)"
        }
    }
}

extension ScenarioResult {
    private struct Head: Decodable {
        var schema: String
        var schemaVersion: Int
    }

    /// Longer files are refused.
    package static let byteCountMax = 256 << 20

    /// The result as JSON: keys in snake case and sorted, on one line.
    ///
    /// On one line, because the columns of windows would have a line for every number.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }

    /// Reads what `json` wrote, by this program or another version of it.
    package init(json data: Data) throws(ScenarioResultError) {
        guard data.count <= Self.byteCountMax else { throw .notAResult("\(data.count) bytes") }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            let head = try decoder.decode(Head.self, from: data)
            guard head.schema == Self.schemaName else {
                throw ScenarioResultError.notAResult("its schema is \"\(head.schema.shown())\"")
            }
            guard head.schemaVersion == Self.schemaVersionNow else {
                throw ScenarioResultError.otherVersion(head.schemaVersion)
            }
            self = try decoder.decode(Self.self, from: data)
        } catch let error as ScenarioResultError {
            throw error
        } catch let DecodingError.keyNotFound(key, _) {
            throw .notAResult("\(key.stringValue) is missing")
        } catch let DecodingError.typeMismatch(_, context), let DecodingError.valueNotFound(_, context),
            let DecodingError.dataCorrupted(context)
        {
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw .notAResult(path.isEmpty ? "not JSON" : "\(path): \(context.debugDescription)")
        } catch {
            throw .unreadable("\(error)")
        }
        try check()
    }

    private func check() throws(ScenarioResultError) {
        guard windowSeconds >= 0.001, windowSeconds <= 86_400, measuredSeconds >= 0, measuredSeconds <= 86_400 else {
            throw .notAResult("window_seconds is \(windowSeconds), measured_seconds \(measuredSeconds)")
        }
        guard loads.count <= 10_000 else { throw .notAResult("\(loads.count) loads") }
        for load in loads where load.windows.windows == nil {
            throw .notAResult("the windows of the load \(load.name.shown()) are impossible")
        }
    }

    /// The windows of some of the loads, added up.
    func windows(where isIncluded: (LoadResult) -> Bool) -> [LoadWindow] {
        var sum: [LoadWindow] = []
        for load in loads where isIncluded(load) {
            let windows = load.windows.windows ?? []
            while sum.count < windows.count { sum.append(LoadWindow()) }
            for (index, window) in windows.enumerated() { sum[index].add(window) }
        }
        return sum
    }
}
