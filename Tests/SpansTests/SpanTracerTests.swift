import Synchronization
import Telemetry
import Testing
import Tracing
import Vocabulary

@testable import Spans

/// Spans that have ended, in order.
final class SpanList: Sendable {
    private let spans = Mutex<[FinishedSpan]>([])

    var all: [FinishedSpan] { spans.withLock { $0 } }

    func tracer(ratio: Double = 1) -> SpanTracer {
        SpanTracer(sampler: SpanSampler(ratio: ratio), identifiers: IdentifierSource(seeds: (1, 2))) { span in
            self.spans.withLock { $0.append(span) }
        }
    }
}

/// Headers as a dictionary.
struct Headers: Injector, Extractor {
    func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
    func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
}

@Suite("The tracer")
struct SpanTracerTests {
    private let list = SpanList()
    private static let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"

    private func instant(_ nanoseconds: UInt64) -> DefaultTracerClock.Timestamp {
        .init(nanosecondsSinceEpoch: nanoseconds)
    }

    @Test("makes spans through the API of swift-distributed-tracing, each below the one around it")
    func nesting() throws {
        let tracer = list.tracer()
        tracer.withSpan("outer", ofKind: .server) { outer in
            outer.attributes["k"] = 7
            tracer.withSpan("inner") { inner in
                inner.addLink(SpanLink(context: outer.context, attributes: [:]))
                inner.addEvent(SpanEvent(name: "event", at: instant(3)))
            }
        }
        let (inner, outer) = (try #require(list.all.first), try #require(list.all.last))
        #expect(list.all.count == 2 && inner.name == "inner" && outer.name == "outer")
        #expect(outer.origin.parent == nil && outer.kind == .server && outer.attributes.get("k") == .int64(7))
        #expect(inner.context.trace == outer.context.trace && inner.origin.parent == outer.context.span)
        #expect(!inner.origin.parentIsRemote && inner.context.span != outer.context.span)
        #expect(inner.links.first?.context.traceContext == outer.context)
        #expect(inner.events.first?.nanosecondsSinceEpoch == 3)
        #expect(outer.startNanoseconds <= inner.startNanoseconds && inner.endNanoseconds <= outer.endNanoseconds)
    }

    @Test("an error that leaves withSpan is its status and its event")
    func errors() throws {
        struct Trouble: Error {}
        #expect(throws: Trouble.self) { try list.tracer().withSpan("s") { _ in throw Trouble() } }
        let span = try #require(list.all.first)
        #expect(span.status?.code == .error && span.events.first?.name == "exception")
        #expect(span.events.first?.attributes.get("exception.type") == .string("Trouble"))
    }

    @Test("continues a caller's trace, and hands it on with its state", arguments: [true, false])
    func propagation(isSampled: Bool) throws {
        let tracer = list.tracer(ratio: isSampled ? 0 : 1)
        var context = InstrumentationContext.topLevel
        let header = Self.parent + (isSampled ? "-01" : "-00")
        tracer.extract(["traceparent": header, "tracestate": "a=1"], into: &context, using: Headers())
        let span = tracer.startSpan("s", context: context, ofKind: .server, at: instant(5))
        #expect(span.isRecording == isSampled, "the caller decides, not the share")
        var headers: [String: String] = [:]
        tracer.inject(span.context, into: &headers, using: Headers())
        span.end(at: instant(9))
        #expect(!span.isRecording)
        #expect(headers["tracestate"] == "a=1")
        let sent = try #require(headers["traceparent"].flatMap { TraceContext(traceparent: $0) })
        #expect(sent.trace.description == "4bf92f3577b34da6a3ce929d0e0e4736" && sent.isSampled == isSampled)
        #expect(sent.span.description != "00f067aa0ba902b7")
        #expect(list.all.count == (isSampled ? 1 : 0))
        guard let recorded = list.all.first else { return }
        #expect(recorded.origin.parent?.description == "00f067aa0ba902b7" && recorded.origin.parentIsRemote)
        #expect(
            recorded.startNanoseconds == 5 && recorded.endNanoseconds == 9
                && recorded.context
                    == TraceContext(
                        trace: sent.trace, span: sent.span, isSampled: true, state: "a=1")
        )
    }

