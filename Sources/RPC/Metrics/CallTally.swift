package import Vocabulary

/// Calls counted by method and status: how many began, how many ended, how long they took and how large they were.
///
/// One thread counts and nobody else looks, so counting needs neither a lock nor an atomic; whoever collects asks that
/// thread to `take` what has been counted. Memory is allocated for the first call of a method that ends with a status
/// and never again.
///
/// ```
/// cells    [method 0: OK, CANCELLED, …][method 1: OK, …] … [other: …]     -1, or where in `counts` it begins
/// counts   [durations 42 | sent 15 | received 15 | 3 sums][durations …    one such row for each cell in use
/// ```
///
/// - Source: gRFC A66.
package struct CallTally: Sendable {
    /// What the calls of methods that are not registered are counted under: a caller can name as many as it likes.
    package static let otherMethod = "other"

    /// The names of the methods as `grpc.method` has them; the last is `otherMethod`.
    package let methods: [String]
    /// Of calls that began, by method.
    private var startedCounts: [UInt64]
    private var cells: [Int32]
    private var counts: [UInt64] = []

    /// - Parameter paths: `/package.Service/Method`; a call of `paths[n]` is counted by the index `n`, and a call of
    ///   any other method by `otherIndex`.
    package init(paths: [String]) {
        methods = paths.map { String($0.drop { $0 == "/" }) } + [Self.otherMethod]
        startedCounts = Array(repeating: 0, count: methods.count)
        cells = Array(repeating: -1, count: methods.count * Self.statusCount)
    }

    private static let statusCount = StatusCode.allCases.count
    private static let sumCount = 3

    /// Where a row's parts begin.
    private static let sentStart = CallBuckets.durationBoundsNanoseconds.count + 1
    private static let receivedStart = sentStart + CallBuckets.byteCountBounds.count + 1
    private static let sumsStart = receivedStart + CallBuckets.byteCountBounds.count + 1
    private static let rowCount = sumsStart + sumCount

    /// The index of all methods that are not registered.
    package var otherIndex: Int { methods.count - 1 }

    /// Counts a call that begins.
    package mutating func callDidBegin(method: Int) {
        startedCounts[method] &+= 1
    }

    /// Counts a call that has ended.
    ///
    /// - Parameters:
    ///   - method: its index.
    ///   - status: what it ended with.
    ///   - extent: how long and how large it was.
    /// - Complexity: a few comparisons for each of the three buckets; no allocation but for a first time.
    package mutating func callDidEnd(method: Int, status: StatusCode, _ extent: CallExtent) {
        let cell = method &* Self.statusCount &+ status.rawValue
        if cells[cell] < 0 { addRow(cell) }
        let row = Int(cells[cell])
        counts.withUnsafeMutableBufferPointer { counts in
            counts[row &+ CallBuckets.ofDuration(extent.durationNanoseconds)] &+= 1
            counts[row &+ Self.sentStart &+ CallBuckets.ofByteCount(extent.sentByteCount)] &+= 1
            counts[row &+ Self.receivedStart &+ CallBuckets.ofByteCount(extent.receivedByteCount)] &+= 1
            counts[row &+ Self.sumsStart] &+= extent.durationNanoseconds
            counts[row &+ Self.sumsStart &+ 1] &+= UInt64(extent.sentByteCount)
            counts[row &+ Self.sumsStart &+ 2] &+= UInt64(extent.receivedByteCount)
        }
    }

    private mutating func addRow(_ cell: Int) {
        cells[cell] = Int32(counts.count)
        counts.append(contentsOf: repeatElement(0, count: Self.rowCount))
    }

    /// What has been counted since the last time; counting starts again at zero, in the memory there is.
    package mutating func take() -> CallTally {
        // Copied element by element: an array that is shared would be copied by the next call that ends.
        var taken = self
        taken.counts = Array(counts[...])
        taken.startedCounts = Array(startedCounts[...])
        for index in counts.indices { counts[index] = 0 }
        for index in startedCounts.indices { startedCounts[index] = 0 }
        return taken
    }
}

/// How long a call took and how large it was.
package struct CallExtent: Hashable, Sendable {
    package var durationNanoseconds: UInt64
    /// The messages that were sent, as they travelled, without prefixes.
    package var sentByteCount: Int
    /// The messages that were received, as they travelled, without prefixes.
    package var receivedByteCount: Int

    package init(durationNanoseconds: UInt64, sentByteCount: Int, receivedByteCount: Int) {
        self.durationNanoseconds = durationNanoseconds
        self.sentByteCount = sentByteCount
        self.receivedByteCount = receivedByteCount
    }
}

extension CallTally {
    /// How often values fell into each bucket, and their sum.
    package struct Distribution: Hashable, Sendable {
        /// One more than there are bounds.
        package let bucketCounts: [UInt64]
        /// In the unit of the bounds: nanoseconds or bytes.
        package let sum: UInt64

        /// How many values there were.
        package var count: UInt64 { bucketCounts.reduce(0, +) }
    }

    /// The calls of one method that ended with one status.
    package struct Ended: Hashable, Sendable {
        package let method: String
        package let status: StatusCode
        package let durations: Distribution
        package let sentByteCounts: Distribution
        package let receivedByteCounts: Distribution
    }

    /// How many calls of each method began; without methods that nobody called.
    package var started: [(method: String, count: UInt64)] {
        zip(methods, startedCounts).filter { $0.1 > 0 }.map { (method: $0.0, count: $0.1) }
    }

    /// The calls that ended, in the order of methods and status codes; without pairs that did not occur.
    package var ended: [Ended] {
        cells.indices.compactMap { cell in
            guard cells[cell] >= 0 else { return nil }
            let row = Int(cells[cell])
            let ended = Ended(
                method: methods[cell / Self.statusCount], status: StatusCode.allCases[cell % Self.statusCount],
                durations: distribution(row, 0..<Self.sentStart, sum: 0),
                sentByteCounts: distribution(row, Self.sentStart..<Self.receivedStart, sum: 1),
                receivedByteCounts: distribution(row, Self.receivedStart..<Self.sumsStart, sum: 2))
            return ended.durations.count > 0 ? ended : nil
        }
    }

    private func distribution(_ row: Int, _ part: Range<Int>, sum: Int) -> Distribution {
        Distribution(
            bucketCounts: Array(counts[row + part.lowerBound..<row + part.upperBound]),
            sum: counts[row + Self.sumsStart + sum])
    }
}
