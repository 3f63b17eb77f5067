import Compression
import HTTP2
import Vocabulary

/// Makes the header lists of a connection's requests, and remembers the last ones.
///
/// Why: a front end makes a list of a dozen fields for each call that it passes on, and its callers send the same ones
/// again and again, but for the time that is left.
///
/// - Isolation: the connection's loop.
package final class RequestLists {
    private let headers: RequestHeaders
    /// Those that pass headers on.
    private var remembered: [Remembered] = []
    /// Which of them was of use last, and which is the next to be replaced.
    private var last = 0
    private var oldest = 0
    private static let countMax = 8
    /// Longer lists are not remembered.
    private static let byteCountMax = 2 << 10

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
        if last < remembered.count, remembered[last].isOf(path, compression, passed) { return remembered[last].list }
        if let index = remembered.firstIndex(where: { $0.isOf(path, compression, passed) }) {
            last = index
            return remembered[index].list
        }
        let list = try headers.list(
            path: path, timeoutNanoseconds: nil, compression: compression, passed: passed, metadata: Metadata())
        remember(Remembered(path: path, compression: compression, passed: passed, list: list))
        return list
    }

    private func remember(_ made: Remembered) {
        guard made.list.listByteCount <= Self.byteCountMax else { return }
        if remembered.count < Self.countMax {
            last = remembered.count
            remembered.append(made)
        } else {
            last = oldest
            remembered[oldest] = made
            oldest = (oldest + 1) % Self.countMax
        }
    }

    /// A list, and what it was made of, without the time.
    private final class Remembered {
        private let path: Bytes
        private let compression: CompressionFormat?
        private let passed: PassedHeaders
        let list: HeaderList

        init(path: Bytes, compression: CompressionFormat?, passed: PassedHeaders, list: HeaderList) {
            self.path = path
            self.compression = compression
            self.passed = passed
            self.list = list
        }

        func isOf(_ path: Bytes, _ compression: CompressionFormat?, _ passed: PassedHeaders) -> Bool {
            self.path == path && self.compression == compression && passed.sendsSame(as: self.passed)
        }
    }
}
