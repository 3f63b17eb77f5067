package import Foundation

/// The reference data that lies beside the package; a test that needs it is skipped where it is missing.
///
/// Use as `@Test(.enabled(if: SharedData.isPresent))`.
package enum SharedData {
    /// The folder, from `APUS_SHARED_DATA` or at `../shared/data` beside the package, or nil.
    package static let directory: URL? = find()

    /// Whether the folder is there.
    package static var isPresent: Bool { directory != nil }

    /// The file or folder at `path` inside the data.
    ///
    /// - Throws: `CocoaError` when there is no such file.
    package static func url(_ path: String) throws -> URL {
        guard let url = directory?.appending(path: path), FileManager.default.fileExists(atPath: url.path) else {
            throw CocoaError(.fileNoSuchFile, userInfo: [NSFilePathErrorKey: path])
        }
        return url
    }

    private static func find() -> URL? {
        if let path = ProcessInfo.processInfo.environment["APUS_SHARED_DATA"] { return existing(URL(filePath: path)) }
        // This file is at PACKAGE/Tests/TestSupport/SharedData.swift.
        let package = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
        return existing(package.appending(path: "../shared/data").standardizedFileURL)
    }

    private static func existing(_ url: URL) -> URL? {
        FileManager.default.fileExists(atPath: url.path) ? url : nil
    }
}
