package import ModelFiles
import Vocabulary

extension ChatTemplate {
    /// Loads the template of a model's folder.
    ///
    /// It is `chat_template.jinja`, or `chat_template` of `tokenizer_config.json`: a text, or a list of named ones of
    /// which `name` is taken; or `tokenizer.chat_template` of the folder's GGUF file. The special tokens come from
    /// `tokenizer_config.json`, or from the GGUF file.
    ///
    /// - Parameters:
    ///   - folder: of the model's files.
    ///   - name: of a template in a list.
    ///   - path: another file to read the template from.
    /// - Returns: nil where the folder has no template, or none of the name.
    /// - Throws: `ModelFileError` naming the file, the field, the line and what is wrong with it.
    package static func load(
        folder: String, name: String = "default", path: String? = nil
    ) throws(ModelFileError) -> ChatTemplate? {
        let settingsPath = "\(folder)/tokenizer_config.json"
        var settings: JSONValue?
        if let bytes = try read(settingsPath) { settings = try JSONValue(parsing: bytes, file: settingsPath) }
        // A folder of another kind, or with a file that cannot be read, is for whoever loads the weights.
        let gguf = settings == nil ? (try? ModelTensors.open(path: folder)) as? GGUFFile : nil
        let constants =
            try gguf.map { file throws(ModelFileError) in try specialTokens(file) } ?? specialTokens(settings)
        let file = path ?? "\(folder)/chat_template.jinja"
        if let bytes = try read(file) {
            guard let text = bytes.utf8String else { throw ModelFileError(file: file, problem: "is not UTF-8") }
            return try template(text, constants, file: file, field: nil)
        }
        if path != nil { throw ModelFileError(file: file, problem: "no such file") }
        if let gguf { return try load(gguf) }
        guard let source = try source(settings?["chat_template"], name: name, file: settingsPath) else { return nil }
        return try template(source, constants, file: settingsPath, field: field)
    }

    /// Loads the template of a GGUF file, `tokenizer.chat_template`; nil where there is none.
    ///
    /// - Throws: `ModelFileError` naming the key, the line and what is wrong with it.
    /// - Source: the GGUF specification, section "Tokenizer", "Special tokens" and "Other".
    package static func load(_ gguf: GGUFFile) throws(ModelFileError) -> ChatTemplate? {
        let key = "tokenizer.chat_template"
        switch gguf.value(key) {
        case nil: return nil
        case .string(let text)?:
            return try template(text, specialTokens(gguf), file: gguf.file, field: "metadata \"\(key)\"")
        case let other?: throw gguf.keyError(key, "expected a text, got \(other.summary)")
        }
    }

    private static let field = "\"chat_template\""

    private static func source(
        _ value: JSONValue?, name: String, file: String
    ) throws(ModelFileError) -> String? {
        switch value {
        case nil: return nil
        case .string(let text)?: return text
        case .array(let entries)?:
            guard let entry = entries.first(where: { $0["name"]?.string == name }) else { return nil }
            guard let text = entry["template"]?.string else {
                throw ModelFileError(file: file, field: field, problem: "\"\(name)\" has no \"template\"")
            }
            return text
        default: throw ModelFileError(file: file, field: field, problem: "expected a text or a list")
        }
    }

    private static func template(
        _ source: String, _ constants: [String: TemplateValue], file: String, field: String?
    ) throws(ModelFileError) -> ChatTemplate {
        do {
            return try ChatTemplate(source, constants: constants)
        } catch {
            throw ModelFileError(file: file, field: field, problem: "\(error)")
        }
    }

    /// The special tokens, each a text or an object with `content`; the two that templates write are never undefined.
    private static func specialTokens(_ settings: JSONValue?) -> [String: TemplateValue] {
        var tokens: [String: TemplateValue] = ["bos_token": .string(""), "eos_token": .string("")]
        for key in ["bos_token", "eos_token", "unk_token", "pad_token"] {
            if let text = settings?[key]?.string ?? settings?[key]?["content"]?.string { tokens[key] = .string(text) }
        }
        return tokens
    }

    private static func specialTokens(_ gguf: GGUFFile) throws(ModelFileError) -> [String: TemplateValue] {
        var result = specialTokens(nil)
        guard case .array(let array)? = gguf.value("tokenizer.ggml.tokens"), let tokens = array.strings else {
            return result
        }
        let names = ["bos": "bos_token", "eos": "eos_token", "unknown": "unk_token", "padding": "pad_token"]
        for (key, name) in names {
            guard case .integer(let id)? = gguf.value("tokenizer.ggml.\(key)_token_id"),
                let index = Int(exactly: id), tokens.indices.contains(index)
            else { continue }
            guard let text = tokens[index].utf8String else {
                throw gguf.keyError("tokenizer.ggml.tokens", "[\(index)] is not UTF-8")
            }
            result[name] = .string(text)
        }
        return result
    }

    /// The file, or nil where there is none.
    private static func read(_ path: String) throws(ModelFileError) -> Bytes? {
        do {
            return try MappedFile.open(path: path, byteCountMax: 1 << 26)
        } catch {
            guard error.problem == "no such file" else { throw error }
            return nil
        }
    }
}
