import TestSupport
import Testing

@testable import VisionModels

@Suite("MemoryPlan")
struct MemoryPlanTests {
    @Test("values of a chain take turns in two places")
    func chain() {
        let plan = MemoryPlan((0..<10).map { .init(byteCount: 1000, firstStep: $0, lastStep: $0 + 1) })
        #expect(plan.byteCount == 2048)
    }

    @Test("values that live together never overlap, and every place is aligned")
    func random() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<200 {
            let requests = (0..<30).map { _ in
                let first = Int.random(in: 0..<20, using: &random)
                return MemoryPlan.Request(
                    byteCount: Int.random(in: 0...5000, using: &random), firstStep: first,
                    lastStep: first + Int.random(in: 0...5, using: &random))
            }
            let plan = MemoryPlan(requests)
            for (a, one) in requests.enumerated() {
                #expect(
                    plan.offsets[a] % MemoryPlan.alignment == 0 && plan.offsets[a] + one.byteCount <= plan.byteCount)
                for (b, other) in requests.enumerated().dropFirst(a + 1)
                where one.firstStep <= other.lastStep && other.firstStep <= one.lastStep {
                    let areApart =
                        plan.offsets[a] + one.byteCount <= plan.offsets[b]
                        || plan.offsets[b] + other.byteCount <= plan.offsets[a]
                    #expect(areApart || one.byteCount == 0 || other.byteCount == 0)
                }
            }
        }
    }
}
