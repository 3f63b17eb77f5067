// Measures a decoder without the server around it, and prints JSON.
//
//     apus-text-bench FOLDER [--weights FORMAT] [--cache f32|bf16|int8] [--threads 2] [--prompt 512]
//                     [--generate 32] [--sequences 1,8,16] [--context 128] [--rounds 3] [--generations 0]
//     apus-text-bench FOLDER --memory-proof MEBIBYTES [--weights …] [--cache …] [--threads 2] [--sequences 64]
//                     [--context 1024] [--generate 512] [--step-tokens 1024]
//     apus-text-bench FOLDER --logits TOKEN,TOKEN,… [--weights FORMAT] [--cache …] [--threads 2] [--generate 32]
//     apus-text-bench FOLDER --embed TOKENS [--weights …] [--threads 2] [--rounds 5] [--vectors FILE]
//
// FOLDER is a Hugging Face directory, or a GGUF file. FORMAT is f32, bf16, int8 or int4, or `file` for the file's own.
// Prefill: a prompt of random tokens in one step. Decoding: so many sequences that already have `context` tokens get
// one token a step each. The medians of the rounds are printed; the read bandwidth is measured in the same process
// before and after, over the weights that a step reads, with as many threads. With `generations`, so many prompts of
// `prompt` tokens get `generate` tokens each, the likeliest ones; the time includes that of the prompts.
// MemoryProof.swift explains the second form, LogitsDump.swift the third,
// Embeddings.swift the fourth.

import Compute
import Glibc
import Models
import TextModels
import Vocabulary

/// `--name value` pairs behind one word.
struct Options {
    let folder: String
    private var values: [String: String] = [:]

    init(_ words: [String]) {
        guard let first = words.first, !first.hasPrefix("-") else { fail("which folder?") }
        folder = first
        var rest = words.dropFirst()
        while let name = rest.popFirst() {
            guard name.hasPrefix("--"), let value = rest.popFirst() else { fail("\(name) has no value") }
            values[String(name.dropFirst(2))] = value
        }
    }

    func text(_ name: String, _ other: String) -> String { values[name] ?? other }

    func number(_ name: String, _ other: Int) -> Int {
        guard let text = values[name] else { return other }
        guard let number = Int(text), number >= 0 else { fail("--\(name): expected a number, got \(text)") }
        return number
    }
}

func fail(_ problem: String) -> Never {
    let line = Array("apus-text-bench: \(problem)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
    exit(1)
}

func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// The same `count` tokens each time; others for another seed.
func randomTokens(_ count: Int, below vocabularySize: Int, seed: Int) -> [Int32] {
    var state = UInt64(seed + 1)
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int32(state >> 33) % Int32(vocabularySize)
    }
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

/// The index of the largest logit.
func likeliest(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
    var best = 0
    for index in logits.indices where logits[index] > logits[best] { best = index }
    return Int32(best)
}

/// What reading takes when nothing is computed: the threads of a gang add up the words of the very memory that a step
/// reads, since pages differ in how fast they are read.
struct WeightReading {
    let byteCount: Int
    private let pieces: [UnsafeRawBufferPointer]
    private static let pieceByteCount = 1 << 20

    init(_ model: DecoderModel) {
        let memory = model.matrices.flatMap(\.memory)
        byteCount = memory.reduce(0) { $0 + $1.count }
        pieces = memory.flatMap { block in
            stride(from: 0, to: block.count, by: Self.pieceByteCount).map { start in
                UnsafeRawBufferPointer(rebasing: block[start..<min(start + Self.pieceByteCount, block.count)])
            }
        }
    }

    /// Bytes a second, of several rounds.
    func bandwidths(_ gang: ComputeGang) -> [Double] {
        (0..<8).map { _ in
            var sums = [UInt32](repeating: 0, count: pieces.count)
            let start = seconds()
            sums.withUnsafeMutableBufferPointer { sums in
                nonisolated(unsafe) let sums = sums
                gang.parallelFor(count: pieces.count) { range in
                    for index in range { sums[index] = sum(pieces[index]) }
                }
            }
            let rate = Double(byteCount) / (seconds() - start)
            // Looked at, so that adding up is not left out.
            return sums.contains { $0 != 0 } ? rate : 0
        }
    }
}

/// The sum of the words, in as many accumulators as it takes for the memory to be what limits it.
func sum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    let vectors = bytes.bindMemory(to: SIMD16<UInt32>.self)
    var (first, second) = (SIMD16<UInt32>.zero, SIMD16<UInt32>.zero)
    var (third, fourth) = (SIMD16<UInt32>.zero, SIMD16<UInt32>.zero)
    for index in stride(from: 0, through: vectors.count - 4, by: 4) {
        first &+= vectors[index]
        second &+= vectors[index + 1]
        third &+= vectors[index + 2]
        fourth &+= vectors[index + 3]
    }
    return (first &+ second &+ third &+ fourth).wrappedSum()
}

/// A model with room for the sequences, and tokens to feed it.
struct Bench {
    let model: DecoderModel
    let gang: ComputeGang
    let tokensPerPage = 32
    let pagesPerSequence: Int
    let rounds: Int

    func tokens(_ count: Int, seed: Int) -> [Int32] {
        randomTokens(count, below: model.properties.vocabularySize, seed: seed)
    }

    func pages(_ sequence: Int) -> [Int32] {
        (0..<pagesPerSequence).map { Int32(sequence * pagesPerSequence + $0) }
    }

