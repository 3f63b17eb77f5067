import ModelFiles
import Vocabulary

/// Finds the tokenizer among the files of a model.
package enum TokenizerLoader {
    private static let byteCountMax = 1 << 28

    /// Loads the first of these that is there.
    ///
    /// `tokenizer.json`, `tokenizer.model`, `vocab.txt`, `vocab.json` with `merges.txt`, `encoder.json` with
    /// `vocab.bpe`, the vocabulary of the folder's GGUF file. `tokenizer_config.json` says what they do not.
    ///
    /// - Throws: `ModelFileError` when no such file is there or one is malformed; `TokenizerError` naming what is not
    ///   supported.
    package static func load(folder: String) throws -> PipelineTokenizer {
        if let json = try read("\(folder)/tokenizer.json") {
            return try PipelineTokenizer(json: json, file: "\(folder)/tokenizer.json")
        }
        let settings = try read("\(folder)/tokenizer_config.json").map {
            try JSONValue(parsing: $0, file: "\(folder)/tokenizer_config.json")
        }
        if let model = try read("\(folder)/tokenizer.model") {
            return try PipelineTokenizer(
                sentencePiece: model, file: "\(folder)/tokenizer.model",
                addsBegin: settings?["add_bos_token"]?.bool, addsEnd: settings?["add_eos_token"]?.bool)
        }
        if let list = try read("\(folder)/vocab.txt") {
            return try PipelineTokenizer(
                wordPieceList: list, file: "\(folder)/vocab.txt", lowercases: settings?["do_lower_case"]?.bool ?? true)
        }
        for (vocabulary, merges) in [("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")] {
            guard let entries = try read("\(folder)/\(vocabulary)"), let list = try read("\(folder)/\(merges)") else {
                continue
            }
            return try PipelineTokenizer(
                bytePairVocabulary: entries, merges: list, file: "\(folder)/\(vocabulary)")
        }
        if let gguf = try? ModelTensors.open(path: folder) as? GGUFFile {
            return try PipelineTokenizer(GGUFVocabulary(gguf), file: gguf.file)
        }
        throw ModelFileError(
            file: folder, problem: "has no tokenizer.json, tokenizer.model, vocab.txt or vocab.json with merges.txt")
    }

    /// The file, or nil where there is none.
    private static func read(_ path: String) throws(ModelFileError) -> Bytes? {
        do {
            return try MappedFile.open(path: path, byteCountMax: byteCountMax)
        } catch {
            guard error.problem == "no such file" else { throw error }
            return nil
        }
    }
}
