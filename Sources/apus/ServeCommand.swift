import ApusServer
import ArgumentParser
import Configuration
import Foundation
import Logging
import Telemetry
import Vocabulary

/// `apus serve`: the server.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve models over gRPC.",
        discussion: """
            Without arguments: the example models on 127.0.0.1:8461 over mutual TLS, with certificates that are made \
            in Certs/local on first start. Everything else is said in a YAML file:

              listen: 0.0.0.0:8461
              tls: {certificate: server.pem, key: server.key, client_ca: ca.pem}
              repositories: [/srv/models]       # NAME/model.yaml and NAME/VERSION/…
              access_log: all                   # a line for every call
              tracing: {file: spans.jsonl}      # spans of calls, as OTLP

            Many machines: one front end lists the others, or watches an etcd in which they register; README.md, "Many \
            machines", has both sides.

              shards: {addresses: [10.0.0.5:8461], certificate: …, key: …, ca: …}

            Ctrl-C and SIGTERM drain: running calls end, new ones are refused; a second one ends at once. \
            Certificates and tenants that change are read anew within seconds, and at once after SIGHUP.
            """)

    @Option(
        name: .customLong("config"), help: "A YAML file with the configuration.",
        completion: .file(extensions: ["yaml"]))
    var configurationPath: String?

    @Option(help: "Where to listen, HOST:PORT; overrides the file. Port 0 takes any free one.")
    var listen: String?

    @Option(
        help: "A folder of models instead of the examples; may be repeated; overrides the file.", completion: .directory
    )
    var models: [String] = []

    @Flag(help: "Serve without TLS; for loopback addresses only.")
    var plaintext = false

    func run() async throws {
        // Whoever reads the log may go; the server stays. Sockets say so for themselves (MSG_NOSIGNAL), and the other
        // commands end with their readers, as filters do.
        signal(SIGPIPE, SIG_IGN)
        var configuration = try configurationPath.map { try ServerConfiguration(path: $0) } ?? ServerConfiguration()
        try apply(to: &configuration)
        let threshold = LogThreshold(.init(Logger.Level(rawValue: configuration.logLevel.rawValue) ?? .info))
        let lines = LogLines(threshold: threshold, clock: { Int64(Date().timeIntervalSince1970 * 1000) }) { line in
            // One write a line, so that lines of several threads do not mix.
            try? FileHandle.standardError.write(contentsOf: Data(line.utf8))
        }
        var terminal: (@Sendable (String) -> Void)?
        if Console.isErrorTerminal { terminal = { Console.replaceLine($0) } }
        let server = try await ServerProcess.start(
            configuration, terminal: terminal, logger: lines.logger(label: "apus.server"), lines: lines,
            logThreshold: threshold)
        // A terminal that is closed still ends the server; elsewhere SIGHUP means: read your files again.
        let hangUp = isatty(STDIN_FILENO) == 0 ? [SIGHUP] : []
        let signals = try await server.signals([SIGINT, SIGTERM] + hangUp)
        // Last: whoever waits for this line may send a signal at once.
        writeLine(StartupBanner(server, configuration).text)
        var received = signals.makeAsyncIterator()
        while await received.next() == SIGHUP { await server.reload() }
        writeLine("Draining; Ctrl-C again ends at once.")
        let impatience = Task {
            for await signal in signals where signal != SIGHUP { Foundation.exit(130) }
        }
        await server.drain()
        impatience.cancel()
    }

    private func apply(to configuration: inout ServerConfiguration) throws {
        if let listen {
            guard let address = ServerConfiguration.ListenAddress(listen) else {
                throw ValidationError("--listen: expected HOST:PORT, got \"\(listen)\"")
            }
            configuration.address = address
        }
        if !models.isEmpty { configuration.repositories = models }
        if plaintext { configuration.isPlaintext = true }
        guard !configuration.isPlaintext || configuration.address.isLoopback else {
            throw ValidationError(
                "--plaintext: only a loopback address is served without TLS, not \(configuration.address.host)")
        }
    }
}

/// Writes to standard output now, also when it is a pipe.
private func writeLine(_ text: String) {
    try? FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
}
