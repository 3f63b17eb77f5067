import ApusClient
import Configuration
import Testing
import Vocabulary

@testable import LoadTest

@Suite("Scenario files")
struct ScenarioFileTests {
    private func scenario(_ text: String, _ overrides: ScenarioOverrides = ScenarioOverrides()) throws -> Scenario {
        try Scenario(ConfigurationFile.parse(text, file: "s.yaml"), name: "s", text: text, overrides)
    }

    private static let whole = """
        server: 127.0.0.1:9000
        plaintext: true
        duration: 6s
        warm_up: 500ms
        seed: 7
        tenants:
          - name: acme
            weight: 2
            connections: 3
            load:
              - name: chat
                model: storyteller
                version: 2
                generate:
                  prompt_words: {median: 20, sigma: 1, max: 90}
                  prompt_prefix: Hello
                  max_tokens: {min: 3, max: 9}
                rate: 12.5
                arrivals: constant
                deadline: 2s
                slo: {ttft: 200ms, inter_token: 50ms, latency: 1s}
                obey_pushback: true
                variants: 40
              - model: m
                embed: {texts: [a, b], texts_per_request: 2}
                concurrency: 4
          - name: beta
            server: localhost:9001
            load:
              - model: karate
                predict: {random_nodes: 2, below: 34}
                rate: 1
        """

    @Test("unless said there are as many different requests as a rate sends, so that none comes twice")
    func variants() throws {
        func count(_ rate: String) throws -> Int {
            let text = Self.whole.replacing("rate: 12.5", with: rate)
                .replacing("        arrivals: constant\n", with: "")
                .replacing("        variants: 40\n", with: "")
            return try scenario(text).tenants[0].loads[0].variantCount
        }
        // For 6.5 s.
        #expect(try count("rate: 1") == 256)
        #expect((6500...7000).contains(try count("rate: 1000")))
        #expect(try count("rate: 90000") == 10_000 && count("concurrency: 3") == 5000)
    }

