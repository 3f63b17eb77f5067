import Spans
import Testing
import Vocabulary

@Suite("Rules about spans")
struct SpanRulesTests {
    private let a = ModelName("a")!
    private let b = ModelName("b")!

    /// The numbers of those of `count` calls that are recorded, counted from 1.
    private func recorded(_ rules: inout SpanRules, _ model: ModelName, of count: Int) -> [Int] {
        (1...count).filter { _ in rules.decide(model, hasParent: false) == .record }
    }

    @Test("without a rule nothing is decided, whatever is configured", arguments: [0, 0.01, 1])
    func none(ratio: Double) {
        var rules = SpanRules(sampleRatio: ratio)
        #expect(rules.isEmpty)
        for hasParent in [false, true] { #expect(rules.decide(a, hasParent: hasParent) == .asConfigured) }
        rules[model: a].isOn = true
        #expect(rules.decide(b, hasParent: false) == .asConfigured && !rules.isEmpty)
        rules[model: a].isOn = nil
        #expect(rules.decide(a, hasParent: false) == .asConfigured && rules.isEmpty)
    }

    @Test("off is off, for callers who want it too; of others those decide who bring a trace")
    func off() {
        var rules = SpanRules(sampleRatio: 1)
        rules[model: nil].isOn = false
        #expect(rules.decide(a, hasParent: false) == .skip && rules.decide(a, hasParent: true) == .skip)
        rules[model: a].isOn = true
        rules[model: a].rate = 1
        #expect(rules.decide(a, hasParent: true) == .asConfigured && rules.decide(b, hasParent: true) == .skip)
        #expect(rules.decide(a, hasParent: false) == .record)
    }

    @Test("every so manieth call is recorded; with a rate of 0 none")
    func rates() {
        var rules = SpanRules(sampleRatio: 0)
        rules[model: nil].isOn = true
        rules[model: nil].rate = 3
        #expect(recorded(&rules, a, of: 10) == [3, 6, 9])
        rules[model: nil].rate = 1
        #expect(recorded(&rules, a, of: 3) == [1, 2, 3])
        rules[model: nil].rate = 0
        #expect(recorded(&rules, a, of: 3) == [])
        #expect(rules.decide(a, hasParent: true) == .asConfigured)
    }

    @Test("models without a rate of their own are counted together, those with one apart")
    func ownRates() {
        var rules = SpanRules(sampleRatio: 0)
        rules[model: nil].isOn = true
        rules[model: nil].rate = 2
        #expect(recorded(&rules, a, of: 1) == [] && recorded(&rules, b, of: 1) == [1])
        rules[model: b].rate = 3
        #expect(recorded(&rules, a, of: 1) == [] && recorded(&rules, b, of: 3) == [3])
        #expect(recorded(&rules, a, of: 1) == [1])
    }

    @Test("so many are recorded and no more, whatever callers want beside; models without a count share one")
    func counts() {
        var rules = SpanRules(sampleRatio: 1)
        rules[model: nil].isOn = true
        rules[model: nil].rate = 2
        rules[model: nil].count = .left(2)
        #expect(rules.decide(a, hasParent: true) == .asConfigured)
        #expect(recorded(&rules, a, of: 2) == [2] && recorded(&rules, b, of: 9) == [2])
        #expect(rules.effective(of: b).count == .left(0))
        rules[model: b].count = .left(1)
        #expect(recorded(&rules, b, of: 9) == [2] && rules.effective(of: b).count == .left(0))
        rules[model: b].count = .unlimited
        #expect(recorded(&rules, b, of: 4) == [2, 4] && recorded(&rules, a, of: 9) == [])
        rules[model: nil].count = nil
        #expect(recorded(&rules, a, of: 2) == [2])
    }

    @Test("a rate alone changes how many there are where some are configured, and nothing where none are")
    func rateAlone() {
        var some = SpanRules(sampleRatio: 0.5)
        some[model: a].rate = 3
        #expect(recorded(&some, a, of: 6) == [3, 6] && some.decide(b, hasParent: false) == .asConfigured)
        var none = SpanRules(sampleRatio: 0)
        none[model: a].rate = 1
        #expect(none.decide(a, hasParent: false) == .asConfigured)
    }

    @Test(
        "what is configured shows where nothing is said",
        arguments: [(0, false, 1000), (0.01, true, 100), (1, true, 1)])
    func effective(ratio: Double, isOn: Bool, rate: UInt32) {
        let effective = SpanRules(sampleRatio: ratio).effective(of: a)
        #expect(effective.isOn == isOn && effective.rate == rate && effective.count == .unlimited)
    }

    @Test("so many models may have rules of their own")
    func room() throws {
        var rules = SpanRules(sampleRatio: 0)
        for number in 0..<SpanRules.modelCountMax { rules[model: ModelName("m\(number)")].isOn = true }
        let seventh = try #require(ModelName("m7"))
        #expect(!rules.hasRoom(for: a) && rules.hasRoom(for: seventh))
        rules[model: ModelName("m7")].isOn = nil
        #expect(rules.hasRoom(for: a))
    }

    @Test("a change that fails changes nothing, nor do counters of calls get lost with one that does not")
    func shared() throws {
        let shared = SharedSpanRules(SpanRules(sampleRatio: 1))
        #expect(throws: ServingError.self) {
            try shared.update { (rules) throws(ServingError) in
                rules[model: nil].isOn = false
                throw ServingError(.invalidArgument, "no")
            }
        }
        #expect(shared.decide(a, hasParent: false) == .asConfigured)
        try shared.update { (rules) throws(ServingError) in
            rules[model: nil].rate = 2
            rules[model: nil].count = .left(5)
        }
        #expect(shared.decide(a, hasParent: false) == .skip)
        try shared.update { (rules) throws(ServingError) in rules[model: b].isOn = false }
        #expect(shared.decide(a, hasParent: false) == .record && shared.decide(b, hasParent: false) == .skip)
        #expect(try shared.update { (rules) throws(ServingError) in rules.effective(of: a).count } == .left(4))
    }
}
