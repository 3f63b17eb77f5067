import Glibc

/// Times of the same kind, as counts in few buckets: small enough that every window of a measurement has its own.
///
/// There are 64 buckets to a doubling, so a value is known to 0.6 %.
///
/// ```
/// bucket i holds [2^(i/64), 2^((i+1)/64)) ns
/// ```
package struct BucketCounts: Equatable, Sendable {
    private static let bucketsPerDoubling = 64.0
    /// Beyond any time there is: 2^64 ns.
    package static let bucketCountMax = 4096

    /// By bucket; none is 0.
    package private(set) var counts: [Int: UInt64] = [:]
    package private(set) var count: UInt64 = 0

    package init() {}

    /// Values in two columns, as files have them: a bucket, its count, the next bucket and so on, in ascending order.
    ///
    /// Nil unless it is that, with counts that a measurement can have.
    package init?(pairs: [UInt64]) {
        guard pairs.count.isMultiple(of: 2) else { return nil }
        var previous: UInt64?
        for index in stride(from: 0, to: pairs.count, by: 2) {
            let (bucket, count) = (pairs[index], pairs[index + 1])
            guard bucket < Self.bucketCountMax, count > 0, count <= WindowColumns.countMax,
                previous.map({ $0 < bucket }) ?? true
            else { return nil }
            previous = bucket
            counts[Int(bucket)] = count
            self.count += count
        }
    }

    /// As `init(pairs:)` reads them.
    package var pairs: [UInt64] {
        counts.sorted { $0.key < $1.key }.flatMap { [UInt64($0.key), $0.value] }
    }

    package mutating func record(_ nanoseconds: UInt64, count: UInt64 = 1) {
        guard count > 0 else { return }
        counts[Self.bucket(nanoseconds), default: 0] += count
        self.count += count
    }

    package mutating func add(_ other: BucketCounts) {
        for (bucket, count) in other.counts { counts[bucket, default: 0] += count }
        count += other.count
    }

    static func bucket(_ nanoseconds: UInt64) -> Int {
        guard nanoseconds > 1 else { return 0 }
        return Int((log2(Double(nanoseconds)) * bucketsPerDoubling).rounded(.down))
    }

    /// A place in a bucket, from its lower bound (0) to its upper (1).
    package static func nanoseconds(ofBucket bucket: Int, at place: Double = 0.5) -> Double {
        exp2((Double(bucket) + place) / bucketsPerDoubling)
    }

    /// The standard deviation of what is not known of a value in a bucket, as a share of the value.
    static let relativeError = (exp2(1 / bucketsPerDoubling) - 1) / 12.0.squareRoot()

    /// The value that `percentile` percent of the values do not exceed; nil without values.
    package func percentileNanoseconds(_ percentile: Double) -> Double? {
        let sorted = counts.sorted { $0.key < $1.key }
        return Self.percentileNanoseconds(
            percentile, buckets: sorted.map(\.key), counts: sorted.map { Double($0.value) })
    }

    /// As though the values of a bucket were spread over it evenly: so it moves with every value, not by steps.
    static func percentileNanoseconds(_ percentile: Double, buckets: [Int], counts: [Double]) -> Double? {
        let total = counts.reduce(0, +)
        guard total > 0 else { return nil }
        let rank = total * percentile / 100
        var seen = 0.0
        for index in counts.indices where counts[index] > 0 {
            if seen + counts[index] >= rank {
                return nanoseconds(ofBucket: buckets[index], at: max(0, rank - seen) / counts[index])
            }
            seen += counts[index]
        }
        return buckets.last.map { nanoseconds(ofBucket: $0, at: 1) }
    }
}
