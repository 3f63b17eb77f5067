/// What `make help` lists.
enum MakefileRules {
    /// Targets that are listed and have neither a recipe nor a file that they make.
    static func targetsThatDoNothing(_ file: SourceFile) -> [Finding] {
        zip(file.lines, file.lines.dropFirst() + [""]).enumerated().compactMap { index, pair in
            let (line, next) = pair
            guard let text = line.firstRange(of: " ## "), let colon = line.firstIndex(of: ":"),
                line.first != "\t", !next.hasPrefix("\t")
            else { return nil }
            let makesFile = line[colon..<text.lowerBound].contains("/")
            return makesFile ? nil : file.finding(index, "\(line[..<colon]) does nothing")
        }
    }
}
