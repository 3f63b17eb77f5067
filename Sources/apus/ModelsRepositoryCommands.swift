import ApusClient
import ArgumentParser

/// `apus models load`: has a server serve a model of its repositories.
struct ModelsLoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Have a running server read a model of its repositories and serve it.",
        discussion: """
            Returns when the model is served. One that is served already is read again; a new version that is broken \
            leaves the old one serving, and the error says why. The server's configuration has to say \
            'repository: {control: explicit}', and the certificate to have the role admin:

              apus models load digits --identity role-admin
            """)

    @Argument(help: "The model: its folder's name in the repository.")
    var name: String

    @Option(help: "How long it may take.")
    var timeout = DurationArgument(argument: "10m")!

    @OptionGroup var connection: ClientOptions

    func run() async throws {
        let (name, timeout) = (name, timeout.duration)
        try await connection.withAdministrator("apus models load \(name)") { client in
            try await client.loadModel(name, timeout: timeout)
            Console.note("\(name) is served")
        }
    }
}

/// `apus models unload`: has a server serve a model no longer.
struct ModelsUnloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unload",
        abstract: "Have a running server serve a model no longer.",
        discussion: """
            The calls that it has are answered. What 'apus models load' needs, this needs too:

              apus models unload digits --identity role-admin
            """)

    @Argument(help: "The model.")
    var name: String

    @OptionGroup var connection: ClientOptions

    func run() async throws {
        let name = name
        try await connection.withAdministrator("apus models unload \(name)") { client in
            try await client.unloadModel(name, timeout: .seconds(60))
            Console.note("\(name) is served no longer")
        }
    }
}
