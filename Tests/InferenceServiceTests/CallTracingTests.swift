import Engine
import Messages
import Models
import RPC
import RPCTransport
import Spans
import Synchronization
import Telemetry
import Tenancy
import TestSupport
import Testing
import Tracing
import Vocabulary

@testable import InferenceService

@Suite("Spans of calls")
struct CallTracingTests {
    private static let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"

    /// The spans of calls, and a way to wait for as many as there should be.
    private final class Spans: Sendable {
        private let spans = Mutex<[FinishedSpan]>([])
        private let clock: any MonotonicClock

        init(clock: any MonotonicClock = Vocabulary.SystemClock()) { self.clock = clock }

        func tracing(
            ratio: Double, callerLimit: RateLimit = CallTracing.callerLimitDefault, rules: SharedSpanRules? = nil
        ) -> CallTracing {
            let tracer = SpanTracer(
                sampler: SpanSampler(ratio: ratio), identifiers: IdentifierSource(seeds: (3, 4))
            ) { span in self.spans.withLock { $0.append(span) } }
            return CallTracing(tracer: tracer, clock: clock, callerLimit: callerLimit, rules: rules) {
                1_700_000_000_000_000_000
            }
        }

        /// How many calls of a method there are spans of.
        func count(of method: String) -> Int {
            spans.withLock { $0.count { $0.name == "inference.GRPCInferenceService/\(method)" } }
        }

        /// A span ends just after its caller has the answer.
        func wait(for count: Int) async throws -> [FinishedSpan] {
            try #require(await eventually { self.spans.withLock { $0.count } >= count })
            return spans.withLock { $0 }
        }
    }

    /// Calls once for each of `calls`, with its headers.
    private func run(
        ratio: Double, _ calls: [[(name: String, value: String)]], _ method: String = "ServerLive"
    ) async throws -> Spans {
        let spans = Spans()
        try await WholeServer.with(tracing: spans.tracing(ratio: ratio)) { whole in
            for headers in calls {
                var options = CallOptions()
                for (name, value) in headers { try options.metadata.append(name, value) }
                let path = Bytes(utf8: "/inference.GRPCInferenceService/\(method)")
                _ = try? await whole.channel.unary(path, Bytes(), options: options)
            }
        }
        return spans
    }

    @Test("a caller's flag decides, whatever the share", .timeLimit(.minutes(1)), arguments: [0, 1])
    func parents(ratio: Double) async throws {
        let spans = try await run(
            ratio: ratio,
            [
                [("traceparent", "\(Self.parent)-00"), ("tracestate", "a=1")],
                [("traceparent", "\(Self.parent)-01"), ("tracestate", "a=1 , "), ("tracestate", "b=2")],
            ]
        ).wait(for: 1)
        let span = try #require(spans.first)
        #expect(spans.count == 1 && span.name == "inference.GRPCInferenceService/ServerLive" && span.kind == .server)
        #expect(span.context.trace.description == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(span.origin.parent?.description == "00f067aa0ba902b7" && span.origin.parentIsRemote)
        #expect(span.context.state == "a=1,b=2")
        #expect(span.attributes.get("rpc.grpc.status_code") == .int64(0) && span.status == nil)
        #expect(span.attributes.get("apus.tenant") == .string("local"))
    }

    @Test(
        "a caller's flag decides about so many calls a second, and the sampler about the others",
        .timeLimit(.minutes(1)))
    func callerLimit() async throws {
        let spans = Spans(clock: ManualClock())
        let limit = RateLimit(perSecond: 1, burst: 3)
        try await WholeServer.with(tracing: spans.tracing(ratio: 0, callerLimit: limit)) { whole in
            let path = Bytes(utf8: "/inference.GRPCInferenceService/ServerLive")
            var options = CallOptions()
            try options.metadata.append("traceparent", "\(Self.parent)-01")
            for _ in 0..<20 { _ = try await whole.channel.unary(path, Bytes(), options: options) }
        }
        #expect(try await spans.wait(for: 3).count == 3)
    }

    @Test("tenants have a bucket each, also where there are more than are counted")
    func limiter() {
        let limiter = TraceLimiter(RateLimit(perSecond: 1, burst: 1))
        let now = MonotonicTime(nanoseconds: 1)
        #expect(limiter.allows(TenantID("acme"), at: now) && !limiter.allows(TenantID("acme"), at: now))
        let allowed = (0..<4200).count { limiter.allows(TenantID("t\($0)"), at: now) }
        #expect(allowed == 4096, "the last one is everybody else's")
        #expect(limiter.allows(TenantID("acme"), at: MonotonicTime(nanoseconds: 2_000_000_000)))
    }

