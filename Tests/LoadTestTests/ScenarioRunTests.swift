import ApusClient
import Configuration
import EventLoops
import Foundation
import Messages
import RPC
import RPCTransport
import Synchronization
import Testing
import Vocabulary

@testable import LoadTest

/// Whole scenarios over loopback sockets, to the page: what is counted must be what the server saw.
@Suite("ScenarioRun", .timeLimit(.minutes(10)))
struct ScenarioRunTests {
    private static let text = """
        plaintext: true
        duration: 1s
        warm_up: 100ms
        tenants:
          - name: "<b>&"
            load:
              - name: texts
                model: t
                generate: {prompt_words: {min: 1, max: 3}, max_tokens: 5}
                concurrency: 2
                slo: {ttft: 10s}
          - name: beta
            load:
              - name: graphs
                model: g
                predict: {nodes: [1]}
                rate: 200
              - name: embeddings
                model: t
                embed: {texts: [a]}
                concurrency: 1
        """

    private func scenario(target: String) throws -> Scenario {
        var overrides = ScenarioOverrides()
        overrides.target = target
        return try Scenario(ConfigurationFile.parse(Self.text, file: "s.yaml"), name: "s", text: Self.text, overrides)
    }

    private func result(of scenario: Scenario) async throws -> ScenarioResult {
        var workloads: [[Workload]] = []
        for tenant in scenario.tenants { workloads.append(try await tenant.workloads(seed: scenario.seed)) }
        let measurement = try await ScenarioRun.measure(scenario, workloads) { _ in }
        return ScenarioResult(
            measurement, program: "apus 0", startedAt: "2026-11-27T00:00:00Z",
            machine: MachineFacts(coreCount: 2, architecture: "x86_64", operatingSystem: "Linux"))
    }

    /// What a server has been asked for.
    private final class Seen: Sendable {
        private let counts = Mutex<[String: UInt64]>([:])

        /// How often it has been asked for that now.
        @discardableResult
        func add(_ what: String) -> UInt64 {
            counts.withLock { counts in
                counts[what, default: 0] += 1
                return counts[what] ?? 0
            }
        }

        func count(_ what: String) -> UInt64 { counts.withLock { $0[what] ?? 0 } }
    }

