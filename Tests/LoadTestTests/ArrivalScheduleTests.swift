import Testing

@testable import LoadTest

@Suite("ArrivalSchedule")
struct ArrivalScheduleTests {
    /// Gaps of a Poisson process are exponential: their mean and their standard deviation are both 1/rate.
    ///
    /// With n gaps the mean is off by about 1/sqrt(n) of itself; 5 % of 100 000 gaps is more than 15 times that.
    @Test("arrivals keep the rate, with gaps that are exponential", arguments: [0.5, 10, 1000, 250_000.0])
    func statistics(rate: Double) {
        var schedule = ArrivalSchedule(callsPerSecond: rate, seed: 7)
        let count = 100_000
        var previous = 0.0
        var gaps: [Double] = []
        for _ in 0..<count {
            let arrival = Double(schedule.next())
            gaps.append(arrival - previous)
            previous = arrival
        }
        let mean = gaps.reduce(0, +) / Double(count)
        let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
        let expected = 1e9 / rate
        #expect(abs(mean / expected - 1) < 0.05)
        #expect(abs(variance.squareRoot() / expected - 1) < 0.05)
        // 1 - 1/e of the gaps are shorter than the mean.
        let shorter = Double(gaps.filter { $0 < expected }.count) / Double(count)
        #expect(abs(shorter - 0.632) < 0.01)
        #expect(gaps.allSatisfy { $0 >= 0 })
    }

    @Test("constant arrivals keep their gap, and begin somewhere within the first one")
    func constant() {
        var firsts: Set<UInt64> = []
        for seed in 0..<20 as Range<UInt64> {
            var schedule = ArrivalSchedule(callsPerSecond: 1000, seed: seed, pattern: .constant)
            let arrivals = (0..<1000).map { _ in schedule.next() }
            #expect(arrivals[0] < 1_000_000)
            #expect(zip(arrivals, arrivals.dropFirst()).allSatisfy { (999_999...1_000_001).contains($1 - $0) })
            firsts.insert(arrivals[0])
        }
        #expect(firsts.count == 20)
    }

    @Test("the same seed gives the same arrivals, another seed others")
    func seeds() {
        func first(seed: UInt64) -> [UInt64] {
            var schedule = ArrivalSchedule(callsPerSecond: 100, seed: seed)
            return (0..<50).map { _ in schedule.next() }
        }
        #expect(first(seed: 1) == first(seed: 1))
        #expect(first(seed: 1) != first(seed: 2))
    }
}