    @Test("what is malformed, or says two things, says nothing", .timeLimit(.minutes(1)))
    func malformed() async throws {
        let ignored: [[(name: String, value: String)]] = [
            [("traceparent", "00-nonsense"), ("tracestate", "a=1")],
            [("traceparent", "\(Self.parent)-01"), ("traceparent", "\(Self.parent)-01")],
            [("tracestate", "a=1")], [],
        ]
        let spans = try await run(ratio: 1, ignored).wait(for: ignored.count)
        #expect(spans.count == ignored.count && spans.allSatisfy { $0.origin.parent == nil && $0.context.state == "" })
        #expect(Set(spans.map(\.context.trace)).count == ignored.count)
        let none = try await run(ratio: 0, ignored + [[("traceparent", "\(Self.parent)-01"), ("tracestate", "a=1=1")]])
        let one = try await none.wait(for: 1)
        #expect(one.count == 1 && one[0].context.state == "", "a malformed state is dropped, and the trace goes on")
    }

    /// Calls the model `a` with `count` requests, and tells how many spans of calls there are then.
    private func infer(
        _ whole: WholeServer, _ spans: Spans, count: Int, parent: String? = nil
    ) async throws -> Int {
        var options = CallOptions()
        if let parent { try options.metadata.append("traceparent", parent) }
        let request = ModelInferRequest(
            modelName: "a", inputs: [.init(name: "x", datatype: "UINT8", shape: [1])], rawInputContents: [Bytes([1])])
        for _ in 0..<count {
            _ = try await whole.channel.unary(
                Bytes(utf8: GRPCInferenceServiceMethods.modelInfer.path), request.encoded(), options: options)
        }
        // A call that is always recorded comes behind all of them.
        let before = spans.count(of: "ServerLive")
        options.metadata.removeAll("traceparent")
        try options.metadata.append("traceparent", "\(Self.parent)-01")
        _ = try await whole.channel.unary(
            Bytes(utf8: GRPCInferenceServiceMethods.serverLive.path), Bytes(), options: options)
        try #require(await eventually { spans.count(of: "ServerLive") > before })
        return spans.count(of: "ModelInfer")
    }

    @Test("rules of a model decide about its calls from the next one on", .timeLimit(.minutes(1)), arguments: [0, 1])
    func rules(ratio: Double) async throws {
        let rules = SharedSpanRules(SpanRules(sampleRatio: ratio))
        let model = try #require(ModelName("a"))
        let spans = Spans()
        try await WholeServer.with(tracing: spans.tracing(ratio: ratio, rules: rules)) { whole in
            try await whole.engine.load(EngineModel(batch: IdentityModel(name: model, version: ModelVersion(1)!)))
            var sum = Int(ratio) * 3
            #expect(try await infer(whole, spans, count: 3) == sum)
            try rules.update { (rules) throws(ServingError) in
                rules[model: model].isOn = true
                rules[model: model].rate = 2
                rules[model: model].count = .left(3)
            }
            sum += 2
            #expect(try await infer(whole, spans, count: 4) == sum, "two of four")
            sum += 1
            #expect(try await infer(whole, spans, count: 4) == sum, "then the last that is left")
            sum += 2
            #expect(try await infer(whole, spans, count: 2, parent: "\(Self.parent)-01") == sum, "callers who want it")
            #expect(try await infer(whole, spans, count: 2, parent: "\(Self.parent)-00") == sum, "and who do not")
            try rules.update { (rules) throws(ServingError) in rules[model: model].isOn = false }
            #expect(try await infer(whole, spans, count: 2, parent: "\(Self.parent)-01") == sum, "off")
            try rules.update { (rules) throws(ServingError) in
                (rules[model: model].isOn, rules[model: model].rate, rules[model: model].count) = (nil, nil, nil)
            }
            sum += Int(ratio) * 3
            #expect(try await infer(whole, spans, count: 3) == sum, "as configured again")
        }
    }

    @Test("the time of a call lies in its span, and of a request in those below it", .timeLimit(.minutes(1)))
    func times() async throws {
        let spans = Spans()
        try await WholeServer.with(tracing: spans.tracing(ratio: 1)) { whole in
            try await whole.engine.load(
                EngineModel(
                    batch: DelayModel(
                        name: ModelName("delay")!, version: ModelVersion(1)!, batchSizeMax: 8, delayMilliseconds: 20)))
            let request = ModelInferRequest(
                modelName: "delay", inputs: [.init(name: "x", datatype: "UINT8", shape: [1])],
                rawInputContents: [Bytes([1])])
            _ = try await whole.call(GRPCInferenceServiceMethods.modelInfer, request)
        }
        let all = try await spans.wait(for: 3)
        let (queue, compute, call) = (all[0], all[1], all[2])
        #expect(all.map(\.name) == ["queue", "compute", "inference.GRPCInferenceService/ModelInfer"])
        #expect(queue.origin.parent == call.context.span && compute.origin.parent == call.context.span)
        #expect(call.startNanoseconds >= 1_700_000_000_000_000_000 - 60_000_000_000)
        #expect(call.startNanoseconds <= queue.startNanoseconds && queue.endNanoseconds == compute.startNanoseconds)
        #expect(compute.endNanoseconds - compute.startNanoseconds >= 20_000_000)
        // Its own times are of another clock's resolution: microseconds.
        #expect(compute.endNanoseconds <= call.endNanoseconds + 1_000)
        #expect(call.attributes.get("apus.model_version") == .string("1"))
    }
}
