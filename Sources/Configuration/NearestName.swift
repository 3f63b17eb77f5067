/// The candidate that is at most two edits (and fewer than its length) away from `name`; nil when none is.
func nearest(to name: String, among candidates: [String]) -> String? {
    let distances = candidates.map { (candidate: $0, distance: editDistance(name, $0)) }
    guard let best = distances.min(by: { $0.distance < $1.distance }),
        best.distance <= 2, best.distance < best.candidate.count
    else { return nil }
    return best.candidate
}

/// Insertions, deletions and substitutions between two short names.
///
/// - Complexity: O(left · right); names longer than 64 characters are not compared.
/// - Source: Wagner and Fischer 1974.
private func editDistance(_ left: String, _ right: String) -> Int {
    let left = Array(left.utf8)
    let right = Array(right.utf8)
    guard left.count <= 64, right.count <= 64 else { return .max }
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, b) in right.enumerated() {
            let substitution = diagonal + (a == b ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(substitution, diagonal + 1, row[j] + 1)
        }
    }
    return row[right.count]
}
