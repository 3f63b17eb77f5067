/// Why the server did not start: everything that was found wrong, one line each.
package struct StartError: Error, CustomStringConvertible {
    package let problems: [String]

    package init(_ problems: [String]) { self.problems = problems }

    package var description: String { problems.joined(separator: "\n") }
}
