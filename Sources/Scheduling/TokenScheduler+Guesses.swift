import KVCache

/// Speculation: tokens are guessed and computed together with the one before them, and those that come true are
/// tokens for which no step of their own is needed.
///
/// A step that writes one token for each text mostly waits for the weights to come from memory, and the arithmetic of
/// a few more tokens costs little. The model gives its logits after each guess as it would after a known token, so the
/// text is what it would be without: a guess is right when it is the token that is chosen there anyway.
///
/// - Source: Leviathan et al. 2023; Saxena 2023 (guesses from the text itself).
extension TokenScheduler {
    /// How many trials a sequence's own record remembers, and those of all together.
    static let sequenceRecordMemory = 40.0
    static let sharedRecordMemory = 400.0
    /// What is expected of guesses before anything is known, and how many trials that counts for.
    private static let prior = 0.25
    private static let priorWeight = 4.0

    /// Adds guesses to the spans of a step that only writes, as many as are worth their time.
    ///
    /// Not while prompts are read: then arithmetic is what there is too little of.
    mutating func scheduleGuesses(_ room: inout StepRoom, into step: inout TokenStep) {
        guard limits.guessCountMax > 0, costs.isReliable, !step.spans.isEmpty,
            step.spans.allSatisfy({ $0.reachesEnd && $0.positions.count == 1 }),
            running.allSatisfy({ $0.isPaused || $0.scheduledTokenCount == $0.missingTokenCount })
        else { return }
        let nanosecondsPerToken = costs.nanoseconds(for: room.work) / Double(room.work.tokenCount)
        for place in step.spans.indices {
            guard let index = running.firstIndex(where: { $0.ticket == step.spans[place].ticket }) else { continue }
            let guesses = guesses(for: running[index], room, nanosecondsPerToken: nanosecondsPerToken)
            guard !guesses.isEmpty else { continue }
            let end = step.spans[place].positions.upperBound
            running[index].makeRoom(forTokens: guesses.count, in: &pool)
            running[index].guesses = guesses
            room.take(end..<end + guesses.count)
            step.spans[place].add(guesses, pages: running[index].table.pages)
        }
    }

    private func guesses(for sequence: Sequence, _ room: StepRoom, nanosecondsPerToken: Double) -> [Int32] {
        guard let lookup = sequence.lookup, lookup.matchLength > 0 else { return [] }
        // The last token of an answer needs no guess: after it nothing is chosen.
        var countMax = min(limits.guessCountMax, sequence.tokenCountMax - sequence.knownTokenCount - 1)
        countMax = min(countMax, sequence.roomBehind(in: pool))
        guard countMax > 0 else { return [] }
        let likelihoods = (0..<countMax).map { offset in
            let length = lookup.matchLength + offset
            let shared = guessRecord.likelihood(
                matchLength: length, prior: Self.prior, weight: Self.priorWeight)
            return sequence.guessRecord.likelihood(matchLength: length, prior: shared, weight: Self.priorWeight)
        }
        let count = room.guessCount(
            from: sequence.knownTokenCount, likelihoods: likelihoods, nanosecondsPerToken: nanosecondsPerToken)
        return lookup.guesses(count, in: sequence.tokens)
    }

    /// Adds a token to a running sequence, and compares it to what would have been guessed.
    mutating func append(_ token: Int32, to index: Int) {
        running[index].tokens.append(token)
        guard limits.guessCountMax > 0 else { return }
        if running[index].lookup == nil {
            running[index].lookup = PromptLookup(running[index].tokens)
        } else if let trial = running[index].lookup!.append(lastOf: running[index].tokens) {
            running[index].guessRecord.count(trial)
            guessRecord.count(trial)
        }
    }
}

extension TokenScheduler.Sequence {
    /// For how many more tokens there is room, in its own last page and in pages that can be had.
    fileprivate func roomBehind(in pool: PagePool) -> Int {
        (table.pages.count + pool.availablePageCount) * pool.tokensPerPage - table.tokenCount
    }
}
