/// What an answer of a model costs, as routers are told it: by the latest answers, and less with every look at which
/// there is nothing to do.
///
/// Why not the mean of all answers: one that took long, because the machine stood still or the model was new, would
/// count for hours. Why less while nothing is done: routers call the shard that they expect to be quicker, so one that
/// once was slow is never called again and never found to be quick again, unless its estimate comes down by itself. One
/// that is slow is then tried now and then, and found to be slow.
struct ServiceEstimate {
    private var answerCount: UInt64 = 0
    private var computeNanoseconds: UInt64 = 0
    private var estimate = 0.0

    /// So many of the latest answers count as much as all before them.
    private static let weightOfBefore = 4.0
    /// At a look each quarter of a second it is half of it after a second.
    private static let shareLeftWhenIdle = 0.84

    /// Takes in what a model has counted since it was loaded.
    ///
    /// - Returns: nanoseconds of an answer, of all its steps together; 0 before the first.
    mutating func update(answerCount: UInt64, computeNanoseconds: UInt64) -> UInt64 {
        // Loaded anew, it counts from zero.
        if answerCount < self.answerCount || computeNanoseconds < self.computeNanoseconds { self = ServiceEstimate() }
        let (answers, computed) = (answerCount - self.answerCount, computeNanoseconds - self.computeNanoseconds)
        if answers > 0 {
            let mean = Double(computed) / Double(answers)
            let isFirst = self.answerCount == 0
            estimate += (mean - estimate) * (isFirst ? 1 : Double(answers) / (Double(answers) + Self.weightOfBefore))
            (self.answerCount, self.computeNanoseconds) = (answerCount, computeNanoseconds)
        } else if computed == 0 {
            estimate *= Self.shareLeftWhenIdle
        }
        return UInt64(estimate)
    }
}
