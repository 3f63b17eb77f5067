/// The text that a model wants a conversation written as: the subset of Jinja that the templates of Llama, Mistral,
/// Qwen, Gemma and Phi use, as Hugging Face's transformers runs it (`trim_blocks`, `lstrip_blocks`, loop controls, its
/// `tojson`).
///
/// A construct outside of the subset is refused by name when the template is loaded, so that no conversation finds it.
/// Integers have 64 bits.
package struct ChatTemplate: Sendable {
    /// Bytes of a template, at most.
    package static let byteCountMax = 1 << 20

    private let program: Program
    /// Variables that every use has: `bos_token`, `eos_token` and the like.
    private let constants: [String: TemplateValue]
    package var limits = TemplateLimits()
    /// The template as it was written.
    package let source: String

    /// A parsed template.
    ///
    /// - Isolation: `@unchecked Sendable`: the tree holds literals only, and nobody writes after initialisation.
    private struct Program: @unchecked Sendable {
        let body: [TemplateStatement]
    }

    /// - Throws: `TemplateError.unsupported` naming the construct, `.malformed` with the line, `.limit`.
    package init(_ source: String, beginToken: String = "", endToken: String = "") throws(TemplateError) {
        try self.init(
            source, constants: ["bos_token": .string(beginToken), "eos_token": .string(endToken)])
    }

    init(_ source: String, constants: [String: TemplateValue]) throws(TemplateError) {
        var parser = try TemplateParser(source)
        program = Program(body: try parser.template())
        self.constants = constants
        self.source = source
    }

    /// The conversation as text.
    ///
    /// Messages are maps with `role` and `content` and what else a template knows; `variables` such as `tools` are
    /// known to it by name, and `tools` and `documents` are none where they are not given. With
    /// `addsGenerationPrompt` the text ends where the model's answer begins.
    ///
    /// `secondsSince1970` is the moment (UTC) that `strftime_now` writes.
    ///
    /// - Throws: `TemplateError.refused` when the template refuses the conversation; `.invalid` and `.limit`.
    package func render(
        messages: [TemplateValue], addsGenerationPrompt: Bool = true, variables: [String: TemplateValue] = [:],
        secondsSince1970: Int
    ) throws(TemplateError) -> String {
        var scope: [String: TemplateValue] = ["tools": .none, "documents": .none]
        scope.merge(constants) { $1 }
        scope.merge(variables) { $1 }
        scope["messages"] = .list(messages)
        scope["add_generation_prompt"] = .bool(addsGenerationPrompt)
        let evaluator = TemplateEvaluator(variables: scope, limits: limits, secondsSince1970: secondsSince1970)
        return try evaluator.run(program.body)
    }
}