    @Test("every key is read, and what is left out has its default")
    func whole() throws {
        let scenario = try scenario(Self.whole)
        #expect(scenario.seed == 7 && scenario.warmupNanoseconds == 500_000_000)
        #expect(scenario.windowNanoseconds == 200_000_000 && scenario.threadCount == 2)
        let acme = scenario.tenants[0]
        #expect(acme.weight == 2 && acme.connectionCount == 3 && acme.client.target == "127.0.0.1:9000")
        #expect(scenario.tenants[1].client.target == "localhost:9001")
        let chat = acme.loads[0]
        #expect(chat.name == "chat" && chat.version == 2 && chat.variantCount == 40)
        #expect(
            chat.request
                == .generate(
                    .words(.logNormal(median: 20, sigma: 1, max: 90), prefix: "Hello"), tokens: .uniform(3...9),
                    temperature: 0, stopsAtEnd: false))
        guard case .open(let rate, _, .constant) = chat.plan.load else {
            Issue.record("\(chat.plan.load)")
            return
        }
        #expect(rate == 12.5 && chat.plan.timeoutNanoseconds == 2_000_000_000)
        #expect(
            chat.plan.detail?.objective
                == ServiceObjective(
                    latencyNanoseconds: 1_000_000_000, firstTokenNanoseconds: 200_000_000,
                    betweenTokensNanoseconds: 50_000_000))
        #expect(chat.plan.detail?.heedsPushback == true)
        #expect(acme.loads[1].plan.load == .closed(callerCount: 4) && acme.loads[1].name == "m")
    }

    @Test("the command line has the last word")
    func overrides() throws {
        var overrides = ScenarioOverrides()
        overrides.target = "[::1]:1"
        overrides.durationNanoseconds = 60_000_000_000
        overrides.seed = 9
        let scenario = try scenario(Self.whole, overrides)
        #expect(scenario.tenants.map(\.client.target) == ["[::1]:1", "[::1]:1"])
        #expect(scenario.seed == 9 && scenario.windowNanoseconds == 2_000_000_000)
    }

    private static func tenant(_ load: String) -> String {
        "plaintext: true\ntenants:\n- name: a\n  load:\n  - \(load)\n"
    }

    @Test(
        "what is wrong is said with its line and key",
        arguments: [
            ("tenant: []", "1:1: tenant: unknown key; did you mean \"tenants\"?"),
            ("duration: 5s", "expected at least one tenant"),
            (
                tenant("{model: m, generat: {prompts: [a]}, rate: 1}"),
                "5:16: tenants[0].load[0].generat: unknown key; did you mean \"generate\"?"
            ),
            (tenant("{model: m, rate: 1}"), "expected one of generate, embed, classify, predict, infer"),
            (tenant("{model: m, predict: {}, infer: {}, rate: 1}"), "one kind of request"),
            (tenant("{model: m, predict: {}}"), "either rate or concurrency"),
            (tenant("{model: m, predict: {}, rats: 1}"), "unknown key; did you mean \"rate\"?"),
            (tenant("{model: m, predict: {}, rate: 1, concurrency: 1}"), "not both"),
            (tenant("{model: m, predict: {}, concurrency: 1, arrivals: poisson}"), "arrivals: is for a rate"),
            (tenant("{model: m, predict: {}, rate: 0}"), "rate: expected a number in"),
            (tenant("{model: m, predict: {}, rate: 1, arrivals: even}"), "expected one of poisson, constant"),
            (tenant("{model: m, predict: {random_nodes: 2}, rate: 1}"), "needs below"),
            (tenant("{model: m, generate: {}, rate: 1}"), "either prompts or prompt_words"),
            (tenant("{model: m, generate: {prompt_words: {mean: 5}}, rate: 1}"), "prompt_words.max: is required"),
            (tenant("{model: m, generate: {prompt_words: {max: 5}}, rate: 1}"), "{median, sigma, max}"),
            (tenant("{model: m, predict: {}, rate: 1, slo: {ttft: fast}}"), "slo.ttft: expected a duration"),
            (tenant("{model: m, classify: {pictures: [gone.png]}, rate: 1}"), "no such file: gone.png"),
            (tenant("{model: m, predict: {}, rate: 1}\n  - {model: m, predict: {}, rate: 1}"), "two loads are named m"),
            (
                "tenants:\n- name: a\n  load:\n  - {model: m, predict: {}, rate: 1}\n",
                "2:9: tenants[0].name: no such file: Certs"
            ),
            ("server: nowhere:0:1\ntenants: []", "server: expected HOST:PORT"),
        ])
    func errors(text: String, words: String) throws {
        var overrides = ScenarioOverrides()
        overrides.certificates = "Certs-that-are-not-there"
        let error = #expect(throws: ConfigurationError.self) { try scenario(text, overrides) }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test("requests are the same for the same seed, and differ among themselves")
    func requests() throws {
        let load = try scenario(Self.whole).tenants[0].loads[0]
        let first = try load.workload(seed: 1, information: nil)
        let again = try load.workload(seed: 1, information: nil)
        let other = try load.workload(seed: 2, information: nil)
        #expect(first.messages == again.messages && first.messages != other.messages)
        #expect(first.messages.count == 40 && Set(first.messages.map(\.array)).count == 40)
    }

    @Test(
        "lengths are drawn as they were asked for",
        arguments: [
            (LengthDistribution.fixed(7), 7...7, 7), (.uniform(10...20), 10...20, 15),
            (.exponential(mean: 100, max: 100_000), 1...100_000, 100),
            // The mean of a log-normal distribution is its median times exp(σ²/2).
            (.logNormal(median: 50, sigma: 0.5, max: 100_000), 1...100_000, 57),
            (.exponential(mean: 100, max: 120), 1...120, 70),
        ])
    func lengths(lengths: LengthDistribution, range: ClosedRange<Int>, mean: Double) {
        var generator = SplitMix64(seed: 3)
        let drawn = (0..<20_000).map { _ in lengths.sample(&generator) }
        #expect(drawn.allSatisfy { range.contains($0) })
        let found = Double(drawn.reduce(0, +)) / Double(drawn.count)
        // 20 000 draws are off by 0.7 % of the spread; rounding up adds a half.
        #expect(abs(found - mean) < 0.03 * mean + 0.6, "\(found)")
    }
}
