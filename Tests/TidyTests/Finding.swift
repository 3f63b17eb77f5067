import Testing

/// A place in the tree that breaks a rule.
struct Finding: CustomStringConvertible, Equatable {
    let path: String
    /// Counted from one.
    let line: Int
    let text: String

    var description: String { "\(path):\(line): \(text)" }
}

/// Records one issue per finding, so that a failing run lists every place at once.
func expectNone(_ findings: [Finding], sourceLocation: SourceLocation = #_sourceLocation) {
    for finding in findings {
        Issue.record("\(finding.description)", sourceLocation: sourceLocation)
    }
}
