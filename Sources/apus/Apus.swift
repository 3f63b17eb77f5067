import ApusServer
import ArgumentParser

/// The one binary: serves models, calls them, measures them, and makes the certificates all of that needs.
@main
struct Apus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: "Serves AI models to many tenants over gRPC with mutual TLS.",
        discussion: """
            Start with `apus serve`: it makes certificates on first start and serves the example models on \
            127.0.0.1:8461. Then, from a second terminal:

              apus call text --model storyteller "Once upon"
              apus call graph --model karate --nodes 0,33
              apus bench --model digits
            """,
        version: ServerVersion.current,
        subcommands: [
            ServeCommand.self, CallCommand.self, BenchCommand.self, ModelsCommand.self, TenantsCommand.self,
            CertsCommand.self,
        ])

    /// What goes before the parser's own complaints, so that they look like those of `Console`.
    static let _errorPrefix = "error: "
}