    /// Tokens a second of a prompt in one step.
    func prefill(_ tokenCount: Int) -> Double {
        let tokens = tokens(tokenCount, seed: 1)
        let times = (0...rounds).map { _ in
            let start = seconds()
            model.step(
                [TokenSpan(tokens: tokens, startPosition: 0, pages: pages(0), result: .lastLogits)], on: gang
            ) { _, _ in }
            return seconds() - start
        }
        return Double(tokenCount) / median(Array(times.dropFirst()))
    }

    /// Tokens generated a second when `sequenceCount` prompts are read together and then get their likeliest tokens, as
    /// a server does it for as many callers; the prompts' time is in it.
    func generate(_ sequenceCount: Int, prompt: Int, stepCount: Int) -> Double {
        let times = (0..<max(2, rounds)).map { _ in
            let start = seconds()
            var spans = (0..<sequenceCount).map { sequence in
                TokenSpan(
                    tokens: tokens(prompt, seed: sequence), startPosition: 0, pages: pages(sequence),
                    result: .lastLogits)
            }
            for step in 0..<stepCount {
                var chosen = [Int32](repeating: 0, count: sequenceCount)
                model.step(spans, on: gang) { index, result in chosen[index] = likeliest(result) }
                spans = (0..<sequenceCount).map { sequence in
                    TokenSpan(
                        tokens: [chosen[sequence]], startPosition: prompt + step, pages: pages(sequence),
                        result: .lastLogits)
                }
            }
            return seconds() - start
        }
        return Double(sequenceCount * stepCount) / median(Array(times.dropFirst()))
    }

    /// Tokens a second of `sequenceCount` sequences that have `context` tokens when it begins.
    func decode(_ sequenceCount: Int, context: Int, stepCount: Int) -> Double {
        for sequence in 0..<sequenceCount {
            model.step(
                [
                    TokenSpan(
                        tokens: tokens(context, seed: sequence), startPosition: 0, pages: pages(sequence),
                        result: .none)
                ], on: gang
            ) { _, _ in }
        }
        let times = (0..<rounds).map { _ in
            let start = seconds()
            for step in 0..<stepCount {
                let spans = (0..<sequenceCount).map { sequence in
                    TokenSpan(
                        tokens: tokens(1, seed: sequence + step), startPosition: context + step,
                        pages: pages(sequence), result: .lastLogits)
                }
                model.step(spans, on: gang) { _, _ in }
            }
            return seconds() - start
        }
        return Double(sequenceCount * stepCount) / median(times)
    }
}

func run() async throws {
    let options = Options(Array(CommandLine.arguments.dropFirst()))
    let weights = options.text("weights", "int8")
    let format = WeightFormat(rawValue: weights)
    guard format != nil || weights == "file" else { fail("--weights: unknown") }
    let usual = (format ?? .bfloat16).usualCacheFormat
    guard let cacheFormat = CacheFormat(rawValue: options.text("cache", usual.rawValue)) else {
        fail("--cache: unknown")
    }
    if options.text("embed", "") != "" {
        guard let format else { fail("--embed: which weights?") }
        return try EmbeddingBench(options, format: format).run()
    }
    if options.text("memory-proof", "") != "" {
        guard let format else { fail("--memory-proof: which weights?") }
        return try await MemoryProof(options, weights: format, cache: cacheFormat).run()
    }
    let gang = ComputeGang(threadCount: options.number("threads", 2))
    let (prompt, steps) = (options.number("prompt", 512), options.number("generate", 32))
    let context = options.number("context", 128)
    let sequenceCounts = options.text("sequences", "1,8,16").split(separator: ",").compactMap { Int($0) }
    let residentBefore = residentByteCount("VmRSS")
    let start = seconds()
    let model = try DecoderModel(
        directory: options.folder, name: ModelName("bench")!, version: ModelVersion(1)!, format: format,
        cacheFormat: cacheFormat)
    let loaded = seconds() - start
    if options.text("logits", "") != "" {
        return try LogitsDump(model: model, gang: gang).run(prompt: options.text("logits", ""), count: steps)
    }
    let peak = residentByteCount("VmHWM")
    let bench = Bench(
        model: model, gang: gang, pagesPerSequence: (max(prompt, context) + steps + 31) / 32,
        rounds: options.number("rounds", 3))
    try model.allocateCache(
        pageCount: bench.pagesPerSequence * max(sequenceCounts.max() ?? 1, options.number("generations", 0)),
        tokensPerPage: bench.tokensPerPage)
    let reading = WeightReading(model)
    var fields = [
        "\"weights\": \"\(weights)\"", "\"cache\": \"\(cacheFormat.rawValue)\"",
        "\"threads\": \(gang.threadCount)",
        "\"tier\": \"\(gang.kernels.tier)\"", "\"load_seconds\": \(loaded)",
        "\"resident_before_bytes\": \(residentBefore)", "\"load_peak_bytes\": \(peak)",
        "\"weight_bytes\": \(model.weightByteCount)", "\"step_bytes\": \(reading.byteCount)",
        "\"prefill_\(prompt)\": \(bench.prefill(prompt))",
    ]
    let generationCount = options.number("generations", 0)
    if generationCount > 0 {
        fields.append("\"generations\": \(bench.generate(generationCount, prompt: prompt, stepCount: steps))")
    }
    var bandwidths = reading.bandwidths(gang)
    for count in sequenceCounts {
        fields.append("\"decode_\(count)\": \(bench.decode(count, context: context, stepCount: steps))")
        bandwidths += reading.bandwidths(gang)
    }
    fields.append("\"read_bytes_per_second\": \(median(bandwidths))")
    print("{\(fields.joined(separator: ", "))}")
}

do { try await run() } catch { fail("\(error)") }
