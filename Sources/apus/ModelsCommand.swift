import ApusClient
import ArgumentParser
import Foundation

/// `apus models`: what a server serves, and what is in a model's files.
struct ModelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "Show and change what a running server serves, and show what is in a model file.",
        discussion: """
            Before a model is served, see what is in its files:

              apus models inspect models/my-decoder/1

            Every tenant may ask about a model it knows by name; the list of all is for administrators:

              apus models show digits
              apus certs issue --role admin
              apus models list --identity role-admin
              apus models load digits --identity role-admin
            """,
        subcommands: [
            ModelsListCommand.self, ModelsShowCommand.self, ModelsLoadCommand.self, ModelsUnloadCommand.self,
            ModelsInspectCommand.self,
        ])
}

/// `apus models list`: every model, with what it has done.
struct ModelsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List all models with what they have done since they were loaded.",
        discussion: """
            Needs a certificate with the role admin:

              apus certs issue --role admin
              apus models list --identity role-admin
            """)

    @OptionGroup var connection: ClientOptions

    func run() async throws {
        try await connection.withAdministrator(
            "apus models list", otherwise: "With any certificate you can ask about one model: apus models show NAME"
        ) { client in
            Console.write(columns(rows(of: try await client.status(timeout: .seconds(30)))) + "\n")
        }
    }
}

private func rows(of status: ServerStatus) -> [[String]] {
    let head = [
        "MODEL", "VERSION", "KIND", "STATE", "REQUESTS", "FAILED", "RUNS", "PER RUN", "WAITING", "MEMORY", "SERVED BY",
    ]
    return [head]
        + status.models.map { model in
            let perRun =
                model.executionCount == 0
                ? "-" : String(format: "%.1f", Double(model.sampleCount) / Double(model.executionCount))
            let state =
                model.stateReason.isEmpty ? model.state.rawValue : "\(model.state.rawValue): \(model.stateReason)"
            guard model.isServedHere else {
                return [model.name, model.version, model.modality.rawValue, state]
                    + Array(repeating: "-", count: 6) + [model.shards.joined(separator: ", ")]
            }
            return [
                model.name, model.version, model.modality.rawValue, state, "\(model.requestCount)",
                "\(model.failureCount)", "\(model.executionCount)", perRun, "\(model.queuedRequestCount)",
                model.state == .resting || model.residentByteCount == 0
                    ? "-" : HumanSize.bytes(Int(clamping: model.residentByteCount)),
                "this server",
            ]
        }
}

/// `apus models show`: the tensors of one model.
struct ModelsShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a model's versions and the tensors it takes and gives.",
        discussion: """
            In shapes, -1 stands for any extent. For example:

              apus models show digits
            """)

    @Argument(help: "The model.")
    var name: String

    @OptionGroup var connection: ClientOptions

    func run() async throws {
        let name = name
        try await connection.withConfiguration { configuration in
            try await ApusClient.withClient(configuration) { client in
                let model = try await client.modelInformation(name, timeout: .seconds(30))
                let isReady = try await client.isModelReady(name, timeout: .seconds(30))
                var rows = [
                    ["name", model.name], ["versions", model.versions.joined(separator: ", ")],
                    ["platform", model.platform], ["state", isReady ? "ready" : "not ready"],
                ]
                rows += model.properties.sorted { $0.key < $1.key }.map { [$0.key, $0.value] }
                rows += model.inputs.map { ["input", describe($0)] } + model.outputs.map { ["output", describe($0)] }
                Console.write(columns(rows) + "\n")
            }
        }
    }
}

private func describe(_ tensor: TensorInformation) -> String {
    "\(tensor.name)  \(tensor.dataType) [\(tensor.shape.map(String.init).joined(separator: ", "))]"
}
