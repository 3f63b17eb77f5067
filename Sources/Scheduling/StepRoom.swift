/// What is left of an open step, and what has been put into it.
struct StepRoom {
    /// Tokens that still fit.
    private(set) var tokenCount: Int
    /// What is in the step.
    private(set) var work = StepWork()
    /// How long the whole step may take; nil for as long as its tokens take.
    private var nanosecondsMax: Double?
    private let costs: StepCostModel

    /// Tokens that a product with the weights takes in one go, on the widest units we know (AMX tiles have 16 rows): a
    /// step that is cut to save time is cut to a multiple, because the tokens up to the next one are nearly free.
    static let tileTokenCount = 16

    /// How much more a guess has to be worth than it costs, because both are estimates.
    private static let guessMargin = 1.2

    init(tokenCount: Int, costs: StepCostModel) {
        self.tokenCount = tokenCount
        self.costs = costs
    }

    /// From now on the step may take so long.
    ///
    /// Before anything is measured that means nothing.
    mutating func limitTime(to nanoseconds: UInt64) {
        guard costs.measurementCount > 0, nanoseconds < .max else { return }
        nanosecondsMax = Double(nanoseconds)
    }

    /// Puts tokens into the step.
    ///
    /// - Returns: how many nanoseconds longer it takes with them; 1 a token before anything is measured.
    @discardableResult
    mutating func take(_ positions: Range<Int>) -> Double {
        let before = costs.nanoseconds(for: work)
        tokenCount -= positions.count
        work.add(positions)
        return max(Double(positions.count), costs.nanoseconds(for: work) - before)
    }

    /// How much of a prompt comes into the step.
    ///
    /// - Parameters:
    ///   - positions: what is missing of the prompt.
    ///   - isFirst: whether no other prompt is in the step; the first one gets a tile however late it is, so that
    ///     prompts are read even while the texts that are written take all the time there is.
    /// - Returns: as many tokens as fit, in whole tiles when time is short.
    func promptTokenCount(of positions: Range<Int>, isFirst: Bool) -> Int {
        let countMax = min(tokenCount, positions.count)
        guard let nanosecondsMax else { return countMax }
        let count = costs.tokenCount(
            from: positions.lowerBound, atMost: countMax, beside: work, within: nanosecondsMax)
        if count == countMax { return count }
        let whole = count - (work.tokenCount + count) % Self.tileTokenCount
        if whole > 0 || !isFirst { return max(0, whole) }
        let isInTile = work.tokenCount % Self.tileTokenCount
        return min(countMax, isInTile == 0 ? Self.tileTokenCount : 2 * Self.tileTokenCount - isInTile)
    }

    /// How many guesses behind a token are worth their time.
    ///
    /// One more is, while the tokens that it is expected to give would take clearly longer without it.
    ///
    /// - Parameters:
    ///   - start: the position of the first.
    ///   - likelihoods: of each guess, when those before it come true.
    ///   - nanosecondsPerToken: what a token takes in a step without guesses.
    /// - Returns: as many of them, from the first, as are worth it, and as the step has room and time for.
    func guessCount(from start: Int, likelihoods: [Double], nanosecondsPerToken: Double) -> Int {
        var count = 0
        var likelihood = 1.0
        var whole = work
        var nanoseconds = costs.nanoseconds(for: whole)
        while count < min(tokenCount, likelihoods.count) {
            likelihood *= likelihoods[count]
            whole.add(start + count..<start + count + 1)
            let longer = costs.nanoseconds(for: whole)
            guard likelihood * nanosecondsPerToken > Self.guessMargin * (longer - nanoseconds),
                longer + costs.errorNanoseconds <= nanosecondsMax ?? .infinity
            else { break }
            nanoseconds = longer
            count += 1
        }
        return count
    }
}
