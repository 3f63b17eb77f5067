import Testing

@testable import LoadTest

@Suite("BucketCounts")
struct BucketCountsTests {
    @Test("percentiles are right to a bucket's width", arguments: [0, 1, 50, 90, 99, 99.9, 100.0])
    func percentiles(percentile: Double) throws {
        var counts = BucketCounts()
        for microseconds in 1...10_000 as ClosedRange<UInt64> { counts.record(microseconds * 1000) }
        let value = try #require(counts.percentileNanoseconds(percentile))
        let expected = max(1000, percentile / 100 * 10_000_000)
        #expect(abs(value / expected - 1) < 0.011, "\(value)")
    }

    @Test("any time there is has a bucket", arguments: [0, 1, 2, 999, UInt64(Int64.max), .max])
    func extremes(nanoseconds: UInt64) {
        #expect((0..<BucketCounts.bucketCountMax + 1).contains(BucketCounts.bucket(nanoseconds)))
    }

    @Test("counts survive the way through a file")
    func pairs() throws {
        var counts = BucketCounts()
        for value in [5, 70, 70, 9_000_000, 12_345_678_901] as [UInt64] { counts.record(value) }
        #expect(counts.pairs.count == 8)
        #expect(BucketCounts(pairs: counts.pairs) == counts)
        #expect(BucketCounts(pairs: []) == BucketCounts())
    }

    @Test(
        "columns that no measurement has are refused",
        arguments: [[1], [5, 1, 5, 1], [6, 1, 5, 1], [5, 0], [5000, 1], [5, .max]] as [[UInt64]])
    func hostile(pairs: [UInt64]) {
        #expect(BucketCounts(pairs: pairs) == nil)
    }

    @Test("adding is the same as recording both")
    func add() {
        var (left, right, both) = (BucketCounts(), BucketCounts(), BucketCounts())
        for value in 1...100 as ClosedRange<UInt64> {
            left.record(value * 1000)
            right.record(value * 3000, count: 2)
            both.record(value * 1000)
            both.record(value * 3000, count: 2)
        }
        left.add(right)
        #expect(left == both)
    }
}
