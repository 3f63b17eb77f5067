/// A conversation that the chat template of a model makes a prompt of.
package struct ChatPrompt: Sendable, Equatable {
    /// What one side has said.
    package struct Message: Sendable, Equatable {
        /// As the template knows it: mostly `system`, `user` or `assistant`.
        package let role: String
        /// Text; special tokens written in it are text too.
        package let content: String

        package init(role: String, content: String) {
            self.role = role
            self.content = content
        }
    }

    /// At least one.
    package var messages: [Message]
    /// Whether the prompt ends where the model's answer begins.
    package var addsGenerationPrompt = true
    /// A JSON object of what else the template knows by name; empty for nothing.
    package var variables = ""
    /// The moment (UTC) for templates that write the date.
    package var secondsSince1970: Int

    package init(messages: [Message], secondsSince1970: Int) {
        self.messages = messages
        self.secondsSince1970 = secondsSince1970
    }
}