    /// A server of texts and vectors that answers, and of graphs that refuses every third call.
    private func withServer(_ seen: Seen, _ body: (String) async throws -> Void) async throws {
        var methods = MethodTable()
        methods.register(unary: GraphMethods.predict.path) { _, _ in
            if seen.add("graphs").isMultiple(of: 3) { throw ServingError(.resourceExhausted, "<i>full</i>") }
            return PredictResponse().encoded()
        }
        methods.register(unary: TextMethods.embed.path) { _, _ in
            seen.add("embeddings")
            return EmbedResponse().encoded()
        }
        methods.register(serverStream: TextMethods.generate.path) { _, _, writer in
            seen.add("texts")
            for token in 1...4 as ClosedRange<UInt32> {
                try await writer.write(GenerateResponse(text: "a", tokens: [token]).encoded())
            }
        }
        let loops = try EventLoopGroup(name: "server", loopCount: 1)
        let server = try await RPCServer(configuration: RPCServerConfiguration(), methods: methods, loops: loops)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body("127.0.0.1:\(server.address.port)"))
        } catch {
            result = .failure(error)
        }
        await server.drain(deadline: Deadline(SystemClock().now()))
        loops.stop()
        try result.get()
    }

    @Test("all that the server saw is in the result, by tenant, model and load, and sums up")
    func counts() async throws {
        let seen = Seen()
        try await withServer(seen) { target in
            let result = try await result(of: scenario(target: target))
            #expect(result.loads.map(\.name) == ["texts", "graphs", "embeddings"])
            for load in result.loads {
                #expect(load.figures.sentCalls == seen.count(load.name))
                let windows = try #require(load.windows.windows)
                #expect(windows.count == 10)
                #expect(windows.reduce(0) { $0 + $1.ended } == load.figures.calls)
                #expect(windows.reduce(0) { $0 + $1.good } == load.figures.good)
                #expect(windows.reduce(0) { $0 + $1.answered } == load.figures.answersInWindow)
                #expect(windows.reduce(0) { $0 + $1.tokens } == load.figures.tokensInWindow)
                #expect(windows.reduce(0) { $0 + $1.latency.count } == load.figures.answered)
            }
            #expect(result.all.calls == result.tenants.reduce(0) { $0 + $1.figures.calls })
            #expect(result.all.calls == result.models.reduce(0) { $0 + $1.figures.calls })
            #expect(result.models.map(\.name) == ["t", "g"])
            let graphs = result.loads[1].figures
            #expect(graphs.failures.map(\.code) == ["RESOURCE_EXHAUSTED"] && graphs.failures[0].reason == nil)
            #expect(graphs.good == graphs.answered && graphs.good + graphs.failed == graphs.calls)
            // On a busy machine a second may go by without an answer; then there is nothing to say of them.
            let texts = result.loads[0].figures
            #expect((texts.goodputShare ?? 1) == 1 && (texts.firstToken != nil) == (texts.answered > 0))
            let isAnswered = result.tenants.contains { $0.figures.answersInWindow > 0 }
            #expect(result.fairness.service == "answers" && (result.fairness.ofService != nil) == isAnswered)
            #expect(!result.gotOnlyErrors && result.measuredSeconds == 1)
            try check(result)
        }
    }

    /// The result survives its file; a page of it has nothing of the file but text.
    private func check(_ result: ScenarioResult) throws {
        let json = try result.json()
        #expect(try ScenarioResult(json: Data(json.utf8)) == result)
        #expect(json.split(separator: "\n").count == 1)
        for results in [[result], [result, result]] {
            let html = try ScenarioPage(results).html
            for part in ["<b>&", "<i>full", "<script", "http://", "https://", "\"nan", " nan", "inf\""] {
                #expect(!html.contains(part), "\(part)")
            }
            #expect(html.contains("&lt;b&gt;&amp;") && html.contains("&lt;i&gt;full"))
            for tag in ["svg", "table", "figure", "tr", "td", "th", "p", "div", "span", "pre"] {
                let opened = html.ranges(of: "<\(tag)>").count + html.ranges(of: "<\(tag) ").count
                #expect(opened == html.ranges(of: "</\(tag)>").count, "<\(tag)>")
            }
        }
        #expect(result.table.contains("RESOURCE_EXHAUSTED") && result.table.contains("tenant beta"))
    }

    @Test("a server that is not there is a result of errors only; callers stand still instead of trying all the time")
    func noServer() async throws {
        // Port 1 is reserved and nobody listens there.
        let result = try await result(of: scenario(target: "127.0.0.1:1"))
        #expect(result.gotOnlyErrors && result.all.failures.map(\.code) == ["UNAVAILABLE"])
        #expect(result.table.contains("no call was answered"))
        let standstillSeconds = result.loads[0].figures.standstillSeconds
        #expect(standstillSeconds <= 1 && result.table.contains("stood still") == (standstillSeconds > 0))
        // Two callers that tried all the time would make thousands.
        #expect(result.loads[0].figures.calls < 50 && result.loads[1].figures.standstillSeconds == 0)
        #expect(result.all.goodputShare == 0 && result.fairness.ofGoodput == nil)
        #expect(try ScenarioPage([result]).html.contains("stood still") == (standstillSeconds > 0))
    }

    @Test(
        "a file that is no result is refused in words",
        arguments: [
            ("", "not JSON"), ("[]", "no result"), ("{}", "schema"),
            (#"{"schema": "other", "schema_version": 1}"#, "other"),
            (#"{"schema": "apus.bench.scenario", "schema_version": 2}"#, "schema version 2"),
            (#"{"schema": "apus.bench.scenario", "schema_version": 1}"#, "is missing"),
        ])
    func hostileFiles(text: String, words: String) {
        let error = #expect(throws: ScenarioResultError.self) { try ScenarioResult(json: Data(text.utf8)) }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test("a result with impossible windows is refused")
    func hostileWindows() async throws {
        var result = try await result(of: scenario(target: "127.0.0.1:1"))
        result.loads[0].windows.ended[0] = .max
        let tooMany = Data(try result.json().utf8)
        #expect(throws: ScenarioResultError.self) { try ScenarioResult(json: tooMany) }
        result.loads[0].windows.ended.removeFirst()
        let tooFew = Data(try result.json().utf8)
        #expect(throws: ScenarioResultError.self) { try ScenarioResult(json: tooFew) }
    }
}
