import ChatTemplates
import ModelFiles
import Models
import Tokenizers
import Vocabulary

extension TextPipeline {
    /// The tokens of a conversation, as the model's chat template writes it.
    ///
    /// Special tokens of the template are tokens; those that a message or a variable spells out are text, so that
    /// nobody who writes a part of a conversation can end it or speak in another role.
    ///
    /// Never on the caller's thread, which may be an event loop: a template may take long.
    ///
    /// - Throws: FAILED_PRECONDITION for a model without a template; INVALID_ARGUMENT naming the field, and why the
    ///   template refuses the conversation.
    func tokens(of chat: ChatPrompt) async throws(ServingError) -> [Int32] {
        guard let chatTemplate else {
            throw ServingError(
                .failedPrecondition, "chat: model '\(model.description.name)' has no chat template; send a prompt",
                label: "no_chat_template")
        }
        guard !chat.messages.isEmpty else {
            throw ServingError(.invalidArgument, "chat.messages: expected at least 1, got 0")
        }
        let tokenizer = tokenizer
        return try await Task.detached {
            Result { () throws(ServingError) in try Self.tokens(of: chat, by: chatTemplate, tokenizer) }
        }.value.get()
    }

    private static func tokens(
        of chat: ChatPrompt, by template: ChatTemplate, _ tokenizer: any Tokenizer
    ) throws(ServingError) -> [Int32] {
        let variables = try variables(of: chat)
        let texts = chat.messages.flatMap { [$0.role, $0.content] } + [chat.variables]
        guard let marks = LiteralMarks(avoiding: texts, for: tokenizer) else {
            throw ServingError(.invalidArgument, "chat: the messages use every scalar of U+FDD0...U+FDEF")
        }
        let messages = chat.messages.map { message in
            let members = [
                ("role", TemplateValue.string(marks.marking(message.role))),
                ("content", .string(marks.marking(message.content))),
            ]
            return TemplateValue.map(.init(members.map { (key: $0.0, value: $0.1) }))
        }
        let written: String
        do {
            written = try template.render(
                messages: messages, addsGenerationPrompt: chat.addsGenerationPrompt,
                variables: variables.mapValues { $0.marked(marks) }, secondsSince1970: chat.secondsSince1970)
        } catch {
            throw ServingError(.invalidArgument, "chat: \(error)", label: "chat_template")
        }
        let (text, literals) = marks.stripping(written)
        do {
            return try tokenizer.encode(text, literals: literals)
        } catch {
            throw ServingError(.invalidArgument, "chat: \(error)")
        }
    }

    /// What the request says beside its messages.
    private static func variables(of chat: ChatPrompt) throws(ServingError) -> [String: TemplateValue] {
        guard !chat.variables.isEmpty else { return [:] }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: Bytes(utf8: chat.variables), file: "chat.variables")
        } catch {
            throw ServingError(.invalidArgument, "\(error)")
        }
        guard let members = value.members else {
            throw ServingError(.invalidArgument, "chat.variables: expected a JSON object")
        }
        // What the model's files say of its tokens is not for a request to change, nor what has a field of its own.
        let names = ["messages", "add_generation_prompt", "bos_token", "eos_token", "unk_token", "pad_token"]
        if let member = members.first(where: { names.contains($0.key) }) {
            throw ServingError(.invalidArgument, "chat.variables: \"\(member.key)\" is not for a request to set")
        }
        return Dictionary(members.map { ($0.key, TemplateValue($0.value)) }) { $1 }
    }
}

extension TemplateValue {
    /// The value with every text in it marked, names of members too.
    fileprivate func marked(_ marks: LiteralMarks) -> TemplateValue {
        switch self {
        case .string(let text): .string(marks.marking(text))
        case .array(let list): .list(list.elements.map { $0.marked(marks) })
        case .map(let map):
            .map(.init(map.entries.map { (key: marks.marking($0.key), value: $0.value.marked(marks)) }))
        default: self
        }
    }
}
