import Compute
import Engine
import Glibc
import Models
import Routing
import Synchronization
import TextModels
import Tokenizers
import Vocabulary

/// Writes many long texts at once through the engine, and prints what memory that took against what it was allowed.
///
/// Prompts of random tokens, no two alike, so that no page serves two texts; every text is written to its last token.
/// `--context` tokens are in each text, of which `--generate` are written; `--memory-proof` is the `cache_memory` that
/// is configured.
///
/// The memory of the process is what the kernel reports: what is resident once the weights are there, and the most that
/// was resident afterwards, with a peak that is reset in between (`/proc/self/clear_refs`, proc(5)), so that reading
/// the weights does not hide what follows. The program fails when a text is cut short or the budget is exceeded.
struct MemoryProof {
    private let options: Options
    private let weights: WeightFormat
    private let cache: CacheFormat
    private let sequenceCount: Int
    /// Tokens of each text, prompt included.
    private let tokenCount: Int
    private let generatedCount: Int
    private let limits: TextLimits

    private static let name = ModelName("bench")!

    init(_ options: Options, weights: WeightFormat, cache: CacheFormat) {
        self.options = options
        self.weights = weights
        self.cache = cache
        sequenceCount = options.number("sequences", 64)
        tokenCount = options.number("context", 1024)
        generatedCount = options.number("generate", 512)
        guard generatedCount < tokenCount else { fail("--generate: expected fewer than --context") }
        var limits = TextLimits()
        limits.cacheByteCount = options.number("memory-proof", 1) << 20
        limits.runningSequenceCountMax = sequenceCount
        // All texts shall be in memory together: prompts are not held back for those that are being written, and the
        // first text still has much to write when the last one begins.
        limits.stepTokenBudget = options.number("step-tokens", 1024)
        limits.stepNanosecondsMax = 60_000_000_000
        self.limits = limits
    }

    func run() async throws {
        let model = try DecoderModel(
            directory: options.folder, name: Self.name, version: ModelVersion(1)!, contextLength: tokenCount,
            format: weights, cacheFormat: cache)
        let engine = Engine(configuration: EngineConfiguration(threadCount: options.number("threads", 2)))
        let watched = WatchedModel(model, engine)
        resetPeakResidentByteCount()
        let residentBefore = residentByteCount("VmRSS")
        let start = seconds()
        try await engine.load(
            EngineModel(
                text: watched, tokenizer: NumberedTokens(vocabularySize: model.properties.vocabularySize),
                endOfSequence: [], limits: limits))
        let generated = try await writeAll(engine, vocabularySize: model.properties.vocabularySize)
        let elapsed = seconds() - start
        let peak = residentByteCount("VmHWM")
        let counters = try engine.counters(of: ModelSelector(name: Self.name))
        await engine.shutdown()
        let pageByteCount = limits.tokensPerPage * model.properties.cacheBytesPerToken
        let pagesNeeded = sequenceCount * ((tokenCount - 1 + limits.tokensPerPage - 1) / limits.tokensPerPage)
        let fields: [(String, Int)] = [
            ("sequences", sequenceCount), ("tokens_each", tokenCount), ("tokens_generated", generated),
            ("budget_bytes", limits.cacheByteCount), ("cache_bytes", model.cacheByteCount),
            ("page_bytes", pageByteCount), ("pages", counters.cachePageCountTotal),
            ("pages_used_max", watched.pageCountMax), ("pages_for_all_texts", pagesNeeded),
            ("sequences_in_step_max", watched.sequenceCountMax), ("preemptions", Int(counters.preemptionCount)),
            ("weight_bytes", model.weightByteCount), ("resident_before_bytes", residentBefore),
            ("resident_peak_bytes", peak), ("resident_growth_bytes", peak - residentBefore),
        ]
        let list = fields.map { "\"\($0)\": \($1)" }.joined(separator: ", ")
        print(
            "{\"weights\": \"\(weights.rawValue)\", \"cache\": \"\(cache.rawValue)\", \(list), "
                + "\"seconds\": \(elapsed)}")
        guard generated == sequenceCount * generatedCount else { fail("\(generated) tokens were generated") }
        guard model.cacheByteCount <= limits.cacheByteCount, watched.pageCountMax <= counters.cachePageCountTotal,
            model.cacheByteCount == counters.cachePageCountTotal * pageByteCount, counters.cachePageCountUsed == 0
        else { fail("the budget does not hold") }
    }

