import Compute
import Foundation
import Models
import TestSupport
import Testing
import TextModels

/// Goal: each family in each format loses no more than it must against Hugging Face transformers in float32.
///
/// Method: the logits after every kept token of the prompt, and the tokens that follow the prompt. The miniatures have
/// 32 inputs where a real model has thousands, so their errors average out less. `make parity` prints the measures as
/// the table of `Architectures.md`.
@Suite("Parity with Hugging Face transformers") struct ParityTests {
    private static let bounds = [
        Bounds(.float32, cosineMin: 0.9999999, divergenceMax: 1e-8, differenceMax: DecoderFamiliesTests.tolerance),
        Bounds(.bfloat16, cosineMin: 0.9999, divergenceMax: 0.001, differenceMax: nil),
        Bounds(.int8, cosineMin: 0.997, divergenceMax: 0.02, differenceMax: nil),
        Bounds(.int4, cosineMin: 0.84, divergenceMax: 1.2, differenceMax: nil),
    ]

    @Test("logits and probabilities in every format", arguments: DecoderFixture.names, bounds)
    func decoder(name: String, bounds: Bounds) throws {
        let parity = try DecoderParity(name, bounds.format)
        #expect(parity.cosine >= bounds.cosineMin, "\(parity)")
        #expect(parity.divergence <= bounds.divergenceMax, "\(parity)")
        if let differenceMax = bounds.differenceMax {
            #expect(parity.relativeDifference <= differenceMax, "\(parity)")
            #expect(parity.greedyCount == parity.greedyTotal, "\(parity)")
        }
    }

    @Test("the documentation has the measures of every family, and not better ones than there are")
    func documentation() throws {
        let page = URL(filePath: #filePath).appending(
            path: "../../../Sources/TextModels/TextModels.docc/Architectures.md")
        let text = try String(contentsOf: page.standardizedFileURL, encoding: .utf8)
        var rowCount = 0
        for name in DecoderFixture.names {
            for bounds in Self.bounds {
                let head = "| \(name) | \(bounds.format.rawValue) |"
                let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(head) }, "no row \(head)")
                let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
                let cosine = try #require(Double(cells[3]))
                let divergence = try #require(Double(cells[4]))
                let parity = try DecoderParity(name, bounds.format)
                // Kernels of other processors add in another order, and round to fewer bits in other places.
                #expect(1 - parity.cosine <= 2 * (1 - cosine) + 1e-6, "\(head) \(parity)")
                #expect(parity.divergence <= 2 * divergence + 1e-6, "\(head) \(parity)")
                rowCount += 1
            }
        }
        #expect(rowCount == 52)
    }

    @Test(
        "the table of the documentation",
        .enabled(if: ProcessInfo.processInfo.environment["APUS_PARITY_TABLE"] != nil, "make parity asks for it"))
    func table() throws {
        let path = try #require(ProcessInfo.processInfo.environment["APUS_PARITY_TABLE"])
        var lines = [DecoderParity.head]
        for name in DecoderFixture.names {
            for bounds in Self.bounds { lines.append(try DecoderParity(name, bounds.format).row) }
        }
        try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    }

    struct Bounds: Sendable, CustomTestStringConvertible {
        let format: WeightFormat
        let cosineMin: Double
        let divergenceMax: Double
        /// Of logits, relative to values of size 1 and more; with it, the greedy tokens are those of the reference.
        let differenceMax: Double?
        var testDescription: String { format.rawValue }

        init(_ format: WeightFormat, cosineMin: Double, divergenceMax: Double, differenceMax: Double?) {
            self.format = format
            self.cosineMin = cosineMin
            self.divergenceMax = divergenceMax
            self.differenceMax = differenceMax
        }
    }
}

/// How close a miniature in a format comes to the reference.
struct DecoderParity: CustomStringConvertible {
    let name: String
    let format: WeightFormat
    /// The largest difference of a logit.
    private(set) var difference = 0.0
    /// The same, relative to values of size 1 and more.
    private(set) var relativeDifference = 0.0
    /// Of the logits of a token, on average.
    private(set) var cosine = 0.0
    /// Kullback-Leibler, of the probabilities of the next token, in nats, on average.
    private(set) var divergence = 0.0
    /// So many of the greedy tokens are the reference's before the first that is not.
    private(set) var greedyCount = 0
    private(set) var greedyTotal = 0

    init(_ name: String, _ format: WeightFormat) throws {
        (self.name, self.format) = (name, format)
        let fixture = try DecoderFixture(name)
        let driver = try StepDriver(
            try fixture.model(format), tokensPerPage: 16, gang: ComputeGang(threadCount: 2))
        var last: [Float] = []
        for (position, token) in fixture.prompt.enumerated() {
            last = try driver.step([(0, [token], .lastLogits)])[0]!
            guard let index = fixture.positions.firstIndex(of: position) else { continue }
            add(last, fixture.logits[index], share: 1 / Double(fixture.positions.count))
        }
        greedyTotal = fixture.greedy.count
        var sampler = Sampler(.greedy)
        let scratch = SamplerScratch()
        for token in fixture.greedy {
            guard last.withUnsafeBufferPointer({ sampler.sample($0, with: scratch) }) == token else { break }
            greedyCount += 1
            last = try driver.step([(0, [token], .lastLogits)])[0]!
        }
    }

    private mutating func add(_ logits: [Float], _ expected: [Double], share: Double) {
        let got = logits.map(Double.init)
        difference = max(difference, zip(got, expected).reduce(0) { max($0, abs($1.0 - $1.1)) })
        relativeDifference = max(relativeDifference, largestDifference(logits, expected))
        func product(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        cosine += share * product(got, expected) / (product(got, got) * product(expected, expected)).squareRoot()
        func logProbabilities(_ logits: [Double]) -> [Double] {
            let sum = log(logits.reduce(0) { $0 + exp($1 - logits.max()!) }) + logits.max()!
            return logits.map { $0 - sum }
        }
        let pairs = zip(logProbabilities(expected), logProbabilities(got))
        divergence += share * pairs.reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
    }

    static let head = """
        | miniature | weights | cosine | KL, nats | largest difference | greedy tokens equal |
        |---|---|--:|--:|--:|--:|
        """

    var row: String {
        let numbers = String(format: "%.7f | %.1e | %.1e", cosine, max(divergence, 0), difference)
        return "| \(name) | \(format.rawValue) | \(numbers) | \(greedyCount)/\(greedyTotal) |"
    }

    var description: String { row }
}
