/// The buckets that durations and sizes of calls are counted in; the bounds are inclusive upper ends.
///
/// - Source: gRFC A66, "Metrics Schema".
package enum CallBuckets {
    /// In seconds.
    package static let durationBounds: [Double] = [
        0, 0.00001, 0.00005, 0.0001, 0.0003, 0.0006, 0.0008, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01,
        0.013, 0.016, 0.02, 0.025, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.65, 0.8,
        1, 2, 5, 10, 20, 50, 100,
    ]

    /// In bytes.
    package static let byteCountBounds: [Int] = [
        0, 1_024, 2_048, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864, 268_435_456,
        1_073_741_824, 4_294_967_296,
    ]

    /// `durationBounds` as loops measure time.
    static let durationBoundsNanoseconds = durationBounds.map { UInt64(($0 * 1_000_000_000).rounded()) }

    /// The bucket of a duration, in `0 ... durationBounds.count`.
    @inline(__always)
    static func ofDuration(_ nanoseconds: UInt64) -> Int { bucket(of: nanoseconds, durationBoundsNanoseconds) }

    /// The bucket of a size, in `0 ... byteCountBounds.count`.
    @inline(__always)
    static func ofByteCount(_ byteCount: Int) -> Int { bucket(of: byteCount, byteCountBounds) }

    /// Looks along the bounds: most calls are short and small, so they are among the first.
    @inline(__always)
    private static func bucket<Value: Comparable>(of value: Value, _ bounds: [Value]) -> Int {
        bounds.withUnsafeBufferPointer { bounds in
            var index = 0
            while index < bounds.count, value > bounds[index] { index &+= 1 }
            return index
        }
    }
}
