import TestSupport
import Testing

@testable import Scheduling

@Suite("StepCostModel")
struct StepCostModelTests {
    /// A machine whose steps take exactly, or nearly, what the model assumes.
    private struct Machine {
        /// Nanoseconds a step, a token, a position read.
        var costs: (Double, Double, Double)
        /// The largest deviation, as a share.
        var noise = 0.0

        func nanoseconds(_ work: StepWork, _ random: inout SeededGenerator) -> UInt64 {
            UInt64(exactly(work) * (1 + Double.random(in: -noise...noise, using: &random)))
        }

        func exactly(_ work: StepWork) -> Double {
            costs.0 + costs.1 * Double(work.tokenCount) + costs.2 * Double(work.readPositionCount)
        }
    }

    @Test("the tokens and the positions they read are counted")
    func work() {
        var work = StepWork()
        work.add(0..<4)
        #expect(work.tokenCount == 4 && work.readPositionCount == 1 + 2 + 3 + 4)
        work.add(9..<10)
        work.add(5..<5)
        #expect(work.tokenCount == 5 && work.readPositionCount == 20)
    }

    @Test(
        "after some mixed steps, any other is predicted within a few percent",
        arguments: [
            // A large model, a small one, a tiny one, one that costs nothing but its arithmetic.
            (27e6, 1.2e6, 800.0), (2e6, 50e3, 60.0), (80e3, 6e3, 2.0), (0.0, 400e3, 0.0),
        ], [0, 0.05])
    func converges(costs: (Double, Double, Double), noise: Double) {
        let machine = Machine(costs: costs, noise: noise)
        var random = SeededGenerator(seed: 7)
        var model = StepCostModel()
        for _ in 0..<200 {
            let work = mixed(&random)
            model.learn(work, nanoseconds: machine.nanoseconds(work, &random))
        }
        for _ in 0..<50 {
            let work = mixed(&random)
            let exact = machine.exactly(work)
            #expect(abs(model.nanoseconds(for: work) - exact) < 0.08 * exact + 20_000)
        }
        #expect(model.isReliable && model.errorNanoseconds < 0.08 * machine.exactly(work(64, 500)) + 20_000)
    }

    @Test("hours of decoding do not make it forget what a prompt costs")
    func decodingOnly() {
        let machine = Machine(costs: (27e6, 1.2e6, 800), noise: 0.05)
        var random = SeededGenerator(seed: 3)
        var model = StepCostModel()
        for _ in 0..<100 {
            let work = mixed(&random)
            model.learn(work, nanoseconds: machine.nanoseconds(work, &random))
        }
        for step in 0..<50_000 {
            let work = work(8, 300 + step % 200)
            model.learn(work, nanoseconds: machine.nanoseconds(work, &random))
        }
        let prompt = work(128, 64)
        #expect(abs(model.nanoseconds(for: prompt) / machine.exactly(prompt) - 1) < 0.3)
    }

    @Test(
        "a machine that becomes three times as slow, or as fast, is followed within some steps",
        arguments: [3.0, 1 / 3.0])
    func follows(factor: Double) {
        var random = SeededGenerator(seed: 5)
        var model = StepCostModel()
        for costs in [(9e6, 1e6, 300.0), (9e6 * factor, 1e6 * factor, 300 * factor)] {
            let machine = Machine(costs: costs, noise: 0.02)
            for _ in 0..<300 {
                let work = mixed(&random)
                model.learn(work, nanoseconds: machine.nanoseconds(work, &random))
            }
            let work = work(40, 200)
            #expect(abs(model.nanoseconds(for: work) / machine.exactly(work) - 1) < 0.15)
        }
    }

    @Test("a step that was interrupted for a second changes little, and the next ones mend it")
    func outlier() {
        let machine = Machine(costs: (9e6, 1e6, 300), noise: 0.02)
        var random = SeededGenerator(seed: 5)
        var model = StepCostModel()
        for _ in 0..<100 {
            let work = mixed(&random)
            model.learn(work, nanoseconds: machine.nanoseconds(work, &random))
        }
        let usual = work(40, 200)
        model.learn(usual, nanoseconds: 1_000_000_000)
        #expect(model.nanoseconds(for: usual) < 2 * machine.exactly(usual))
        for _ in 0..<50 {
            let work = mixed(&random)
            model.learn(work, nanoseconds: machine.nanoseconds(work, &random))
        }
        #expect(abs(model.nanoseconds(for: usual) / machine.exactly(usual) - 1) < 0.1)
    }

    @Test("whatever it is fed, predictions are finite, not negative, and the same each time")
    func robust() {
        func feed(_ seed: UInt64) -> [Double] {
            var random = SeededGenerator(seed: seed)
            var model = StepCostModel()
            return (0..<2_000).map { _ in
                let work = mixed(&random)
                let nanoseconds = [0, 1, 1_000, 5_000_000, 3_600_000_000_000, UInt64.max].randomElement(using: &random)!
                model.learn(work, nanoseconds: nanoseconds)
                return model.nanoseconds(for: mixed(&random))
            }
        }
        for seed in UInt64(0)..<10 {
            let predictions = feed(seed)
            #expect(predictions.allSatisfy { $0.isFinite && $0 >= 0 })
            #expect(predictions == feed(seed))
        }
    }

    @Test("as many tokens are given as fit into the time, and none more", arguments: [0, 1_000])
    func tokenCount(start: Int) {
        var random = SeededGenerator(seed: 9)
        let machine = Machine(costs: (10e6, 1e6, 100))
        var model = StepCostModel()
        for _ in 0..<500 {
            let work = mixed(&random)
            model.learn(work, nanoseconds: machine.nanoseconds(work, &random))
        }
        let decodes = work(8, 100)
        let count = model.tokenCount(from: start, atMost: 256, beside: decodes, within: 50e6)
        var whole = decodes
        whole.add(start..<start + count)
        #expect(machine.exactly(whole) <= 51e6)
        whole.add(start + count..<start + count + 2)
        #expect(machine.exactly(whole) > 49e6)
        #expect(model.tokenCount(from: start, atMost: 5, beside: decodes, within: 50e6) == 5)
        #expect(model.tokenCount(from: start, atMost: 256, beside: decodes, within: 15e6) == 0)
    }

    /// A step of some decodes and, half of the time, a piece of a prompt.
    private func mixed(_ random: inout SeededGenerator) -> StepWork {
        var work = StepWork()
        for _ in 0..<Int.random(in: 1...16, using: &random) {
            let position = Int.random(in: 0..<1_000, using: &random)
            work.add(position..<position + 1)
        }
        if Bool.random(using: &random) {
            let start = Int.random(in: 0..<500, using: &random)
            work.add(start..<start + Int.random(in: 1...200, using: &random))
        }
        return work
    }

    /// So many texts, each at this position.
    private func work(_ tokenCount: Int, _ position: Int) -> StepWork {
        var work = StepWork()
        for _ in 0..<tokenCount { work.add(position..<position + 1) }
        return work
    }
}
