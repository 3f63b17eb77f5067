/// What is wrong with a configuration file, and where: one line that an operator can act on.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// The file as it was named to us.
    package let file: String
    /// Where in the file, counted from 1; nil when the file as a whole is the trouble.
    package let position: Position?
    /// The keys from the root, such as `["models", "text", "max_batch_size"]`; empty for the whole file.
    package let keyPath: [String]
    /// What was expected and what came.
    package let problem: String

    /// A place in a text file.
    package struct Position: Equatable, Sendable {
        /// Counted from 1.
        package let line: Int
        /// Unicode scalars, counted from 1.
        package let column: Int

        package init(line: Int, column: Int) {
            self.line = line
            self.column = column
        }
    }

    package init(file: String, position: Position? = nil, keyPath: [String] = [], problem: String) {
        self.file = file
        self.position = position
        self.keyPath = keyPath
        self.problem = problem
    }

    /// Such as `apus.yaml:12:5: engine.threads: expected an integer in 1...1024, got "many"`.
    package var description: String {
        let place = position.map { "\(file):\($0.line):\($0.column)" } ?? file
        let key = keyPath.isEmpty ? "" : "\(keyPath.joined(separator: ".")): "
        return "\(place): \(key)\(problem)"
    }
}
