/// What a graph model has computed so far.
package struct GraphWork: Sendable, Equatable {
    /// Runs of the network over whole graphs, and over parts of them.
    package var wholeRunCount = 0
    package var partRunCount = 0
    /// Rows that layers gave, of all layers together.
    package var rowCount = 0
    /// Edges that layers gathered over, loops included, of all layers together.
    package var edgeCount = 0

    package init() {}

    mutating func add(_ adjacency: Adjacency) {
        rowCount &+= adjacency.rowCount
        edgeCount &+= adjacency.edgeCount
    }
}
