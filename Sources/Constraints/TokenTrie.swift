/// The bytes of every token of a vocabulary as a tree, so that tokens that begin alike are looked at together.
///
/// Nodes lie in preorder, so a walk is one loop that jumps over what it does not want to see.
package struct TokenTrie: Sendable {
    /// One byte on the way to a token.
    struct Node: Sendable {
        let byte: UInt8
        /// Bytes before this one.
        let depth: UInt16
        /// The tokens that end here, a range of `tokens`.
        var tokenStart: Int32
        var tokenEnd: Int32
        /// The next node that is not below this one.
        var subtreeEnd: Int32
    }

    /// One more than the highest token id.
    package let tokenCount: Int
    private(set) var nodes: [Node] = []
    private(set) var tokens: [Int32] = []

    /// Tokens with more bytes are left out, and can never be chosen under a constraint.
    static let byteCountMax = 256

    /// Builds the tree.
    ///
    /// - Parameter tokenBytes: `[tokenCount]` the bytes of each token; one without bytes is not in the tree.
    package init(_ tokenBytes: [[UInt8]]) {
        tokenCount = tokenBytes.count
        let order = tokenBytes.indices
            .filter { !tokenBytes[$0].isEmpty && tokenBytes[$0].count <= Self.byteCountMax }
            .sorted { tokenBytes[$0].lexicographicallyPrecedes(tokenBytes[$1]) }
        /// The nodes from the root to the last one.
        var path: [Int] = []
        var previous: [UInt8] = []
        for token in order {
            let bytes = tokenBytes[token]
            var shared = 0
            while shared < min(previous.count, bytes.count), previous[shared] == bytes[shared] { shared += 1 }
            close(&path, keeping: shared)
            for depth in shared..<bytes.count {
                path.append(nodes.count)
                let place = Int32(tokens.count)
                nodes.append(
                    Node(
                        byte: bytes[depth], depth: UInt16(depth), tokenStart: place, tokenEnd: place, subtreeEnd: 0))
            }
            // Tokens with equal bytes come one after the other, before any longer one.
            tokens.append(Int32(token))
            nodes[path[path.count - 1]].tokenEnd = Int32(tokens.count)
            previous = bytes
        }
        close(&path, keeping: 0)
    }

    private mutating func close(_ path: inout [Int], keeping count: Int) {
        while path.count > count { nodes[path.removeLast()].subtreeEnd = Int32(nodes.count) }
    }

    /// Hands out the tokens whose bytes lead from `start` to a state that is not `Machine.dead`.
    ///
    /// - Parameters:
    ///   - start: the state before the first byte.
    ///   - droppedSpaceCount: leading spaces of a token that are no part of the text.
    ///   - next: the state after one more byte.
    ///   - body: called with each of them.
    func forEachToken(
        from start: Int32, droppedSpaceCount: Int = 0, next: (Int32, UInt8) -> Int32, _ body: (Int32) -> Void
    ) {
        var states = Array(repeating: start, count: Self.byteCountMax + 1)
        // How many of the bytes up to a depth were dropped: all of them, as long as this equals the depth.
        var index = 0
        var droppedUpTo = 0
        while index < nodes.count {
            let node = nodes[index]
            let depth = Int(node.depth)
            droppedUpTo = min(droppedUpTo, depth)
            let isDropped = depth < droppedSpaceCount && droppedUpTo == depth && node.byte == UInt8(ascii: " ")
            if isDropped { droppedUpTo = depth + 1 }
            let state = isDropped ? states[depth] : next(states[depth], node.byte)
            guard state != Machine.dead else {
                index = Int(node.subtreeEnd)
                continue
            }
            states[depth + 1] = state
            for place in Int(node.tokenStart)..<Int(node.tokenEnd) { body(tokens[place]) }
            index += 1
        }
    }
}
