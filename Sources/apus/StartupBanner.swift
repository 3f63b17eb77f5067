import ApusServer
import Foundation

/// What `apus serve` prints once it listens: what it serves, where, and how to call it.
struct StartupBanner {
    let text: String

    init(_ server: ServerProcess, _ configuration: ServerConfiguration) {
        let models = server.models
        let security =
            if configuration.isPlaintext {
                "plaintext"
            } else if configuration.certificates == nil {
                "mutual TLS, certificates in \(ServerProcess.localCertificateFolder)"
            } else {
                "mutual TLS"
            }
        var lines = [
            "apus \(ServerVersion.current) serves \(models.count) model\(models.count == 1 ? "" : "s") on "
                + "\(server.address) (\(security)).", "",
        ]
        let nameWidth = models.map(\.name.count).max() ?? 0
        for model in models {
            let name = model.name.padding(toLength: nameWidth, withPad: " ", startingAt: 0)
            lines.append("  \(name)  version \(model.version), \(model.modality)")
            lines += Self.command(for: model, server.address, configuration).map { ["      \($0)"] } ?? []
        }
        lines += server.probeAddress.map { ["", "Metrics: http://\($0)/metrics"] } ?? []
        lines += ["", "Ctrl-C drains and stops."]
        text = lines.joined(separator: "\n")
    }

    /// A command that calls the model as it stands, where there is one for its kind.
    private static func command(
        for model: ServerProcess.ModelSummary, _ address: String, _ configuration: ServerConfiguration
    ) -> String? {
        let target = address == "127.0.0.1:8461" ? "" : " --target \(address)"
        let security = configuration.isPlaintext ? " --plaintext" : ""
        let options = "--model \(model.name)\(target)\(security)"
        let call = "apus call \(model.modality) \(options)"
        return switch model.modality {
        case "text" where !model.writesText: "apus call embed \(options) \"a cat\" \"a dog\" --similarity"
        case "text": "\(call) \"Once upon\""
        case "vision": "\(call) \(shortest(ExampleModels.samplePicturePath))"
        case "graph": "\(call) --nodes 0,33"
        default: nil
        }
    }

    /// The path relative to the working folder where that is shorter.
    private static func shortest(_ path: String) -> String {
        let folder = FileManager.default.currentDirectoryPath + "/"
        return path.hasPrefix(folder) ? String(path.dropFirst(folder.count)) : path
    }
}
