import Foundation
import HTTP2
import Logging
import Messages
import RPC
import RPCTransport
import Synchronization
import Telemetry
import TestSupport
import Testing
import Tracing
import Vocabulary

@testable import Spans

/// Takes spans, or answers with errors that a test has laid in.
private final class Shelf: SpanDestination {
    let name = "shelf"
    private let state = Mutex<(answers: [Result<Int, SpanSendingError>], batches: [[String]])>(([], []))
    /// Holds every attempt back until it is opened.
    private let gate: AsyncStream<Void>
    private let opening: AsyncStream<Void>.Continuation

    init(_ answers: [Result<Int, SpanSendingError>] = [], isOpen: Bool = true) {
        (gate, opening) = AsyncStream.makeStream(of: Void.self)
        state.withLock { $0.answers = answers }
        if isOpen { open() }
    }

    /// The names of the spans of each attempt.
    var batches: [[String]] { state.withLock { $0.batches } }

    func open() { opening.finish() }

    func send(_ request: OTLPExportTraceServiceRequest) async throws(SpanSendingError) -> Int {
        for await _ in gate {}
        let names = request.resourceSpans.flatMap { $0.scopeSpans.flatMap { $0.spans.map(\.name) } }
        let answer = state.withLock { state in
            state.batches.append(names)
            return state.answers.isEmpty ? .success(0) : state.answers.removeFirst()
        }
        return try answer.get()
    }
}

@Suite("The way of spans out of the process")
struct SpanExporterTests {
    private let metrics = MetricsRegistry()
    private let spans = SpanList()

