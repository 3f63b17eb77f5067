import Compression
import HTTP2
import Vocabulary

/// Makes the header lists of a connection's requests, and remembers the last one.
///
/// Why: a front end makes a list of a dozen fields for each call that it passes on, and its callers send the same ones
/// again and again, but for the time that is left.
///
/// - Isolation: the connection's loop.
package final class RequestLists {
    private let headers: RequestHeaders
    /// What a list was made of, without the time; nil before the first one that passes headers on.
    private var last: (path: Bytes, compression: CompressionFormat?, passed: PassedHeaders, list: HeaderList)?

    package init(_ headers: RequestHeaders) { self.headers = headers }

    /// As `RequestHeaders.list`.
    func list(
        path: Bytes, timeoutNanoseconds: UInt64?, compression: CompressionFormat?, previousAttemptCount: Int,
        passed: PassedHeaders?, metadata: Metadata
    ) throws(HTTP2Error) -> HeaderList {
        guard let passed, previousAttemptCount == 0, metadata.isEmpty else {
            return try headers.list(
                path: path, timeoutNanoseconds: timeoutNanoseconds, compression: compression,
                previousAttemptCount: previousAttemptCount, passed: passed, metadata: metadata)
        }
        var list = try untimedList(path, compression, passed)
        if let timeoutNanoseconds { try RequestHeaders.insertTimeout(timeoutNanoseconds, in: &list) }
        return list
    }

    private func untimedList(
        _ path: Bytes, _ compression: CompressionFormat?, _ passed: PassedHeaders
    ) throws(HTTP2Error) -> HeaderList {
        if let last, last.path == path, last.compression == compression, passed.sendsSame(as: last.passed) {
            return last.list
        }
        let list = try headers.list(
            path: path, timeoutNanoseconds: nil, compression: compression, passed: passed, metadata: Metadata())
        last = (path, compression, passed, list)
        return list
    }
}
