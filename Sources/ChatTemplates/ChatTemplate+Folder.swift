package import ModelFiles
import Vocabulary

extension ChatTemplate {
    /// Loads the template of a model's folder.
    ///
    /// It is `chat_template.jinja`, or `chat_template` of `tokenizer_config.json`: a text, or a list of named ones of
    /// which `name` is taken. The special tokens come from the same file.
    ///
    /// - Returns: nil where the folder has no template, or none of the name.
    /// - Throws: `ModelFileError` naming the file, the field, and what is wrong with it.
    package static func load(folder: String, name: String = "default") throws(ModelFileError) -> ChatTemplate? {
        let settingsPath = "\(folder)/tokenizer_config.json"
        var settings: JSONValue?
        if let bytes = try read(settingsPath) { settings = try JSONValue(parsing: bytes, file: settingsPath) }
        let constants = specialTokens(settings)
        let path = "\(folder)/chat_template.jinja"
        if let bytes = try read(path) {
            guard let text = bytes.utf8String else { throw ModelFileError(file: path, problem: "is not UTF-8") }
            return try template(text, constants, file: path, field: nil)
        }
        guard let source = try source(settings?["chat_template"], name: name, file: settingsPath) else { return nil }
        return try template(source, constants, file: settingsPath, field: field)
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
