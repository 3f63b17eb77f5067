/// What a step has to compute, as far as its time depends on it.
package struct StepWork: Equatable, Sendable {
    /// Tokens that go through the model.
    package private(set) var tokenCount = 0
    /// Positions that attention reads, all tokens together: the token at position `p` reads `p + 1`.
    package private(set) var readPositionCount = 0

    package init() {}

    /// Adds the tokens of one sequence at these positions.
    package mutating func add(_ positions: Range<Int>) {
        tokenCount += positions.count
        readPositionCount += positions.count * (positions.lowerBound + positions.upperBound + 1) / 2
    }

    /// Adds samples of a batch: tokens, so to speak, that read nothing.
    package mutating func add(sampleCount: Int) { tokenCount += sampleCount }
}

/// Predicts how long a step takes from the steps before: `t = a + b · tokens + c · positions read`.
///
/// `a` is what every step costs (reading the weights, waking the gang), `b` the arithmetic of a token, `c` the reading
/// of keys and values. They differ by model and machine and change with what else runs, so they are followed by a
/// Kalman filter whose state drifts slowly. Why not plain least squares with forgetting: in hours in which each step
/// decodes the same few texts, `a` and `b` cannot be told apart, and a fit that forgets would forget what it knew of
/// them; the filter keeps its estimate and only grows less sure of it.
///
/// Deterministic: the same measurements give the same predictions.
///
/// - Source: Kalman 1960, with the state of a random walk; Gujarati et al. 2020 (Clockwork) on predicted times.
package struct StepCostModel: Sendable {
    /// Nanoseconds `a`, `b` and `c`.
    private var costs = SIMD3<Double>(repeating: 0)
    /// How unsure they are: the rows of their covariance.
    private var covariance: [SIMD3<Double>]
    /// Steps measured.
    package private(set) var measurementCount = 0
    /// How far a prediction is off, on average over the last twenty steps or so.
    package private(set) var errorNanoseconds = 0.0

    /// Standard deviations before anything is measured: 10 ms, 1 ms and 1 µs.
    ///
    /// Only their ratio matters: it says to which cost the first measurement is put down.
    private static let spreadMax = SIMD3<Double>(1e7, 1e6, 1e3)
    /// How much a cost may drift in a step, as a share of itself.
    private static let driftShare = 0.01
    /// How far a measured time strays from that of an undisturbed step, as a share of it and at least.
    private static let noiseShare = 0.1
    private static let noiseNanosecondsMin = 2e4
    /// A step that was interrupted counts as at most so many times its prediction.
    ///
    /// A model that has become slower is followed all the same, in a few steps.
    private static let surpriseMax = 4.0
    /// Measurements before predictions are relied upon to refuse something.
    private static let reliableMeasurementCount = 16

    /// Nothing measured.
    package init() {
        covariance = (0..<3).map { row in
            var unsure = SIMD3<Double>(repeating: 0)
            unsure[row] = Self.spreadMax[row] * Self.spreadMax[row]
            return unsure
        }
    }

    /// A refusal does not rest on predictions when the last measurement is older: 1 s.
    ///
    /// What is refused is not measured. If everything is refused because a model was slow once, something has to be let
    /// through now and then that finds out that it no longer is.
    package static let predictionAgeNanosecondsMax: UInt64 = 1_000_000_000

    /// Whether a refusal may rest on a prediction.
    package var isReliable: Bool { measurementCount >= Self.reliableMeasurementCount }

    /// The predicted time of a step; 0 before the first measurement.
    package func nanoseconds(for work: StepWork) -> Double { dot(costs, features(of: work)) }

    /// Learns from a step that was run.
    package mutating func learn(_ work: StepWork, nanoseconds: UInt64) {
        let features = features(of: work)
        let predicted = dot(costs, features)
        var measured = Double(nanoseconds)
        if isReliable { measured = min(measured, Self.surpriseMax * max(predicted, Self.noiseNanosecondsMin)) }
        for row in 0..<3 {
            // A cost that was taken for none may turn out to be one after all.
            let drift = Self.driftShare * max(costs[row], 0.1 * measured / max(1, features[row]))
            let limit = Self.spreadMax[row] * Self.spreadMax[row]
            covariance[row][row] = min(max(limit, covariance[row][row]), covariance[row][row] + drift * drift)
        }
        let noise = max(Self.noiseShare * measured, Self.noiseNanosecondsMin)
        let shared = SIMD3((0..<3).map { dot(covariance[$0], features) })
        let spread = dot(shared, features) + noise * noise
        let gain = shared / spread
        let surprise = measured - predicted
        costs += gain * surprise
        // No cost is negative; a fit that makes one so has put its share down to another.
        costs.replace(with: 0, where: costs .< 0)
        for row in 0..<3 { covariance[row] -= gain[row] * shared }
        measurementCount += 1
        if measurementCount > 1 { errorNanoseconds += (abs(surprise) - errorNanoseconds) / 20 }
    }

    /// The most tokens from position `start` of a sequence with which a step is predicted to take `nanoseconds`.
    ///
    /// - Parameters:
    ///   - start: the position of the first of them.
    ///   - tokenCountMax: as many are enough.
    ///   - work: what else is in the step.
    ///   - nanoseconds: for the whole step, the usual error of the prediction included.
    /// - Returns: 0 when `work` alone takes longer.
    /// - Complexity: O(log `tokenCountMax`).
    package func tokenCount(
        from start: Int, atMost tokenCountMax: Int, beside work: StepWork, within nanoseconds: Double
    ) -> Int {
        // The time grows with the count: everything up to `fitting` fits, nothing from `unfitting` on does.
        var fitting = 0
        var unfitting = tokenCountMax + 1
        while unfitting - fitting > 1 {
            let count = (fitting + unfitting) / 2
            var whole = work
            whole.add(start..<start + count)
            if self.nanoseconds(for: whole) + errorNanoseconds <= nanoseconds {
                fitting = count
            } else {
                unfitting = count
            }
        }
        return fitting
    }

    /// The time that reading tokens takes at least, if nothing else is done.
    ///
    /// - Parameters:
    ///   - positions: of the tokens.
    ///   - stepTokenBudget: most tokens in a step.
    /// - Returns: what is predicted, less the usual error of each step.
    package func nanosecondsAtLeast(for positions: Range<Int>, stepTokenBudget: Int) -> Double {
        var work = StepWork()
        work.add(positions)
        let stepCount = (positions.count + stepTokenBudget - 1) / stepTokenBudget
        let predicted = nanoseconds(for: work) + Double(max(0, stepCount - 1)) * costs[0]
        return max(0, predicted - Double(stepCount) * errorNanoseconds)
    }

    private func features(of work: StepWork) -> SIMD3<Double> {
        SIMD3(1, Double(work.tokenCount), Double(work.readPositionCount))
    }

    private func dot(_ left: SIMD3<Double>, _ right: SIMD3<Double>) -> Double { (left * right).sum() }
}
