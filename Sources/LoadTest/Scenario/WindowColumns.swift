/// The windows of a load as a result file has them: one column for each count, one entry for each window.
package struct WindowColumns: Codable, Equatable, Sendable {
    /// More windows than this are no measurement of ours.
    package static let windowCountMax: UInt64 = 100_000
    /// More calls or tokens than this in a window neither: all sums of them stay far from overflowing.
    package static let countMax: UInt64 = 100_000_000_000

    /// Calls meant to be sent in the window, whatever became of them.
    package var ended: [UInt64]
    /// Those of them that kept to their objective.
    package var good: [UInt64]
    /// Those of them that failed.
    package var failed: [UInt64]
    /// Answers that came in the window.
    package var answered: [UInt64]
    /// Tokens that came in the window.
    package var tokens: [UInt64]
    /// Of calls meant to be sent in the window: bucket, count, bucket, count …; see `BucketCounts`.
    package var latency: [[UInt64]]
    package var firstToken: [[UInt64]]
    package var betweenTokens: [[UInt64]]

    package init(_ windows: [LoadWindow]) {
        ended = windows.map(\.ended)
        good = windows.map(\.good)
        failed = windows.map(\.failed)
        answered = windows.map(\.answered)
        tokens = windows.map(\.tokens)
        latency = windows.map(\.latency.pairs)
        firstToken = windows.map(\.firstToken.pairs)
        betweenTokens = windows.map(\.betweenTokens.pairs)
    }

    /// The windows; nil for columns that no measurement has.
    package var windows: [LoadWindow]? {
        let counts = [ended, good, failed, answered, tokens]
        let times = [latency, firstToken, betweenTokens]
        guard counts.allSatisfy({ $0.count == ended.count }), times.allSatisfy({ $0.count == ended.count }),
            UInt64(ended.count) <= Self.windowCountMax,
            counts.allSatisfy({ column in column.allSatisfy { $0 <= Self.countMax } })
        else { return nil }
        var windows: [LoadWindow] = []
        for index in ended.indices {
            var window = LoadWindow()
            window.ended = ended[index]
            window.good = good[index]
            window.failed = failed[index]
            window.answered = answered[index]
            window.tokens = tokens[index]
            guard let latency = BucketCounts(pairs: latency[index]),
                let firstToken = BucketCounts(pairs: firstToken[index]),
                let betweenTokens = BucketCounts(pairs: betweenTokens[index])
            else { return nil }
            window.latency = latency
            window.firstToken = firstToken
            window.betweenTokens = betweenTokens
            windows.append(window)
        }
        return windows
    }
}
