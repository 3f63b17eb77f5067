import ApusClient
import ArgumentParser

/// `apus call`: one call from the shell.
struct CallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call",
        abstract: "Call a model once and print its answer.",
        discussion: """
            Uses the certificates that `apus serve` made on its first start. Some calls:

              apus call text --model storyteller "Once upon"
              apus call vision --model digits photo.png
              apus call graph --model karate --nodes 0,33
              apus call embed --model storyteller "a cat" "a dog" --similarity
            """,
        subcommands: [CallTextCommand.self, CallVisionCommand.self, CallGraphCommand.self, CallEmbedCommand.self])
}

/// What every call takes.
struct CallOptions: ParsableArguments {
    @Option(help: "The model; `apus models list` knows them.")
    var model: String

    @Option(help: ArgumentHelp("Its version; the newest unless given.", valueName: "number"))
    var modelVersion: Int?

    @Option(help: ArgumentHelp("Give up after this time, e.g. 500ms or 30s.", valueName: "time"))
    var timeout: DurationArgument?

    @Option(
        help: ArgumentHelp(
            "Make the server's spans part of a trace: 00-TRACE-SPAN-01, as W3C Trace Context has it.",
            valueName: "context"))
    var traceparent: String?

    @OptionGroup(title: "Connection")
    var connection: ClientOptions

    /// Makes a client, lends it to `body`, and explains what goes wrong.
    func withClient(_ body: @escaping @Sendable (ApusClient) async throws -> Void) async throws {
        let traceparent = traceparent
        try await connection.withConfiguration { configuration in
            var configuration = configuration
            configuration.traceparent = traceparent
            try await ApusClient.withClient(configuration, body)
        }
    }
}
