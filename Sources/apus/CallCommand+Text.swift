import ApusClient
import ArgumentParser
import Foundation

/// `apus call text`: a text, as it is written.
struct CallTextCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "text",
        abstract: "Let a language model go on from a prompt; words appear as they come.",
        discussion: """
            The text goes to stdout, what the call used to stderr. The same --seed gives the same text. Several \
            answers (--n) are printed one after the other once all of them are there. For example:

              apus call text --model storyteller "Once upon" --max-tokens 100 --seed 7
              apus call text --model storyteller "He was " --choice old --choice young
              apus call text --model my-chat --system "Be brief." --chat "What is a swift?"
              cat beginning.txt | apus call text --model storyteller - > story.txt
            """)

    @OptionGroup var call: CallOptions

    @Argument(help: "What to go on from; - reads it from stdin.")
    var prompt: String?

    @OptionGroup(title: "Conversation")
    var chat: ChatOptions

    @OptionGroup(title: "Generation")
    var generation: GenerationOptions

    @Flag(help: "Do not print the prompt before the text.")
    var noPrompt = false

    func validate() throws {
        guard (prompt != nil) != chat.isGiven else {
            throw ValidationError("either a prompt or --chat with what is said, got \(prompt == nil ? "none" : "both")")
        }
    }

    func run() async throws {
        let (call, prompt, noPrompt, chat, generation) = (call, prompt, noPrompt, chat, generation)
        try await call.withClient { client in
            let settings = try generation.settings()
            let pieces: TextGeneration
            var opening = ""
            if let prompt {
                let prompt = prompt == "-" ? try Console.readAll() : prompt
                if !noPrompt { opening = prompt }
                pieces = try await client.generate(
                    model: call.model, version: call.modelVersion, prompt: prompt, settings: settings,
                    timeout: call.timeout?.duration)
            } else {
                pieces = try await client.generate(
                    model: call.model, version: call.modelVersion, chat: try chat.conversation(), settings: settings,
                    timeout: call.timeout?.duration)
            }
            let hasSeveral = (settings.answerCount ?? 1) > 1
            let writer = TextWriter(opening: opening, holdsBack: hasSeveral)
            do {
                for try await piece in pieces { writer.write(piece) }
            } catch {
                writer.breakOff()
                throw error
            }
            writer.finish()
        }
    }
}

/// A conversation on the command line.
struct ChatOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What is said; - reads it from stdin. Repeated: the user's words and the model's in turn.",
            valueName: "text"))
    var chat: [String] = []

    @Option(help: ArgumentHelp("How the model is to behave, with --chat.", valueName: "text"))
    var system: String?

    @Option(
        help: ArgumentHelp("A JSON object of what else the chat template knows, with --chat.", valueName: "json"))
    var chatVariables: String?

    /// Whether anything of a conversation was given.
    var isGiven: Bool { !chat.isEmpty || system != nil || chatVariables != nil }

    func validate() throws {
        if isGiven, chat.isEmpty { throw ValidationError("--system and --chat-variables need --chat") }
        if !chat.isEmpty, chat.count.isMultiple(of: 2) {
            throw ValidationError("--chat: the last words are the model's, expected the user's")
        }
    }

    /// The conversation; reads what is on stdin.
    func conversation() throws -> TextChat {
        var messages = system.map { [TextChat.Message.system($0)] } ?? []
        for (index, text) in chat.enumerated() {
            let content = text == "-" ? try Console.readAll() : text
            messages.append(index.isMultiple(of: 2) ? .user(content) : .assistant(content))
        }
        var conversation = TextChat(messages)
        conversation.variables = chatVariables ?? ""
        return conversation
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

    @Option(help: ArgumentHelp("Choose among tokens this share as likely as the likeliest.", valueName: "share"))
    var minP: Float?

    @Option(help: ArgumentHelp("Above 1: against tokens of prompt and text.", valueName: "factor"))
    var repetitionPenalty: Float?

    @Option(help: ArgumentHelp("Against tokens of the text.", valueName: "logit"))
    var presencePenalty: Float?

    @Option(help: ArgumentHelp("Against tokens of the text, each time they are there.", valueName: "logit"))
    var frequencyPenalty: Float?

    @Option(help: ArgumentHelp("Add this to the logit of a token; may be repeated.", valueName: "token:bias"))
    var logitBias: [TokenBias] = []

    @Option(help: "Begins the random choices.")
    var seed: UInt64?

    @Option(help: ArgumentHelp("End where this text would appear; may be repeated.", valueName: "text"))
    var stop: [String] = []

    @Option(help: ArgumentHelp("End at this token; may be repeated.", valueName: "token"))
    var stopToken: [Int] = []

    @Option(help: ArgumentHelp("Print each token with its probability and this many others.", valueName: "count"))
    var logprobs: Int?

    @Option(name: .customLong("n"), help: ArgumentHelp("How many answers to give.", valueName: "count"))
    var answerCount: Int?

    @Option(help: ArgumentHelp("The whole text matches this regular expression.", valueName: "pattern"))
    var regex: String?

    @Option(help: ArgumentHelp("The text is this, or one of these if repeated.", valueName: "text"))
    var choice: [String] = []

    @Option(help: ArgumentHelp("The text is JSON valid against the JSON Schema in this file.", valueName: "file"))
    var jsonSchema: String?

    @Flag(help: "The text is JSON.")
    var json = false

    func validate() throws {
        let constraints = [regex != nil, !choice.isEmpty, jsonSchema != nil, json].filter(\.self)
        if constraints.count > 1 {
            throw ValidationError("one of --regex, --choice, --json-schema and --json, not several")
        }
        if let maxTokens, maxTokens < 1 { throw ValidationError("--max-tokens: expected at least 1, got \(maxTokens)") }
        if let topK, topK < 0 { throw ValidationError("--top-k: expected 0 or more, got \(topK)") }
    }

    /// What the options say; reads the file of the JSON Schema.
    func settings() throws -> GenerationSettings {
        var settings = GenerationSettings()
        settings.tokenCountMax = maxTokens
        settings.temperature = temperature
        settings.topK = topK
        settings.topP = topP
        settings.seed = seed
        settings.minP = minP
        settings.repetitionPenalty = repetitionPenalty
        settings.presencePenalty = presencePenalty
        settings.frequencyPenalty = frequencyPenalty
        settings.logitBiases = Dictionary(logitBias.map { ($0.token, $0.bias) }) { _, last in last }
        settings.stopTexts = stop
        settings.stopTokens = stopToken
        settings.logprobCount = logprobs
        settings.answerCount = answerCount
        if let regex { settings.constraint = .regex(regex) }
        if !choice.isEmpty { settings.constraint = .choices(choice) }
        if let jsonSchema {
            guard let text = String(validating: try readFile(jsonSchema), as: UTF8.self) else {
                throw CommandFailure("\(jsonSchema) is not UTF-8 text.")
            }
            settings.constraint = .jsonSchema(text)
        }
        if json { settings.constraint = .json }
        return settings
    }
}

/// A token and what is added to its logit, as `TOKEN:BIAS`.
struct TokenBias: ExpressibleByArgument {
    let token: Int
    let bias: Float

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let token = Int(parts[0]), let bias = Float(parts[1]) else { return nil }
        self.token = token
        self.bias = bias
    }
}