    @Test("ignores a header that is malformed, and the state beside it")
    func malformed() {
        let tracer = list.tracer()
        var context = InstrumentationContext.topLevel
        tracer.extract(["traceparent": "00-1-2-01", "tracestate": "a=1"], into: &context, using: Headers())
        #expect(context.traceContext == nil)
        tracer.startSpan("s", context: context).end()
        #expect(list.all.first?.origin.parent == nil && list.all.first?.context.state == "")
    }

    @Test("a span ends once, and takes nothing more then")
    func ending() {
        let span = list.tracer().startSpan("s", context: .topLevel, at: instant(10))
        span.end(at: instant(4))
        span.end(at: instant(20))
        span.attributes["late"] = true
        span.setStatus(SpanStatus(code: .error))
        #expect(list.all.count == 1 && list.all[0].endNanoseconds == 10, "a span does not end before it begins")
        #expect(list.all[0].attributes.isEmpty && span.attributes.isEmpty)
    }

    @Test("a span has so many attributes, events and links, and counts the rest")
    func partLimits() throws {
        let span = list.tracer().startSpan("s", context: .topLevel)
        for number in 0..<200 {
            span.addEvent(SpanEvent(name: "e"))
            span.addLink(SpanLink(context: span.context, attributes: [:]))
            if number == 199 {
                span.attributes = SpanAttributes(
                    Dictionary(uniqueKeysWithValues: (100..<300).map { ("k\($0)", SpanAttribute.int64(1)) }))
            }
        }
        span.end()
        let ended = try #require(list.all.first)
        #expect(ended.attributes.count == 128 && ended.droppedAttributeCount == 72)
        #expect(ended.attributes.get("k100") != nil && ended.attributes.get("k299") == nil)
        #expect(ended.events.count == 128 && ended.droppedEventCount == 72)
        #expect(ended.links.count == 128 && ended.droppedLinkCount == 72)
    }
}

@Suite("Which traces are recorded")
struct SpanSamplerTests {
    @Test("all, none, or a share of them, told by the name alone", arguments: [0, 0.01, 0.25, 1])
    func share(ratio: Double) {
        let identifiers = IdentifierSource(seeds: (7, 11))
        let (sampler, twin) = (SpanSampler(ratio: ratio), SpanSampler(ratio: ratio))
        let traces = (0..<20_000).map { _ in identifiers.trace() }
        let count = traces.count { sampler.samples($0) }
        // Four standard deviations.
        let slack = 4 * (20_000 * ratio * (1 - ratio)).squareRoot()
        #expect(abs(Double(count) - 20_000 * ratio) <= slack)
        #expect(traces.allSatisfy { sampler.samples($0) == twin.samples($0) })
    }

    @Test("by the last 56 bits of the name, as OpenTelemetry compares them")
    func threshold() throws {
        let sampler = SpanSampler(ratio: 0.25)
        let last: UInt64 = 0xC0_0000_0000_0000
        #expect(sampler.samples(try #require(TraceID(high: 0, low: last))))
        #expect(!sampler.samples(try #require(TraceID(high: .max, low: 0xFF00_0000_0000_0000 | last - 1))))
    }

    @Test("names do not come twice, from several threads at once")
    func uniqueness() async {
        let identifiers = IdentifierSource(seeds: (0, 0))
        let traces = await withTaskGroup(of: [TraceID].self) { group in
            for _ in 0..<4 { group.addTask { (0..<5_000).map { _ in identifiers.trace() } } }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(traces).count == 20_000 && Set(traces.map(\.low)).count == 20_000)
        #expect(Set((0..<5_000).map { _ in identifiers.span() }).count == 5_000)
    }
}
