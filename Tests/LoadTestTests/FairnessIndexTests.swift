import Testing

@testable import LoadTest

@Suite("FairnessIndex")
struct FairnessIndexTests {
    @Test(
        "one has everything: 1/n; all have as much: 1",
        arguments: [([5, 5, 5], 1), ([1, 0, 0, 0], 0.25), ([1, 0], 0.5), ([1, 3], 0.8), ([2], 1)]
            as [([Double], Double)])
    func index(shares: [Double], expected: Double) throws {
        #expect(abs(try #require(FairnessIndex.jain(shares)) - expected) < 1e-12)
    }

    @Test("nobody, and nothing, have no fairness")
    func none() {
        #expect(FairnessIndex.jain([]) == nil)
        #expect(FairnessIndex.jain([0, 0]) == nil)
    }

    @Test("service counts by weight: compute time where the server says it, answers where it does not")
    func service() throws {
        func tenant(_ weight: Double, answers: UInt64, computeMicroseconds: UInt64) -> TenantResult {
            var figures = LoadFigures()
            figures.answersInWindow = answers
            figures.measuredUsage.computeMicroseconds = computeMicroseconds
            return TenantResult(name: "t", weight: weight, figures: figures)
        }
        let fair = Fairness([
            tenant(1, answers: 1, computeMicroseconds: 100), tenant(3, answers: 99, computeMicroseconds: 300),
        ])
        #expect(fair.ofService == 1 && fair.service == "compute_seconds" && fair.ofGoodput == nil)
        let silent = Fairness([
            tenant(1, answers: 10, computeMicroseconds: 0), tenant(3, answers: 10, computeMicroseconds: 0),
        ])
        #expect(abs(try #require(silent.ofService) - 0.8) < 1e-12 && silent.service == "answers")
        #expect(Fairness([tenant(1, answers: 5, computeMicroseconds: 5)]).ofService == nil)
    }
}
