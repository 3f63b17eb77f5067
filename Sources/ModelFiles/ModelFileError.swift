/// Why a model file was refused: which file, which tensor or field in it, and what is wrong with it.
package struct ModelFileError: Error, Equatable, CustomStringConvertible {
    /// The path as it was given to us.
    package let file: String
    /// The tensor, key or node the trouble is with; nil when it is the file as a whole.
    package let field: String?
    package let problem: String

    package init(file: String, field: String? = nil, problem: String) {
        self.file = file
        self.field = field
        self.problem = problem
    }

    /// Such as `model.safetensors: tensor "lm_head.weight": expected shape [512, 64], got [512, 63]`.
    package var description: String {
        field.map { "\(file): \($0): \(problem)" } ?? "\(file): \(problem)"
    }
}
