/// Why what a caller wants the answer to look like cannot be.
package struct ConstraintError: Error, Equatable, CustomStringConvertible {
    /// The name of the field in requests, such as `json_schema`.
    package let field: String
    /// What is wrong, and where in it.
    package let problem: String

    package init(field: String, problem: String) {
        self.field = field
        self.problem = problem
    }

    package var description: String { "\(field): \(problem)" }
}
