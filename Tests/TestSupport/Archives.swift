package import Foundation
package import Vocabulary

/// A file that a test could not unpack.
package struct UnpackError: Error {
    package let path: String
    package let problem: String
}

/// The contents of a gzip file, by the `gzip` command.
package func gunzipped(_ url: URL) throws -> Bytes {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["gzip", "-dc", url.path]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        throw UnpackError(path: url.path, problem: "gzip ended with \(process.terminationStatus)")
    }
    return data.withUnsafeBytes { Bytes(copying: $0) }
}

/// The regular files in a tar archive, by path.
///
/// - Source: POSIX.1-1988 ustar: blocks of 512 bytes; name at 0, size in octal at 124, type at 156, prefix at 345.
package func tarFiles(_ archive: Bytes) throws -> [String: Bytes] {
    var files: [String: Bytes] = [:]
    var offset = 0
    while offset + 512 <= archive.count, archive[offset] != 0 {
        func text(_ range: Range<Int>) -> String {
            String(
                decoding: archive[offset + range.lowerBound..<offset + range.upperBound].array.prefix { $0 != 0 },
                as: UTF8.self)
        }
        let prefix = text(345..<500)
        let name = prefix.isEmpty ? text(0..<100) : prefix + "/" + text(0..<100)
        guard let size = Int(text(124..<136).trimmingCharacters(in: .whitespaces), radix: 8),
            offset + 512 + size <= archive.count
        else { throw UnpackError(path: name, problem: "no valid size in the tar header") }
        if ["0", ""].contains(text(156..<157)) { files[name] = archive[offset + 512..<offset + 512 + size] }
        offset += 512 + (size + 511) / 512 * 512
    }
    return files
}
