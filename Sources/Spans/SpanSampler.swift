package import Telemetry

/// Which traces that begin here are recorded: a share of them, told by their names.
///
/// As the name decides, every server with the same share records the same traces, whole ones.
///
/// - Source: OpenTelemetry, "TraceState: Probability Sampling": the last 56 bits of a trace are compared.
package struct SpanSampler: Hashable, Sendable {
    private static let bitCount: UInt64 = 56

    /// A trace whose last bits are below it is not recorded.
    private let threshold: UInt64

    /// - Precondition: `ratio` is in 0...1.
    package init(ratio: Double) {
        precondition(ratio >= 0 && ratio <= 1, "ratio \(ratio)")
        threshold = UInt64(((1 - ratio) * Double(1 << Self.bitCount)).rounded())
    }

    package func samples(_ trace: TraceID) -> Bool { trace.low & (1 << Self.bitCount - 1) >= threshold }
}
