import ApusClient
import ArgumentParser
import Foundation

/// `apus call text`: a text, as it is written.
struct CallTextCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "text",
        abstract: "Let a language model go on from a prompt; words appear as they come.",
        discussion: """
            The text goes to stdout, what the call used to stderr. The same --seed gives the same text. For example:

              apus call text --model storyteller "Once upon a time" --max-tokens 100 --temperature 0.8 --seed 7
              cat beginning.txt | apus call text --model storyteller - > story.txt
            """)

    @OptionGroup var call: CallOptions

    @Argument(help: "What to go on from; - reads it from stdin.")
    var prompt: String

    @OptionGroup(title: "Generation")
    var generation: GenerationOptions

    @Flag(help: "Do not print the prompt before the text.")
    var noPrompt = false

    func run() async throws {
        let settings = generation.settings
        let (call, prompt, noPrompt) = (call, prompt, noPrompt)
        try await call.withClient { client in
            let prompt = prompt == "-" ? try Console.readAll() : prompt
            let pieces = try await client.generate(
                model: call.model, version: call.modelVersion, prompt: prompt, settings: settings,
                timeout: call.timeout?.duration)
            // The prompt waits for the first piece: a call that fails at once prints nothing but the error.
            var opening = noPrompt ? "" : prompt
            var end: TextPiece.End?
            do {
                for try await piece in pieces {
                    Console.write(opening + piece.text)
                    opening = ""
                    end = piece.end
                }
            } catch {
                if opening.isEmpty { Console.write("\n") }
                throw error
            }
            Console.write("\n")
            if Console.isErrorTerminal, let end { Console.note(describe(end)) }
        }
    }
}

/// How to go on, on the command line.
struct GenerationOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The most tokens to generate.", valueName: "count"))
    var maxTokens: Int?

    @Option(help: "0 always takes the likeliest token; higher values surprise more.")
    var temperature: Float?

    @Option(help: ArgumentHelp("Choose among this many likeliest tokens.", valueName: "count"))
    var topK: Int?

    @Option(help: ArgumentHelp("Choose among the likeliest tokens that together reach this.", valueName: "share"))
    var topP: Float?

    @Option(help: "Begins the random choices.")
    var seed: UInt64?

    @Option(help: ArgumentHelp("End where this text would appear; may be repeated.", valueName: "text"))
    var stop: [String] = []

    func validate() throws {
        if let maxTokens, maxTokens < 1 { throw ValidationError("--max-tokens: expected at least 1, got \(maxTokens)") }
        if let topK, topK < 0 { throw ValidationError("--top-k: expected 0 or more, got \(topK)") }
    }

    var settings: GenerationSettings {
        var settings = GenerationSettings()
        settings.tokenCountMax = maxTokens
        settings.temperature = temperature
        settings.topK = topK
        settings.topP = topP
        settings.seed = seed
        settings.stopTexts = stop
        return settings
    }
}

private func describe(_ end: TextPiece.End) -> String {
    let reason =
        switch end.reason {
        case .endOfText: "the text ended"
        case .stopText: "a stop text came"
        case .tokenCountMax: "as many tokens as allowed"
        case .contextFull: "the model's context is full"
        case .other(let number): "reason \(number)"
        }
    guard let usage = end.usage else { return "[\(reason)]" }
    let seconds = usage.computeTime / .seconds(1)
    let rate = seconds > 0 ? String(format: ", %.0f tokens/s", Double(usage.generatedTokenCount) / seconds) : ""
    return "[\(reason); \(usage.promptTokenCount) tokens in, \(usage.generatedTokenCount) out\(rate)]"
}
