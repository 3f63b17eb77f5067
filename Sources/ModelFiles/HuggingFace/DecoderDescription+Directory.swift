import FoundationEssentials

extension DecoderDescription {
    /// Reads `config.json` in `directory`, and of `generation_config.json`, where there is one, by which further tokens
    /// the model says that a text ends: those of a model that was trained to chat often stand only there.
    ///
    /// - Parameters:
    ///   - directory: of the files.
    ///   - contextLength: as for `init(path:contextLength:)`.
    /// - Throws: `ModelFileError` naming file and field.
    package init(directory: String, contextLength: Int? = nil) throws(ModelFileError) {
        try self.init(path: directory + "/config.json", contextLength: contextLength)
        let path = directory + "/generation_config.json"
        guard FileManager.default.fileExists(atPath: path) else { return }
        let fields = try ConfigurationFields(path: path)
        endOfSequence.formUnion(try fields.tokenIDs("eos_token_id", vocabularySize: vocabularySize))
    }
}