    /// Writes all texts; returns how many tokens were generated.
    private func writeAll(_ engine: Engine, vocabularySize: Int) async throws -> Int {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for sequence in 0..<sequenceCount {
                let prompt = randomTokens(tokenCount - generatedCount, below: vocabularySize, seed: sequence)
                let request = GenerationRequest(
                    prompt: .tokens(prompt), tokenCountMax: generatedCount, ignoresEndOfSequence: true)
                group.addTask {
                    let stream = try await engine.generate(ModelSelector(name: Self.name), request)
                    var count = 0
                    while let event = try await stream.next() {
                        if case .piece(let piece) = event { count += piece.tokens.count }
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
    }
}

/// A model that remembers what its steps held.
private final class WatchedModel: TokenModel {
    private let model: DecoderModel
    private let engine: Engine
    private let pagesMax = Atomic<Int>(0)
    private let sequencesMax = Atomic<Int>(0)

    init(_ model: DecoderModel, _ engine: Engine) {
        self.model = model
        self.engine = engine
    }

    /// Most pages that sequences held: those in a step, or those that the engine counted after one.
    var pageCountMax: Int { pagesMax.load(ordering: .relaxed) }
    /// Most sequences in a step.
    var sequenceCountMax: Int { sequencesMax.load(ordering: .relaxed) }

    var description: ModelDescription { model.description }
    var properties: TokenModelProperties { model.properties }

    func warmUp(on gang: ComputeGang) throws { try model.warmUp(on: gang) }

    func allocateCache(pageCount: Int, tokensPerPage: Int) throws {
        try model.allocateCache(pageCount: pageCount, tokensPerPage: tokensPerPage)
    }

    func step(_ spans: [TokenSpan], on gang: ComputeGang, receive: (Int, UnsafeBufferPointer<Float>) -> Void) {
        let held = (try? engine.counters(of: ModelSelector(name: description.name)).cachePageCountUsed) ?? 0
        let inStep = Set(spans.lazy.flatMap(\.pages)).count
        pagesMax.max(max(held, inStep), ordering: .relaxed)
        sequencesMax.max(spans.count, ordering: .relaxed)
        model.step(spans, on: gang, receive: receive)
    }
}

/// The tokenizer of a model whose random weights know no language: a token is written as its number.
private struct NumberedTokens: Tokenizer {
    let vocabularySize: Int
    var leadingSpaceCount: Int { 0 }

    func encode(_ text: String, addsSpecialTokens: Bool) throws(TokenizerError) -> [Int32] {
        var tokens: [Int32] = []
        for word in text.split(separator: " ") {
            guard let token = Int32(word), token >= 0, token < vocabularySize else {
                throw .unknownCharacter(String(word))
            }
            tokens.append(token)
        }
        return tokens
    }

    func bytes(of token: Int32) -> [UInt8] { Array("\(token) ".utf8) }
}

/// Begins a new peak of resident memory.
private func resetPeakResidentByteCount() {
    guard let file = fopen("/proc/self/clear_refs", "w"), fputs("5", file) >= 0, fclose(file) == 0 else {
        fail("/proc/self/clear_refs cannot be written")
    }
}

/// A line of `/proc/self/status` that counts kibibytes.
func residentByteCount(_ name: String) -> Int {
    guard let file = fopen("/proc/self/status", "r") else { fail("/proc/self/status cannot be read") }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard text.hasPrefix(name + ":") else { continue }
        if let count = text.split(whereSeparator: { !$0.isNumber }).first.flatMap({ Int($0) }) { return count << 10 }
    }
    fail("/proc/self/status has no \(name)")
}
