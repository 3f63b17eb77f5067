import Compute
import Models
import Vocabulary

extension GraphModel {
    /// Answers a request about a graph of its own.
    func runSentGraph(
        of input: InferenceInput, on gang: ComputeGang
    ) -> Result<InferenceOutput, ServingError> {
        do throws(ServingError) {
            var positions: [Int32] = []
            return run(
                try sentGraph(of: input), for: [input], RunTerms(input, [:]), changes: [:], positions: &positions,
                on: gang)[0]
        } catch {
            return .failure(error)
        }
    }

    /// Runs the network over `graph`, or over the part that is asked about, once for all of `inputs`.
    ///
    /// - Parameters:
    ///   - graph: the resident one, or one sent along.
    ///   - inputs: requests about it that passed `sampleCount(of:)`.
    ///   - terms: that all of them have.
    ///   - changes: features that replace those of the graph.
    ///   - positions: as `ReceptiveField` wants them.
    ///   - gang: the threads.
    /// - Returns: an answer for each request; RESOURCE_EXHAUSTED for all when memory is short.
    func run(
        _ graph: FeatureGraph, for inputs: [InferenceInput], _ terms: RunTerms, changes: NodeChanges.Rows,
        positions: inout [Int32], on gang: ComputeGang
    ) -> [Result<InferenceOutput, ServingError>] {
        defer { takeBackMemory() }
        let queries = inputs.map(\.nodes)
        do throws(ComputeError) {
            let field = part(of: graph, for: queries, terms.sampling, positions: &positions)
            let logits = try run(graph, field, changes: changes, on: gang)
            let rows = field?.rows ?? queries.map { $0 ?? Array(0..<graph.nodeCount) }
            return rows.map { .success(answer($0, of: logits, kernels: gang.kernels)) }
        } catch {
            let failure = ServingError(
                .resourceExhausted, "model '\(description.name)' has no memory for a graph of \(graph.nodeCount) nodes",
                label: "out_of_memory")
            return inputs.map { _ in .failure(failure) }
        }
    }

    /// The part of `graph` that `queries` depend on; nil when the whole graph should be run.
    private func part(
        of graph: FeatureGraph, for queries: [[Int]?], _ sampling: NeighbourSampling?, positions: inout [Int32]
    ) -> ReceptiveField? {
        let costs = RunCosts(of: network, features: graph.features)
        if let sampling {
            // A run of the whole graph would hear all neighbours.
            return ReceptiveField(
                of: queries.map { $0 ?? Array(0..<graph.nodeCount) }, in: graph.adjacency, sampling: sampling,
                costs: costs, costMax: nil, positions: &positions)
        }
        let named = queries.compactMap(\.self)
        guard named.count == queries.count else { return nil }
        return ReceptiveField(
            of: named, in: graph.adjacency, costs: costs, costMax: costs.partMax(of: graph.adjacency),
            positions: &positions)
    }

    private func run(
        _ graph: FeatureGraph, _ field: ReceptiveField?, changes: NodeChanges.Rows, on gang: ComputeGang
    ) throws(ComputeError) -> UnsafeNodeMatrix {
        guard let field else {
            work.wholeRunCount &+= 1
            for _ in network.layers { work.add(graph.adjacency) }
            return try network.run(graph, changes: changes, workspace: workspace, gang: gang)
        }
        work.partRunCount &+= 1
        for adjacency in field.adjacencies { work.add(adjacency) }
        return try network.run(field, of: graph, changes: changes, workspace: workspace, gang: gang)
    }

    /// Floats of workspace that are kept between executions: one large graph must not hold its memory for ever.
    private static let workspaceCountKept = 1 << 24

    private func takeBackMemory() {
        if workspace.capacity > Self.workspaceCountKept {
            workspace = Workspace()
        } else {
            workspace.reset()
        }
    }
}

/// What requests about the resident graph must have in common to share a run.
struct RunTerms: Hashable {
    let sampling: NeighbourSampling?
    let namespace: GraphNamespace

    /// The terms of a request when tenants have changed so much.
    init(_ input: InferenceInput, _ namespaces: [TenantID?: NodeChanges.Rows]) {
        sampling = input.sampling
        namespace = namespaces[input.tenant] == nil ? .unchanged : .changed(by: input.tenant)
    }

    /// What its tenant has changed.
    func changes(in namespaces: [TenantID?: NodeChanges.Rows]) -> NodeChanges.Rows {
        guard case .changed(let tenant) = namespace else { return [:] }
        return namespaces[tenant] ?? [:]
    }
}
