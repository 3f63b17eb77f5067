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
    /// More steps, output or depth than a template may take.
    case limit(String)

    package var description: String {
        switch self {
        case .unsupported(let construct, let line): "chat template, line \(line): \(construct) is not supported"
        case .malformed(let problem, let line): "chat template, line \(line): \(problem)"
        case .refused(let message): "the chat template refuses the conversation: \(message)"
        case .invalid(let problem): "chat template: \(problem)"
        case .limit(let what): "chat template: more \(what) than allowed"
        }
    }
}
