import ModelFiles
import Vocabulary

/// The text that a model wants a conversation written as: the subset of Jinja that the templates of Llama, Mistral,
/// Qwen, Gemma and Phi use.
///
/// A construct outside of the subset is refused by name when the template is loaded, so that no conversation finds it.
package struct ChatTemplate: Sendable {
    /// Bytes of a template, at most.
    package static let byteCountMax = 1 << 20

    private let body: [TemplateStatement]
    private let beginToken: String
    private let endToken: String
    package var limits = TemplateLimits()

    /// - Throws: `TemplateError.unsupported` naming the construct, `.malformed` with the line.
    package init(_ source: String, beginToken: String = "", endToken: String = "") throws(TemplateError) {
        guard source.utf8.count <= Self.byteCountMax else { throw .limit("bytes of the template") }
        var lexer = TemplateLexer(source)
        var parser = TemplateParser(try lexer.run())
        body = try parser.parse()
        self.beginToken = beginToken
        self.endToken = endToken
    }

    /// The conversation as text.
    ///
    /// Messages are maps with `role` and `content` and what else a template knows; `variables` such as `tools` are
    /// known to it by name. With `addsGenerationPrompt` the text ends where the model's answer begins.
    ///
    /// - Throws: `TemplateError.refused` when the template refuses the conversation; `.invalid` and `.limit`.
    package func render(
        messages: [TemplateValue], addsGenerationPrompt: Bool = true, variables: [String: TemplateValue] = [:],
        secondsSince1970: Int
    ) throws(TemplateError) -> String {
        var scope = variables
        scope["messages"] = .list(messages)
        scope["add_generation_prompt"] = .bool(addsGenerationPrompt)
        scope["bos_token"] = .string(beginToken)
        scope["eos_token"] = .string(endToken)
        var evaluator = TemplateEvaluator(variables: scope, limits: limits, secondsSince1970: secondsSince1970)
        _ = try evaluator.run(body)
        return evaluator.output
    }

    /// Loads the template of a model's folder.
    ///
    /// It is `chat_template.jinja`, or `chat_template` of `tokenizer_config.json`: a text, or a list of named ones of
    /// which `name` is taken. The begin and end tokens come from the same file.
    ///
    /// - Returns: nil where the folder has no template.
    /// - Throws: `ModelFileError` for a malformed file, `TemplateError` for a malformed template.
    package static func load(folder: String, name: String = "default") throws -> ChatTemplate? {
        let settings = try read("\(folder)/tokenizer_config.json").map {
            try JSONValue(parsing: $0, file: "\(folder)/tokenizer_config.json")
        }
        func token(_ key: String) -> String { settings?[key]?.string ?? settings?[key]?["content"]?.string ?? "" }
        var source = settings?["chat_template"]?.string
        for entry in settings?["chat_template"]?.array ?? [] where entry["name"]?.string == name {
            source = entry["template"]?.string
        }
        if let file = try read("\(folder)/chat_template.jinja") {
            guard let text = file.utf8String else {
                throw ModelFileError(file: "\(folder)/chat_template.jinja", problem: "is not UTF-8")
            }
            source = text
        }
        guard let source else { return nil }
        return try ChatTemplate(source, beginToken: token("bos_token"), endToken: token("eos_token"))
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
