import ChatTemplates
import Compute
import GraphModels
import ModelFiles
import Models
import TextModels
import Tokenizers
import VisionModels
import Vocabulary

/// Makes models of the files in a repository.
enum ModelLoader {
    /// Reads a model's settings and files.
    ///
    /// - Throws: `ConfigurationError`, `ModelFileError`, `TokenizerError` and the like, each naming the file, and the
    ///   key, tensor or node in it.
    static func load(
        _ entry: ModelRepository.Entry, progress: (LoadProgress) -> Void = { _ in }
    ) throws -> EngineModel {
        let settings = try ModelSettings(folder: entry.folder)
        var model = try model(entry, settings, progress)
        model.fileByteCount = try FileFingerprint(filesIn: entry.versionFolder, descends: true).byteCount
        model.versionPolicy = settings.versionPolicy
        model.aliases = settings.aliases
        model.warmUp = settings.warmUp
        return model
    }

    private static func model(
        _ entry: ModelRepository.Entry, _ settings: ModelSettings, _ progress: (LoadProgress) -> Void
    ) throws -> EngineModel {
        switch settings.platform {
        case .identity:
            return batch(IdentityModel(name: entry.name, version: entry.version), settings)
        case .delay:
            return batch(
                DelayModel(
                    name: entry.name, version: entry.version, batchSizeMax: settings.batchSizeMax,
                    delayMilliseconds: settings.delayMilliseconds), settings)
        case .graph:
            var model = batch(
                try GraphModel(
                    folder: entry.versionFolder, name: entry.name, version: entry.version,
                    batchSizeMax: settings.batchSizeMax, labels: settings.labels,
                    updateByteCountMax: settings.graphUpdateByteCountMax), settings)
            model.updateByteCount = settings.graphUpdateByteCountMax
            return model
        case .onnx: return batch(try visionModel(entry, settings), settings)
        case .text, .llama: return try textModel(entry, settings, progress)
        }
    }

    private static func batch(_ model: any BatchModel, _ settings: ModelSettings) -> EngineModel {
        EngineModel(
            batch: model, queueCapacity: settings.queueCapacity,
            queueDelayMaxNanoseconds: settings.queueDelayMaxNanoseconds)
    }

    private static func visionModel(_ entry: ModelRepository.Entry, _ settings: ModelSettings) throws -> VisionModel {
        var configuration = VisionModel.Configuration(name: entry.name, version: entry.version)
        configuration.batchSizeMax = settings.batchSizeMax
        configuration.labels = settings.labels
        configuration.preprocessing = settings.preprocessing
        let path = "\(entry.versionFolder)/model.onnx"
        return try VisionModel(file: MappedFile.open(path: path), fileName: path, configuration: configuration)
    }

    private static func textModel(
        _ entry: ModelRepository.Entry, _ settings: ModelSettings, _ progress: (LoadProgress) -> Void
    ) throws -> EngineModel {
        let folder = entry.versionFolder
        if try EncoderDescription.describes(directory: folder) { return try encoder(entry, settings, progress) }
        let model = try DecoderModel(
            directory: folder, name: entry.name, version: entry.version, contextLength: settings.contextLength,
            format: settings.weights,
            cacheFormat: settings.cacheFormat ?? (settings.weights ?? .bfloat16).usualCacheFormat,
            progress: progress)
        let tokenizer = try tokenizer(folder, vocabularySize: model.properties.vocabularySize)
        let template = try chatTemplate(entry, settings)
        var loaded = EngineModel(
            text: model, tokenizer: tokenizer,
            endOfSequence: model.decoder.endOfSequence.union(template.map { $0.endsOfTurn(tokenizer) } ?? []),
            limits: settings.text, chatTemplate: template)
        loaded.weightByteCount = model.weightByteCount
        return loaded
    }

    /// The template of the model's files, unless the settings name another or none.
    ///
    /// One that is not supported keeps the model from being served: it would be missed by the first conversation.
    private static func chatTemplate(
        _ entry: ModelRepository.Entry, _ settings: ModelSettings
    ) throws(ModelFileError) -> ChatTemplate? {
        do {
            switch settings.chatTemplate {
            case nil: return try ChatTemplate.load(folder: entry.versionFolder)
            case "off"?: return nil
            case let name?:
                return try ChatTemplate.load(folder: entry.versionFolder, path: "\(entry.folder)/\(name)")
            }
        } catch {
            throw ModelFileError(
                file: error.file, field: error.field,
                problem: error.problem + "; \"text: {chat_template: off}\" in model.yaml serves the model without it")
        }
    }

    private static func encoder(
        _ entry: ModelRepository.Entry, _ settings: ModelSettings, _ progress: (LoadProgress) -> Void
    ) throws -> EngineModel {
        let folder = entry.versionFolder
        let model = try EncoderModel(
            directory: folder, name: entry.name, version: entry.version, contextLength: settings.contextLength,
            format: settings.weights, progress: progress)
        let tokenizer = try tokenizer(folder, vocabularySize: model.encoder.vocabularySize)
        var loaded = EngineModel(
            encoder: model, tokenizer: tokenizer, queueCapacity: settings.queueCapacity,
            queueDelayMaxNanoseconds: settings.queueDelayMaxNanoseconds)
        loaded.weightByteCount = model.weightByteCount
        return loaded
    }

    /// The tokenizer of a model that knows so many tokens.
    private static func tokenizer(_ folder: String, vocabularySize: Int) throws -> PipelineTokenizer {
        let tokenizer = try TokenizerLoader.load(folder: folder)
        guard tokenizer.vocabularySize <= vocabularySize else {
            throw ModelFileError(
                file: folder,
                problem: "the tokenizer has \(tokenizer.vocabularySize) tokens, the model knows \(vocabularySize)")
        }
        return tokenizer
    }
}

extension ChatTemplate {
    /// By which tokens models say that a turn is over, in the families' formats.
    private static let turnEnds = ["<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>"]

    /// The special tokens that end a turn in this template.
    ///
    /// Why: GGUF files often name only the end of a document, and a chat would go on into the next turn.
    fileprivate func endsOfTurn(_ tokenizer: some Tokenizer) -> Set<Int32> {
        let tokens = Self.turnEnds.filter { source.contains($0) }.compactMap { tokenizer.token(named: $0) }
        return Set(tokens.filter(tokenizer.isSpecial))
    }
}