    private func exporter(
        to shelf: Shelf, _ configure: (inout SpanExporter.Limits) -> Void = { _ in }
    ) -> SpanExporter {
        var limits = SpanExporter.Limits()
        limits.intervalNanoseconds = 3_600_000_000_000
        limits.batchSpanCountMax = 3
        limits.backoff.initialNanoseconds = 1_000_000
        limits.backoff.maxNanoseconds = 1_000_000
        configure(&limits)
        return SpanExporter(
            shelf, from: .init(resource: OTLPResource(), scope: OTLPInstrumentationScope()), limits: limits,
            metrics: SpanMetrics(metrics), clock: SystemClock(), random: { 0.5 },
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    private func append(_ names: some Sequence<Int>, to exporter: SpanExporter) {
        let tracer = SpanTracer(
            sampler: SpanSampler(ratio: 1), identifiers: IdentifierSource(seeds: (1, 2)), record: exporter.append)
        for name in names { tracer.startSpan("\(name)", context: .topLevel).end() }
    }

    /// Counts by the last label, `exported` among them.
    private var counts: [String: Int] {
        var counts: [String: Int] = [:]
        for line in metrics.exposition().split(separator: "\n") where !line.hasPrefix("#") {
            let reason = line.split(separator: "reason=\"").dropFirst().first?.prefix { $0 != "\"" } ?? "exported"
            counts[String(reason), default: 0] += Int(line.split(separator: " ").last ?? "") ?? 0
        }
        return counts.filter { $0.value > 0 }
    }

    @Test("goes in batches, in order, and what is left goes when the server ends", .timeLimit(.minutes(1)))
    func batches() async {
        let shelf = Shelf()
        let exporter = exporter(to: shelf)
        append(0..<8, to: exporter)
        exporter.start()
        await exporter.close()
        #expect(shelf.batches == [["0", "1", "2"], ["3", "4", "5"], ["6", "7"]])
        #expect(counts == ["exported": 8])
        append(8..<9, to: exporter)
        #expect(counts == ["exported": 8, "queue_full": 1], "nobody would send it any more")
    }

    @Test("does not wait for its time when there is a batch", .timeLimit(.minutes(1)))
    func urgency() async throws {
        let shelf = Shelf()
        let exporter = exporter(to: shelf)
        exporter.start()
        append(0..<3, to: exporter)
        try await wait { shelf.batches == [["0", "1", "2"]] }
        await exporter.close()
    }

    @Test("goes by itself after the interval", .timeLimit(.minutes(1)))
    func interval() async throws {
        let shelf = Shelf()
        let exporter = exporter(to: shelf) { $0.intervalNanoseconds = 1_000_000 }
        exporter.start()
        append(0..<1, to: exporter)
        try await wait { shelf.batches == [["0"]] }
        await exporter.close()
    }

    @Test("is bounded: what a slow destination leaves no room for is dropped and counted", .timeLimit(.minutes(1)))
    func bounds() async {
        let shelf = Shelf(isOpen: false)
        let exporter = exporter(to: shelf) { $0.queuedSpanCountMax = 5 }
        append(0..<12, to: exporter)
        #expect(counts == ["queue_full": 7])
        exporter.start()
        shelf.open()
        await exporter.close()
        #expect(shelf.batches.flatMap(\.self) == ["0", "1", "2", "3", "4"] && counts["exported"] == 5)
    }

    @Test("is sent again after an error that passes, and not after another one", .timeLimit(.minutes(1)))
    func retries() async throws {
        let passing = SpanSendingError("away", isTransient: true)
        let shelf = Shelf([
            .failure(passing), .failure(passing), .success(1), .failure(SpanSendingError("never", isTransient: false)),
        ])
        let exporter = exporter(to: shelf)
        exporter.start()
        append(0..<6, to: exporter)
        try await wait { shelf.batches.count == 4 }
        await exporter.close()
        #expect(shelf.batches == Array(repeating: ["0", "1", "2"], count: 3) + [["3", "4", "5"]])
        #expect(counts == ["exported": 2, "rejected": 1, "failed": 3])
    }

    @Test("is not sent again at once by a destination that names no time", .timeLimit(.minutes(1)))
    func zeroPause() async throws {
        let now = SpanSendingError("now", isTransient: true, pauseNanoseconds: 0)
        let shelf = Shelf(Array(repeating: .failure(now), count: 1000))
        let exporter = exporter(to: shelf) {
            $0.backoff.initialNanoseconds = 30_000_000_000
            $0.backoff.maxNanoseconds = 30_000_000_000
            $0.giveUpNanoseconds = 1_000_000_000
        }
        exporter.start()
        append(0..<3, to: exporter)
        // Its own pause would end too late.
        try await wait { counts == ["failed": 3] }
        await exporter.close()
        #expect(shelf.batches.count == 1)
    }

    @Test("is bounded by bytes as well, in the queue and in a batch", .timeLimit(.minutes(1)))
    func bytes() async {
        let shelf = Shelf(isOpen: false)
        let exporter = exporter(to: shelf) {
            $0.batchByteCountMax = 3_000
            $0.queuedByteCountMax = 6_000
        }
        let tracer = SpanTracer(
            sampler: SpanSampler(ratio: 1), identifiers: IdentifierSource(seeds: (1, 2)), record: exporter.append)
        for name in 0..<6 {
            let span = tracer.startSpan("\(name)", context: .topLevel)
            span.attributes["text"] = String(repeating: "x", count: 1_000)
            span.end()
        }
        exporter.start()
        shelf.open()
        await exporter.close()
        #expect(shelf.batches == [["0", "1"], ["2", "3"], ["4"]])
        #expect(counts == ["exported": 5, "queue_full": 1])
    }

    @Test("is given up after a while, and when the server ends", .timeLimit(.minutes(1)))
    func givingUp() async throws {
        let later = SpanSendingError("later", isTransient: true, pauseNanoseconds: 30_000_000_000)
        let shelf = Shelf([.failure(later), .failure(later), .failure(later)])
        let exporter = exporter(to: shelf) {
            $0.giveUpNanoseconds = 20_000_000_000
            $0.closeNanoseconds = 20_000_000_000
        }
        exporter.start()
        append(0..<3, to: exporter)
        // A pause that would end too late is none.
        try await wait { counts == ["failed": 3] }
        await exporter.close()
        #expect(shelf.batches.count == 1)
    }

    @Test("is not waited for when the destination hangs at the end", .timeLimit(.minutes(1)))
    func hanging() async {
        let shelf = Shelf(isOpen: false)
        let exporter = exporter(to: shelf) { $0.closeNanoseconds = 10_000_000 }
        append(0..<3, to: exporter)
        exporter.start()
        await exporter.close()
        shelf.open()
    }

    private func wait(until condition: () -> Bool) async throws {
        try #require(await eventually(condition))
    }
}

@Suite("What a collector says of spans")
struct SpanSendingErrorTests {
    @Test("which statuses are worth another attempt", arguments: StatusCode.allCases.filter { $0 != .ok })
    func statuses(code: StatusCode) {
        let transient: Set<StatusCode> = [
            .cancelled, .deadlineExceeded, .aborted, .outOfRange, .unavailable, .dataLoss,
        ]
        #expect(SpanSendingError(RPCFailure(code, "why")).isTransient == transient.contains(code))
    }

    /// A `google.rpc.Status` with a RetryInfo of so many seconds and nanoseconds.
    private func status(_ delay: [UInt8], type: String = "type.googleapis.com/google.rpc.RetryInfo") -> Bytes {
        func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
            [number << 3 | 2, UInt8(content.count)] + content
        }
        let info = field(1, delay)
        let detail = field(1, Array(type.utf8)) + field(2, info)
        let other = field(1, Array("other".utf8))
        return Bytes([0x08, 8] + field(2, Array("busy".utf8)) + field(3, other) + field(3, detail))
    }

    @Test("a time to come again is one, for a collector that has no room as well")
    func retryInfo() throws {
        let details = status([0x08, 2, 0x10, 0x80, 0xCA, 0xB5, 0xEE, 0x01])
        #expect(RetryInfo.delayNanoseconds(details) == 2_500_000_000)
        var trailers = HeaderList()
        for (name, value) in [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a")] {
            try trailers.append(name: name, value: value)
        }
        try trailers.append(
            name: StatusDetails.name, value: String(decoding: details.withUnsafeBytes(Base64.encode), as: UTF8.self))
        let error = SpanSendingError(
            RPCFailure(ServingError(.resourceExhausted, "busy"), trailers: try trailers.received()))
        #expect(error.isTransient && error.pauseNanoseconds == 2_500_000_000)
    }

    @Test("what is none is ignored, wherever it is cut")
    func malformedDetails() {
        let details = status([0x08, 2])
        #expect(RetryInfo.delayNanoseconds(details) == 2_000_000_000)
        for count in 0..<details.count { _ = RetryInfo.delayNanoseconds(details[0..<count]) }
        #expect(RetryInfo.delayNanoseconds(status([0x08, 2], type: "type.googleapis.com/google.rpc.ErrorInfo")) == nil)
        #expect(RetryInfo.delayNanoseconds(status([0x08, 0xFF, 0xFF, 0xFF, 0x7F])) == nil, "years are no pause")
        #expect(RetryInfo.delayNanoseconds(status([0x0B])) == 0)
    }
}

@Suite("A file of spans")
struct SpanFileTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "spans-\(UUID().uuidString)")

    @Test("gets a line for each batch, at its end, also after it was moved away")
    func lines() async throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "spans.jsonl")
        try Data("before\n".utf8).write(to: path)
        let file = try SpanFile(path: path.path)
        #expect(try await file.send(OTLPExportTraceServiceRequest()) == 0)
        #expect(try String(contentsOf: path, encoding: .utf8) == "before\n{}\n")
        try FileManager.default.moveItem(at: path, to: folder.appending(path: "old"))
        _ = try await file.send(OTLPExportTraceServiceRequest())
        #expect(try String(contentsOf: path, encoding: .utf8) == "{}\n")
    }

    @Test("that cannot be written is refused by name")
    func unwritable() {
        let error = #expect(throws: SpanSendingError.self) { try SpanFile(path: "/nowhere/spans.jsonl") }
        #expect(error?.message.contains("cannot open /nowhere/spans.jsonl: No such file") == true)
    }

    /// A pipe would be waited for until somebody reads it, and end the process when that one goes.
    @Test(
        "is a regular file: pipes and devices are refused, whether anybody reads them or not", .timeLimit(.minutes(1)))
    func kinds() async throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "pipe").path
        try #require(mkfifo(path, 0o600) == 0)
        #expect(throws: SpanSendingError.self) { try SpanFile(path: path) }
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        for path in [path, "/dev/null"] {
            let error = #expect(throws: SpanSendingError.self) { try SpanFile(path: path) }
            #expect(error?.message.contains("is no regular file") == true && error?.isTransient == false)
        }
        let file = folder.appending(path: "spans.jsonl").path
        let spans = try SpanFile(path: file)
        try FileManager.default.removeItem(atPath: file)
        try #require(mkfifo(file, 0o600) == 0)
        await #expect(throws: SpanSendingError.self) { try await spans.send(OTLPExportTraceServiceRequest()) }
    }
}
