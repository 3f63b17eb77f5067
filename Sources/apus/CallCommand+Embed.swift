import ApusClient
import ArgumentParser
import Foundation

/// `apus call embed`: vectors that stand for texts.
struct CallEmbedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed",
        abstract: "Turn texts into vectors that are close where the texts are alike.",
        discussion: """
            Prints one JSON array a text, scaled to length 1; with --similarity instead how alike the texts are, 1 \
            being the same. For example:

              apus call embed --model storyteller "a cat" "a dog" "the sea" --similarity
            """)

    @OptionGroup var call: CallOptions

    @Argument(help: "The texts.")
    var texts: [String]

    @Flag(help: "Print the cosine between each two texts instead of the vectors.")
    var similarity = false

    func run() async throws {
        let (call, texts, similarity) = (call, texts, similarity)
        try await call.withClient { client in
            let vectors = try await client.embed(
                model: call.model, version: call.modelVersion, texts: texts, timeout: call.timeout?.duration
            ).vectors
            guard similarity else {
                return Console.write(vectors.map { "[\($0.map { "\($0)" }.joined(separator: ","))]\n" }.joined())
            }
            let rows = zip(texts, vectors).map { text, vector in
                vectors.map { String(format: "%6.3f", dot(vector, $0)) } + [text]
            }
            Console.write(columns(rows) + "\n")
        }
    }
}

/// The cosine of two vectors of length 1.
private func dot(_ left: [Float], _ right: [Float]) -> Double {
    zip(left, right).reduce(0) { $0 + Double($1.0) * Double($1.1) }
}
