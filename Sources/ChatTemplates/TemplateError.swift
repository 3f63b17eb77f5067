import ModelFiles

/// Why a chat template could not be loaded or written out.
package enum TemplateError: Error, Equatable, CustomStringConvertible {
    /// A construct that is not known; found when the template is loaded.
    case unsupported(construct: String, line: Int)
    /// Text that is no template.
    case malformed(problem: String, line: Int)
    /// The template itself refused the conversation, with `raise_exception`.
    case refused(String)
    /// An operation that makes no sense for its values.
    case invalid(String)
    /// More steps, bytes or depth than a template may take.
    case limit(String)

    package var description: String {
        switch self {
        case .unsupported(let construct, let line): "chat template, line \(line): \(construct) is not supported"
        case .malformed(let problem, let line): "chat template, line \(line): \(problem)"
        case .refused(let message): "the chat template refuses the conversation: \(message)"
        case .invalid(let problem): "chat template: \(problem)"
        case .limit(let limit): "chat template: more than \(limit)"
        }
    }
}

/// How much one use of a template may take; a template comes from a model folder and is not trusted.
package struct TemplateLimits: Sendable {
    /// Most bytes of the output, and of any text on the way.
    package var byteCountMax = 8 << 20
    /// Most steps: one for each expression and statement, and for every 32 bytes or element that a value is made of,
    /// so that they bound the memory too.
    package var stepCountMax = 4_000_000
    /// Most expressions, statements and macros inside one another.
    package var depthMax = 120

    package init() {}
}

/// Sizes that hold for every template and value.
enum TemplateBounds {
    static let parseDepthMax = 40
    /// Operators and operands of one expression: it bounds the depth of the tree, and so the stack.
    static let expressionNodeCountMax = 400
    /// Lists and maps inside each other: those of a request, and some around them.
    static let valueDepthMax = JSONValue.depthMax + 32
    /// As Jinja's sandbox has it.
    static let rangeCountMax = 100_000
}
