import ArgumentParser
import Foundation
import ModelFiles

/// `apus models inspect`: what is in a model before it is served.
struct ModelsInspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show what is in a model file or folder before it is served.",
        discussion: """
            Takes a safetensors, GGUF or ONNX file, or a folder with one of them, such as a version of a model in the \
            model repository or what was downloaded from Hugging Face. Needs no server. For example:

              apus models inspect models/my-decoder/1
              apus models inspect --tensors llama-3.2-1b-q4_k_m.gguf
              apus models inspect --json models/my-decoder/1 | jq .types

            Below the totals stand the largest tensors. What would keep Apus from serving the model is listed as a \
            warning; the exit code is 1 only when the file cannot be read.
            """)

    @Argument(help: "The file or folder.", completion: .file())
    var path: String

    @Flag(help: "List every tensor instead of the largest.")
    var tensors = false

    @Flag(help: "Write JSON with everything instead of tables; sizes are in bytes.")
    var json = false

    func run() throws {
        do {
            let inspection = try ModelInspection(path: path)
            Console.write(json ? try document(inspection) : table(inspection))
        } catch let error where error is ModelFileError || error is ONNXError {
            Console.error("\(error)")
            throw ExitCode.failure
        }
    }

    private func document(_ inspection: ModelInspection) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(inspection), as: UTF8.self) + "\n"
    }

    /// How many tensors stand in the table when not all are asked for.
    private static let tensorCountShown = 10

    private func table(_ inspection: ModelInspection) -> String {
        var facts = [["format", inspection.format]]
        if let architecture = inspection.architecture { facts.append(["architecture", architecture]) }
        facts.append(["parameters", HumanSize.count(inspection.parameterCount)])
        facts.append(["size", HumanSize.bytes(inspection.byteCount)])
        if let layerCount = inspection.layerCount { facts.append(["layers", "\(layerCount)"]) }
        if let contextLength = inspection.contextLength { facts.append(["context", "\(contextLength) tokens"]) }
        if let tokenizer = inspection.tokenizer { facts.append(["tokenizer", tokenizer]) }
        if let pooling = inspection.pooling { facts.append(["vector", pooling]) }
        let types =
            [["TYPE", "TENSORS", "PARAMETERS", "SIZE"]]
            + inspection.types.map {
                [$0.type, "\($0.tensorCount)", HumanSize.count($0.elementCount), HumanSize.bytes($0.byteCount)]
            }
        let shown =
            tensors
            ? inspection.tensors
            : Array(inspection.tensors.sorted { $0.byteCount > $1.byteCount }.prefix(Self.tensorCountShown))
        let rows =
            [["TENSOR", "TYPE", "SHAPE", "SIZE"]]
            + shown.map { [$0.name, $0.type, "\($0.shape)", HumanSize.bytes($0.byteCount)] }
        var parts = [columns(facts), columns(types), columns(rows)]
        if shown.count < inspection.tensors.count {
            parts[2] += "\nThe largest \(shown.count) of \(inspection.tensors.count); --tensors shows all."
        }
        if !inspection.warnings.isEmpty {
            parts.append(inspection.warnings.map { "warning: \($0)" }.joined(separator: "\n"))
        }
        return parts.joined(separator: "\n\n") + "\n"
    }
}

/// Numbers as people say them.
enum HumanSize {
    /// Such as `1.1 B`, in thousands.
    static func count(_ count: Int) -> String {
        text(count, base: 1000, units: ["", " K", " M", " B", " T"])
    }

    /// Such as `2.3 GiB`.
    static func bytes(_ count: Int) -> String {
        text(count, base: 1024, units: [" B", " KiB", " MiB", " GiB", " TiB"])
    }

    private static func text(_ count: Int, base: Double, units: [String]) -> String {
        var (value, unit) = (Double(count), 0)
        // What would be rounded up to the next unit is written in it.
        while value >= base - 0.05, unit < units.count - 1 {
            value /= base
            unit += 1
        }
        return (unit == 0 ? "\(count)" : String(format: "%.1f", value)) + units[unit]
    }
}
