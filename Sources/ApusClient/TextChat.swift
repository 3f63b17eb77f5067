/// A conversation with a model that was trained for it.
public struct TextChat: Hashable, Sendable {
    /// What one side has said.
    public struct Message: Hashable, Sendable {
        /// Who says it: mostly `system`, `user` or `assistant`; the model's chat template decides which there are.
        public var role: String
        /// What is said; the text of a special token in it is read as text.
        public var content: String

        /// A message of any role.
        public init(role: String, content: String) {
            self.role = role
            self.content = content
        }

        /// How the model is to behave.
        public static func system(_ content: String) -> Message { Message(role: "system", content: content) }
        /// What a person says.
        public static func user(_ content: String) -> Message { Message(role: "user", content: content) }
        /// What the model has said before.
        public static func assistant(_ content: String) -> Message { Message(role: "assistant", content: content) }
    }

    /// In order, at least one.
    public var messages: [Message]
    /// Whether the prompt ends where the model's answer begins; otherwise behind the last message.
    public var addsGenerationPrompt = true
    /// A JSON object of what else the chat template knows by name, such as `tools`; empty for nothing.
    public var variables = ""

    /// A conversation that the model is to answer.
    public init(_ messages: [Message]) { self.messages = messages }
}
